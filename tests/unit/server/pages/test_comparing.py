import math

import pytest

from tidemill.core.access import OWNER
from tidemill.server.pages.comparing import column_of, compared
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


def test_a_column_is_of_numbers_where_all_are(workspace, three):
    found = [workspace.tracking.get_run(OWNER, run_id=each) for each in three]

    assert column_of(found, "params.rate").values == [0.1, 0.2, 0.3]
    assert column_of(found, "params.optimizer").values == ["adam", "sgd", "adam"]
    assert column_of(found, "metrics.none").values == [None, None, None]


def test_only_what_differs_is_shown_and_all_on_request(serve, three):
    http, ids = serve(), ",".join(three)
    short = http.get(f"/runs/compare?ids={ids}", headers=BROWSER).text
    whole = http.get(f"/runs/compare?ids={ids}&all=1", headers=BROWSER).text

    assert "2 of 3 params differ" in short
    assert "<bdi>seed</bdi>" not in short
    assert "Show also the 1" in short
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
