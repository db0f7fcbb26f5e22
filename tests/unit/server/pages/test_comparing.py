import math

import pytest

from tidemill.core.access import OWNER
from tidemill.server.pages.comparing import compared
from tidemill.tracking.records import Metric

BROWSER = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def three(workspace):
    """Give the ids of three runs; two params differ and one does not."""
    made = []
    for at in range(3):
        params = {"rate": f"0.{at + 1}", "optimizer": ("adam", "sgd", "adam")[at], "seed": "7"}
        run = workspace.tracking.create_run(OWNER, name=f"r{at}", params=params)
        points = [Metric(key="auc", value=at + step / 100, step=step, timestamp=1000 + step) for step in range(2000)]
        workspace.tracking.log_batch(OWNER, run_id=run.run_id, metrics=[*points, Metric(key="rows", value=9)])
        made.append(run.run_id)
    return made


def test_what_differs_comes_first_and_nothing_is_not_a_number():
    rows = compared([{"a": 1.0, "b": 2.0, "n": math.nan}, {"a": 1.0, "b": 3.0, "n": math.nan}, {"a": 1.0, "b": 2.0}])

    assert [(row.name, row.differs) for row in rows] == [("b", True), ("n", True), ("a", False)]
    assert [row.differs for row in compared([{"n": math.nan}, {"n": math.nan}])] == [False]


def test_only_what_differs_is_shown_and_all_on_request(serve, three):
    http, ids = serve(), ",".join(three)
    short = http.get(f"/runs/compare?ids={ids}", headers=BROWSER).text
    whole = http.get(f"/runs/compare?ids={ids}&all=1", headers=BROWSER).text

    assert "2 of 3 params differ" in short
    assert "<bdi>seed</bdi>" not in short
    assert "Show also the one that is the same" in short
    assert "<bdi>seed</bdi>" in whole


@pytest.mark.parametrize(
    "query",
    [
        "x=time&log=1&smooth=90&metric=auc",
        "x=relative&metric=nothing&axis=nothing&across=nothing&up=nothing",
        "across=params.rate&up=metrics.auc&axis=params.rate&axis=params.optimizer&axis=metrics.auc",
        "smooth=x&x=%00&log=2",
    ],
)
def test_any_look_is_drawn(serve, three, query):
    answer = serve().get(f"/runs/compare?ids={','.join(three)}&{query}", headers=BROWSER)

    assert answer.status_code == 200
    assert answer.text.count("<figure") == 3


def test_long_histories_are_thinned_before_they_leave_the_database(serve, three):
    text = serve().get(f"/runs/compare?ids={','.join(three)}", headers=BROWSER).text

    assert "about 800 of them" in text
    assert len(text) < 400_000


def test_a_run_is_left_out_by_a_click_while_two_remain(serve, three):
    http = serve()
    three_runs = http.get(f"/runs/compare?ids={','.join(three)}&smooth=5", headers=BROWSER).text
    two_runs = http.get(f"/runs/compare?ids={','.join(three[:2])}", headers=BROWSER).text

    assert f"smooth=5&amp;ids={three[1]}%2C{three[2]}" in three_runs
    assert 'class="remove"' not in two_runs


def test_all_runs_of_a_search_are_put_side_by_side(serve, three):
    http = serve()
    answer = http.get("/runs/compare/found?filter=metrics.auc+>=+20.5&order=metrics.auc+ASC", follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/runs/compare?ids={three[1]}%2C{three[2]}"
    assert http.get("/runs/compare/found?filter=metrics.auc+>").status_code == 400
    assert (
        http.get("/runs/compare/found?filter=metrics.auc+>+99", headers=BROWSER, follow_redirects=True).status_code
        == 400
    )


def test_more_runs_than_can_stand_in_columns_are_strands_with_a_table_of_rows(serve, workspace):
    ids = [
        workspace.tracking.create_run(OWNER, name=f"r{at}", params={"depth": str(at), "kind": "ab"[at % 2]}).run_id
        for at in range(51)
    ]
    http = serve()
    text = http.get(f"/runs/compare?ids={','.join(ids)}", headers=BROWSER).text

    assert text.count("data-run=") == 51
    assert 'id="curves"' not in text
    assert "up to 50 runs" in text
    assert http.get(f"/runs/compare?ids={','.join(f'a{at}' for at in range(201))}").status_code == 400
