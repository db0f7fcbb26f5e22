"""An export gives things in an order in which nothing is named too early, under the numbers that there are there."""

from collections.abc import Mapping

import pytest

from tidemill.app.trackers.exporting import Export
from tidemill.app.trackers.importing import Here
from tidemill.app.trackers.progress import Progress, TransferCancelled
from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.tracking.ports import FilesElsewhere
from tidemill.tracking.records import Metric, Output


class Target:
    """Notes what it is given; ids there begin with `there-`, version numbers are given out one after the other."""

    place, notes, keeps_ids = "there", ("a note",), False
    takes_models, takes_files = True, True

    def __init__(self) -> None:
        self.given: list[str] = []
        self.points: list[tuple[str, int]] = []
        self.files: dict[str, bytes] = {}
        self.aliases: dict[str, dict[str, int]] = {}
        self.versions: list[tuple[str, str, bool, object]] = []
        self.locations: dict[str, str] = {}

    def put_experiment(self, experiment):
        self.given.append(f"experiment {experiment.name}")
        self.locations[experiment.name] = experiment.artifact_location
        return f"there-{experiment.experiment_id}"

    def put_run(self, run, experiment_id, points):
        self.points += [(key, step) for some in points for _, key, step, _, _ in some]
        self.given.append(f"run {run.name} in {experiment_id}")
        return f"there-{run.run_id}"

    def put_logged_model(self, model, experiment_id, run_id):
        self.given.append(f"model {model.name} of {run_id[:6]}")
        return f"there-{model.model_id}" if self.takes_models else ""

    def link(self, run_id, inputs, outputs):
        self.given.append(f"link {len(inputs)} {[output.model_id[:6] for output in outputs]}")

    def put_name(self, name):
        self.given.append(f"name {name.name}")

    def put_version(self, version, files):
        self.versions.append((version.source, version.run_id, version.is_deleted, files))
        return len(self.versions)

    def put_aliases(self, name, aliases: Mapping[str, int]):
        self.aliases[name] = dict(aliases)

    def has_file(self, kind, identifier, file):
        return f"{identifier}/{file.path}" in self.files

    def put_file(self, kind, identifier, path, pieces):
        if not self.takes_files:
            raise FilesElsewhere("They are in S3", hint="Copy them.")
        self.files[f"{identifier}/{path}"] = b"".join(pieces)

    def finish(self):
        self.given.append("finish")

    def close(self):
        pass


@pytest.fixture
def run_id(workspace):
    tracking = workspace.tracking
    run_id = tracking.create_run(OWNER, experiment="delays", name="tree").run_id
    tracking.log_batch(OWNER, run_id=run_id, metrics=[Metric(key="loss", value=1.0, step=step) for step in range(3)])
    for path in ("model/MLmodel", "notes.txt"):
        tracking.log_artifact(OWNER, run_id=run_id, path=path, content=path.encode())
    return run_id


@pytest.fixture
def give(workspace):
    """Give a function that exports to a target and returns the report."""

    def given(target, *, with_files=True):
        progress = Progress()
        here = Here(workspace.ledger, workspace.objects, workspace.models._sources, workspace.models, workspace.data)
        Export(here, target, progress, with_files=with_files).run()
        return progress.report()

    return given


def test_everything_comes_after_what_it_names(workspace, run_id, give):
    made = workspace.logged_models.create(OWNER, experiment_id="delays", name="net", source_run_id=run_id)
    workspace.tracking.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id=made.model_id)])
    workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run_id}/model", run_id=run_id)
    workspace.models.set_alias(OWNER, name="delay", alias="champion", version=1)
    target = Target()
    report = give(target)

    assert target.given == [
        "experiment Default",
        "experiment delays",
        "run tree in there-1",
        "model net of there-",
        "link 0 ['there-']",
        "name delay",
        "finish",
    ]
    assert target.points == [("loss", 0), ("loss", 1), ("loss", 2)]
    assert target.aliases == {"delay": {"champion": 1}}
    assert target.versions == [(f"runs:/{run_id}/model", f"there-{run_id}", False, ("run", f"there-{run_id}", "model"))]
    assert (report.counts["metric points"], report.counts["artifacts"]) == (3, 2)
    assert (report.notes, report.doing) == (["a note"], "")
    assert give(target).counts.get("artifacts", 0) == 0, "what is there is not given again"


def test_numbers_that_nobody_has_here_are_taken_up_so_that_the_others_fit(workspace, run_id, give):
    for _ in range(3):
        workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run_id}/model", run_id=run_id)
    workspace.models.set_alias(OWNER, name="delay", alias="champion", version=3)
    for number in (1, 2):
        workspace.models.delete_version(OWNER, ref=f"delay@{number}")
    workspace.maintenance.gc(OWNER, older_than="0s")
    target = Target()
    give(target)

    assert [(source, is_deleted) for source, _, is_deleted, _ in target.versions] == [
        ("tidemill:/delay/1", True),
        ("tidemill:/delay/2", True),
        (f"runs:/{run_id}/model", False),
    ]
    assert target.aliases == {"delay": {"champion": 3}}


def test_where_others_were_taken_aliases_go_with_their_version_and_it_is_said(workspace, run_id, give):
    workspace.models.create_version(OWNER, name="delay", source=f"runs:/{run_id}/model", run_id=run_id)
    workspace.models.set_alias(OWNER, name="delay", alias="champion", version=1)
    target = Target()
    target.versions.append(("theirs", "", False, None))
    report = give(target)

    assert target.aliases == {"delay": {"champion": 2}}
    assert report.skipped["version numbers, where others were taken over there"] == 1


def test_what_the_target_does_not_take_is_counted_by_its_reason(workspace, run_id, give):
    kept, gone = (
        workspace.logged_models.create(OWNER, experiment_id="delays", name=name, source_run_id=run_id).model_id
        for name in ("kept", "gone")
    )
    workspace.logged_models.delete(OWNER, model_id=gone)
    workspace.tracking.log_outputs(OWNER, run_id=run_id, outputs=[Output(model_id=kept)])
    workspace.models.create(OWNER, name="old")
    workspace.models.delete(OWNER, name="old")
    target = Target()
    target.takes_models = target.takes_files = False
    report = give(target)

    assert report.skipped == {
        "artifacts: They are in S3 (Copy them.)": 2,
        "logged models in the trash, which a server does not take": 1,
        "logged models, which an MLflow before 3 does not know": 1,
        "registered models in the trash, which MLflow has none for": 1,
    }
    assert "link 0 []" in target.given


def test_without_files_none_are_given_and_versions_name_where_they_were(workspace, run_id, give):
    workspace.models.create_version(OWNER, name="delay", source="s3://bucket/model", run_id=run_id)
    target = Target()
    give(target, with_files=False)

    assert target.files == {}
    assert target.versions == [("s3://bucket/model", f"there-{run_id}", False, None)]


def test_a_place_that_is_a_path_here_is_none_there(workspace, give):
    workspace.tracking.create_experiment(OWNER, name="far", artifact_location="s3://bucket/far")
    with pytest.raises(InvalidInput):
        workspace.tracking.create_experiment(OWNER, name="near", artifact_location="/srv/near")
    target = Target()
    give(target)

    assert target.locations == {"Default": "", "far": "s3://bucket/far"}


def test_one_that_was_cancelled_ends_before_the_next_run(workspace, run_id):
    progress, target = Progress(), Target()
    progress.cancel()
    here = Here(workspace.ledger, workspace.objects, workspace.models._sources, workspace.models, workspace.data)
    with pytest.raises(TransferCancelled):
        Export(here, target, progress, with_files=False).run()  # type: ignore[arg-type]  # it needs just these

    assert "finish" not in target.given
