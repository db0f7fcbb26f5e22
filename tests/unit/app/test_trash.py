"""The trash tells what lies in it, what came with what, from when on it may go, and what it holds."""

from datetime import timedelta

import pytest

from tidemill.app import Workspace
from tidemill.app.records import Trashed
from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.core.moments import InvalidDuration
from tidemill.core.refs import Ref
from tidemill.tracking.paging import InvalidPageToken


def run_with(workspace: Workspace, size: int, experiment: str = "delays", name: str = "") -> str:
    run = workspace.tracking.create_run(OWNER, experiment=experiment, name=name)
    workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="model/file.bin", content=b"x" * size)
    workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="model/MLmodel", content=b"flavors: {}\n")
    return run.run_id


def listed(workspace: Workspace, **asked) -> list[Trashed]:
    return workspace.maintenance.list_trash(OWNER, **asked).items


@pytest.fixture
def registered(workspace):
    """Give a workspace with a model of three versions, made by a run."""
    run_id = run_with(workspace, 1000)
    for _ in range(3):
        workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run_id}/model")
    return workspace


def test_an_empty_trash_is_empty(workspace):
    run_with(workspace, 10)

    assert listed(workspace) == []


def test_what_was_put_there_last_comes_first(workspace):
    runs = [run_with(workspace, 10) for _ in range(3)]
    for each in runs:
        workspace.tracking.delete_run(OWNER, run_id=each)
    first = workspace.maintenance.list_trash(OWNER, max_results=2)
    rest = workspace.maintenance.list_trash(OWNER, max_results=2, page_token=first.next_page_token)

    assert [each.id for each in first.items + rest.items] == runs[::-1]
    assert rest.next_page_token == ""
    with pytest.raises(InvalidPageToken):
        workspace.maintenance.list_trash(OWNER, page_token="forged")
    with pytest.raises(InvalidInput):
        workspace.maintenance.list_trash(OWNER, max_results=0)


def test_a_run_says_its_bytes_and_when_it_may_go(workspace):
    run_id = run_with(workspace, 5000, name="old one")
    workspace.tracking.delete_run(OWNER, run_id=run_id)
    (found,) = listed(workspace, older_than="7d")

    assert (found.kind, found.id, found.name, found.size_bytes, found.stays) == ("run", run_id, "old one", 5012, "")
    assert found.goes_at == found.deleted_at + timedelta(days=7)
    with pytest.raises(InvalidDuration):
        listed(workspace, older_than="soon")


def test_runs_that_went_with_their_experiment_are_counted_there(workspace):
    alone = run_with(workspace, 10)
    for size in (100, 200):
        run_with(workspace, size)
    workspace.tracking.delete_run(OWNER, run_id=alone)
    workspace.tracking.delete_experiment(OWNER, experiment="delays")
    experiment, run = listed(workspace)

    assert (experiment.kind, experiment.name, experiment.together) == ("experiment", "delays", 2)
    assert experiment.size_bytes == 10 + 100 + 200 + 3 * 12
    assert (run.kind, run.id) == ("run", alone)
    workspace.tracking.restore_experiment(OWNER, experiment="delays")
    assert [each.id for each in listed(workspace)] == [alone]


def test_an_experiment_with_a_run_that_was_restored_stays(workspace):
    run_id = run_with(workspace, 10)
    workspace.tracking.delete_experiment(OWNER, experiment="delays")
    workspace.tracking.restore_run(OWNER, run_id=run_id)
    (found,) = listed(workspace)

    assert (found.stays, found.goes_at, found.together) == ("it has runs", None, 0)


def test_the_first_experiment_stays(workspace):
    workspace.tracking.delete_experiment(OWNER, experiment="Default")

    assert listed(workspace)[0].stays == "every workspace has it"


def test_a_single_version_is_listed_by_its_number(registered):
    registered.models.delete_version(OWNER, ref="delay@2")
    registered.models.delete_version(OWNER, ref="delay@3")
    newest, second = listed(registered, kind="model_version")

    assert (newest.name, newest.stays) == ("delay@3", "its number is the model's newest")
    assert (second.name, second.stays, second.size_bytes) == ("delay@2", "", 1012)
    assert second.goes_at is not None


def test_versions_that_went_with_their_model_are_counted_there(registered):
    registered.models.delete_version(OWNER, ref="delay@1")
    registered.models.delete(OWNER, name="delay")
    model, version = listed(registered)

    assert (model.kind, model.id, model.together, model.size_bytes) == ("model", "delay", 2, 2024)
    assert version.name == "delay@1"


def test_a_logged_model_is_listed_with_its_bytes(workspace):
    made = workspace.logged_models.create(OWNER, experiment_id="0", name="tree")
    digest = workspace.objects.put_bytes(b"y" * 70)
    workspace.tracking.put_artifact(OWNER, root=f"logged_model:{made.model_id}", path="m", digest=digest)
    workspace.logged_models.delete(OWNER, model_id=made.model_id)
    (found,) = listed(workspace)

    assert (found.kind, found.id, found.name, found.size_bytes) == ("logged_model", made.model_id, "tree", 70)


def test_it_says_what_gc_does(registered):
    run_id = run_with(registered, 10)
    registered.tracking.delete_run(OWNER, run_id=run_id)
    registered.models.delete_version(OWNER, ref="delay@2")
    registered.models.delete_version(OWNER, ref="delay@3")
    before = listed(registered)
    made = registered.maintenance.gc(OWNER, older_than="0s")

    assert sum(made.removed.get(kind, 0) for kind in ("runs", "model versions")) == sum(
        not each.stays for each in before
    )
    assert {each.subject: each.reason for each in made.kept} == {
        str(Ref(each.kind, each.id)): each.stays for each in before if each.stays
    }
    assert [each.id for each in listed(registered)] == [each.id for each in before if each.stays]
