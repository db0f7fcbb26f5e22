import re

import pytest

from tidemill.core.access import OWNER
from tidemill.server.pages.run_query import Asked, read_asked
from tidemill.server.pages.run_rows import Reader, cells_of, suggested
from tidemill.server.pages.runs import check, problem_of
from tidemill.tracking.records import Metric
from tidemill.tracking.search.faults import InvalidFilter

BROWSER = {"accept": "text/html,application/xhtml+xml"}
HOSTILE = "<script>'\"</script>"


@pytest.fixture
def family(workspace):
    """Give the ids of 120 runs, in threes: an outer one and two nested in it, of two teams and one without."""
    made: list[str] = []
    tracking = workspace.tracking
    for at in range(120):
        tags = {"mlflow.parentRunId": made[at - at % 3]} if at % 3 else {"team": "ops" if at % 2 else "dev"}
        run = tracking.create_run(OWNER, experiment="e", name=f"run {at}", params={"depth": str(at % 5)}, tags=tags)
        tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="auc", value=at / 120)])
        made.append(run.run_id)
    return made


def rows(http, query):
    return http.get(f"/runs/rows?{query}").json()


def names(html):
    return re.findall(r"<bdi>(run \d+)</bdi>", html)


def test_rows_come_in_stretches_with_their_number(serve, family):
    first, second = rows(serve(), "column=metrics.auc"), rows(serve(), "start=100")

    assert (first["total"], len(names(first["html"])), len(names(second["html"]))) == (120, 100, 20)
    assert names(first["html"])[0] == "run 119"
    assert 'aria-rowindex="102"' in second["html"]
    assert rows(serve(), "only=total&filter=params.depth+%3D+'1'") == {"total": 24, "start": 0, "html": ""}


def test_rows_are_filtered_and_ordered(serve, family):
    found = rows(serve(), "filter=metrics.auc+<+0.1&order=metrics.auc+ASC")

    assert names(found["html"]) == [f"run {at}" for at in range(12)]


def test_outer_runs_hold_the_number_of_those_nested_in_them(serve, family):
    outer = rows(serve(), "group=parent")
    inner = rows(serve(), f"group=parent&within=%3D{family[0]}")

    assert outer["total"] == 40
    assert outer["html"].count('data-many="2"') == 40
    assert sorted(names(inner["html"])) == ["run 1", "run 2"]
    assert 'class="inner"' in inner["html"]


def test_groups_of_a_tag_end_with_those_that_lack_it(serve, family):
    groups = rows(serve(), "group=tags.team")

    assert groups["total"] == 3
    assert re.findall(r'data-within="(.*?)" data-many="(\d+)"', groups["html"]) == [
        ("=dev", "20"),
        ("=ops", "20"),
        ("-", "80"),
    ]
    assert rows(serve(), "group=tags.team&within=-")["total"] == 80


def test_some_rows_are_renewed_by_their_ids(serve, workspace, family):
    workspace.tracking.end_run(OWNER, run_id=family[3])
    found = rows(serve(), f"ids={family[3]},nothing,%27x")

    assert names(found["html"]) == ["run 3"]
    assert "finished" in found["html"]


def test_a_fault_of_a_filter_is_shown_where_it_is(serve):
    answer = serve().get("/runs", params={"filter": "metrics.auc > high", "status": "FAILED"}, headers=BROWSER)

    assert answer.status_code == 400
    assert "metrics.auc &gt; <mark>high</mark>" in answer.text
    assert serve().get("/runs/rows", params={"filter": "high >"}).json()["error"]["code"] == "invalid_filter"


@pytest.mark.parametrize(
    "asked", [Asked(), Asked(status="FAILED"), Asked(group="parent"), Asked(group="tags.x", within="-")]
)
@pytest.mark.parametrize(
    ("text", "fault"), [("metrics.auc > high", "high"), ("stat = 'x'", "stat"), ("a = 1) OR (b = 2", ")")]
)
def test_the_place_of_a_fault_is_its_place_in_what_was_written(workspace, asked, text, fault):
    asked = Asked(filter=text, status=asked.status, group=asked.group, within=asked.within)

    def search():
        check(asked)
        Reader(workspace, OWNER).count(asked)

    with pytest.raises(InvalidFilter) as caught:
        search()
    found = problem_of(caught.value, asked)

    assert (found.before + found.at + found.after, found.at) == (text, fault)
    assert found.column == text.index(fault)


def test_a_plain_word_is_offered_as_a_search_of_names(serve):
    text = serve().get("/runs?filter=otter", headers=BROWSER).text

    assert "filter=run_name+ILIKE+%27%25otter%25%27" in text


@pytest.mark.parametrize(
    "query",
    [
        "order=nothing",
        "order=metrics.auc+SIDEWAYS",
        "group=tags.x&within=%3D'\"",
        "experiment=no",
        "filter=%00",
        "start=99999999999",
    ],
)
def test_nothing_that_is_asked_breaks_the_table(serve, family, query):
    assert serve().get(f"/runs?{query}", headers=BROWSER).status_code in {200, 400, 404}
    assert serve().get(f"/runs/rows?{query}").status_code in {200, 400, 404}


def test_a_view_is_kept_named_opened_and_deleted(serve, workspace, family):
    http = serve()
    asked = Asked(filter="metrics.auc > 0.5", order="metrics.auc DESC", shown=("params.depth",), experiment="e")
    fields = {"name": "best", "query": asked.query}
    kept = http.post("/runs/views", data=fields, headers={"origin": "http://localhost"}, follow_redirects=False)
    page = http.get(kept.headers["location"], headers=BROWSER).text
    home = workspace.tracking.get_experiment(OWNER, name="e")

    assert (kept.status_code, kept.headers["location"]) == (303, asked.address())
    assert home.tags == {"tidemill.view.best": asked.query}
    assert 'aria-current="true"><bdi>best</bdi>' in page
    gone = {"name": "best", "experiment": home.experiment_id}
    assert http.post("/runs/views/delete", data=gone, headers={"origin": "http://localhost"}).status_code in {200, 303}
    assert workspace.tracking.get_experiment(OWNER, name="e").tags == {}


def test_a_view_of_all_experiments_is_kept_by_default_and_a_wrong_one_by_none(serve, workspace):
    http, origin = serve(), {"origin": "http://localhost"}
    http.post("/runs/views", data={"name": "all", "query": "status=FAILED&start=100"}, headers=origin)
    refused = http.post("/runs/views", data={"name": "bad", "query": "filter=)"}, headers=origin)

    assert workspace.tracking.get_experiment(OWNER, name="Default").tags == {"tidemill.view.all": "status=FAILED"}
    assert refused.status_code == 400


def test_what_stands_in_tags_of_views_is_only_text(serve, workspace):
    tags = {"tidemill.view.x": "javascript:alert(1)", "tidemill.view.y": f"filter={HOSTILE}"}
    workspace.tracking.update_experiment(OWNER, experiment="0", tags=tags)
    text = serve().get("/runs", headers=BROWSER).text

    assert "javascript:" not in text
    assert "<script>" not in text


def test_hostile_names_values_and_keys_are_only_text(serve, workspace):
    run = workspace.tracking.create_run(OWNER, name=HOSTILE, params={"p": HOSTILE}, tags={"t": HOSTILE})
    for query in ("", "?show=params.p&show=tags.t", "?group=tags.t", "?group=params.p"):
        assert HOSTILE not in serve().get(f"/runs{query}", headers=BROWSER).text
    assert HOSTILE not in rows(serve(), f"ids={run.run_id}&column=tags.t")["html"]


def test_columns_suggest_themselves_by_how_many_runs_have_them(workspace, family):
    workspace.tracking.log_batch(OWNER, run_id=family[0], metrics=[Metric(key=f"m{at}", value=1) for at in range(9)])
    runs = workspace.tracking.search_runs(OWNER, max_results=200).runs

    assert suggested(runs) == ["metrics.auc", "metrics.m0", "metrics.m1", "metrics.m2", "params.depth"]
    assert cells_of(runs[-1], ["metrics.auc", "params.depth", "tags.team", "tags.none"]) == [0.0, "0", "dev", None]
    assert read_asked([("show", "metrics.auc")] * 3).shown == ("metrics.auc",)
