import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.tracking.records import Metric, RunGroup
from tidemill.tracking.search.faults import InvalidFilter, InvalidOrder


@pytest.fixture
def some_runs(tracking):
    """Give the ids of six runs: two teams, one run without one, one in the trash."""
    made = []
    for at, team in enumerate(["ops", "ops", "ops", "growth", "", "growth"]):
        tags = {"team": team, "a 'b'": "x"} if team else {}
        run = tracking.create_run(OWNER, experiment=f"e{at % 2}", params={"depth": str(at % 3)}, tags=tags)
        tracking.log_batch(OWNER, run_id=run.run_id, metrics=[Metric(key="auc", value=at / 10)])
        made.append(run.run_id)
    tracking.delete_run(OWNER, run_id=made[-1])
    return made


@pytest.mark.parametrize(
    ("asked", "many"),
    [
        ({}, 5),
        ({"view": "deleted"}, 1),
        ({"view": "all"}, 6),
        ({"experiments": ["e0"]}, 3),
        ({"filter": "metrics.auc >= 0.2"}, 3),
        ({"filter": "metrics.auc >= 0.2 AND params.depth = '0'"}, 1),
        ({"filter": "tags.team IS NULL"}, 1),
        ({"filter": "params.depth = '9'"}, 0),
    ],
)
def test_a_count_is_what_the_search_finds(tracking, some_runs, asked, many):
    assert tracking.count_runs(OWNER, **asked).count == many
    assert len(tracking.search_runs(OWNER, **asked).runs) == many


def test_groups_are_counted_largest_first(tracking, some_runs):
    assert tracking.group_runs(OWNER, by="tags.team") == [
        RunGroup(value="ops", count=3),
        RunGroup(value="growth", count=1),
    ]
    assert tracking.group_runs(OWNER, by="params.depth", filter="tags.team = 'ops'", experiments=["e0"]) == [
        RunGroup(value="0", count=1),
        RunGroup(value="2", count=1),
    ]
    assert tracking.group_runs(OWNER, by="tags.`a 'b'`", max_results=1) == [RunGroup(value="x", count=4)]
    assert tracking.group_runs(OWNER, by="tags.nothing") == []


@pytest.mark.parametrize("by", ["metrics.auc", "run_name", "statuses", "tags.", "tags.team = 'x'", ""])
def test_only_tags_and_params_group(tracking, by):
    with pytest.raises((InvalidOrder, InvalidFilter)):
        tracking.group_runs(OWNER, by=by)


def test_keys_are_those_of_all_runs(tracking, some_runs):
    known = tracking.list_run_keys(OWNER)

    assert (known.metrics, known.params, known.tags) == (["auc"], ["depth"], ["a 'b'", "mlflow.runName", "team"])
    assert tracking.list_run_keys(OWNER, max_results=1).tags == ["a 'b'"]


@pytest.mark.parametrize("verb", ["group_runs", "list_run_keys"])
@pytest.mark.parametrize("most", [0, 10_001])
def test_limits_are_said(tracking, verb, most):
    more = {"by": "tags.team"} if verb == "group_runs" else {}
    with pytest.raises(InvalidInput, match="max_results"):
        getattr(tracking, verb)(OWNER, max_results=most, **more)
