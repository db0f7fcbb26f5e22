"""What a model version is said to be of is found among the files of runs and logged models."""

import pytest

from tidemill.app.logged import LoggedFiles
from tidemill.core.access import OWNER
from tidemill.tracking.records import Output
from tidemill.tracking.rules import LoggedModelNotFound, RunNotFound


@pytest.fixture
def files(workspace):
    return LoggedFiles(workspace.tracking, workspace.logged_models)


@pytest.fixture
def run_id(workspace):
    run_id = workspace.tracking.create_run(OWNER, experiment="e").run_id
    for path in ("model/MLmodel", "model/code/a.py", "models/x", "notes.txt"):
        workspace.tracking.log_artifact(OWNER, run_id=run_id, path=path, content=path.encode())
    return run_id


def logged(workspace, run_id: str, name: str, content: bytes) -> str:
    """Return a logged model with a file and one in a folder, as an output of a run."""
    model_id = workspace.logged_models.create(OWNER, experiment_id="e", name=name, source_run_id=run_id).model_id
    for path in ("MLmodel", "code/a.py"):
        digest = workspace.objects.put_bytes(content + path.encode())
        workspace.tracking.put_artifact(OWNER, root=f"logged_model:{model_id}", path=path, digest=digest)
    workspace.tracking.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id=model_id)])
    return str(model_id)


def paths(found) -> list[str]:
    return [entry.path for entry in found.entries]


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("/model", ["MLmodel", "code/a.py"]),
        ("/model/code", ["a.py"]),
        ("/notes.txt", ["notes.txt"]),
        ("", ["model/MLmodel", "model/code/a.py", "models/x", "notes.txt"]),
        ("/none", []),
    ],
)
def test_a_place_among_a_runs_files_is_cut_off_their_paths(files, run_id, below, expected):
    found = files.find(OWNER, f"runs:/{run_id}{below}")

    assert (paths(found), found.run_id, found.logged_model_id) == (expected, run_id, "")


def test_a_logged_model_is_found_by_its_id(files, workspace, run_id):
    model_id = logged(workspace, run_id, "net", b"1")
    found = files.find(OWNER, f"models:/{model_id}")

    assert (paths(found), found.run_id, found.logged_model_id) == (["MLmodel", "code/a.py"], run_id, model_id)
    assert paths(files.find(OWNER, f"models:/{model_id}/code")) == ["a.py"]


def test_what_a_run_logged_under_a_name_is_the_logged_model_of_that_name(files, workspace, run_id):
    logged(workspace, run_id, "other", b"2")
    model_id = logged(workspace, run_id, "net", b"1")

    found = files.find(OWNER, f"runs:/{run_id}/net")
    assert (paths(found), found.logged_model_id) == (["MLmodel", "code/a.py"], model_id)
    assert paths(files.find(OWNER, f"runs:/{run_id}/net/code")) == ["a.py"]
    assert paths(files.find(OWNER, f"runs:/{run_id}/ne")) == []


def test_a_logged_model_in_the_trash_does_not_hide_the_others(files, workspace, run_id):
    gone = logged(workspace, run_id, "old", b"0")
    model_id = logged(workspace, run_id, "net", b"1")
    workspace.logged_models.delete(OWNER, model_id=gone)

    assert files.find(OWNER, f"runs:/{run_id}/net").logged_model_id == model_id
    assert paths(files.find(OWNER, f"runs:/{run_id}/old")) == []
    with pytest.raises(LoggedModelNotFound):
        files.find(OWNER, f"models:/{gone}")


@pytest.mark.parametrize("source", ["s3://bucket/model", "models:/delay/3", "models:/delay@champion", ""])
def test_what_is_not_among_the_files_here_is_none(files, source):
    assert files.find(OWNER, source) is None


def test_a_run_that_is_not_here_is_said(files):
    with pytest.raises(RunNotFound):
        files.find(OWNER, f"runs:/{'0' * 32}/model")
