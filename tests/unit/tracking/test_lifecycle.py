"""Runs, experiments, models and versions live as a dictionary says, whatever is done to them in which order."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tidemill.app import Workspace, removal
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import OWNER
from tidemill.core.moments import utc_now
from tidemill.core.settings import Settings
from tidemill.models.rules import AliasNotFound, ModelExists, ModelNotFound, ModelVersionNotFound
from tidemill.tracking.records import Metric, RunStatus, View
from tidemill.tracking.rules import (
    ExperimentNotActive,
    ExperimentNotFound,
    ParamChanged,
    RunNotActive,
    RunNotFound,
    TagNotFound,
)
from tidemill.tracking.store import NAME_TAG

BOUNDED = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # to shrink a history of transactions would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "2"])
TEXTS = st.dictionaries(KEYS, VALUES, max_size=2)
POINTS = st.lists(st.tuples(KEYS, st.integers(-2, 5), st.integers(1, 3), st.sampled_from([0.5, 1.0, -3.0])), max_size=5)
ENDS = st.sampled_from([RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED])
WHICH = st.integers(0, 50)
_NUMBERS = count()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with Workspace(Settings(home=tmp_path_factory.mktemp("life") / "home")) as opened:
        yield opened


def play(make: Callable[[], RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(make, settings=BOUNDED)  # type: ignore[arg-type]  # whatever makes one will do


def test_runs_live_as_the_dictionary_says(workspace):
    play(lambda: RunLife(workspace))


def test_models_live_as_the_dictionary_says(workspace):
    play(lambda: ModelLife(workspace))


class RunLife(RuleBasedStateMachine):
    """Runs of one experiment. `gone` is what a thing went to the trash with, None while it is in use."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.tracking = workspace, workspace.tracking
        self.name = f"e{next(_NUMBERS)}"
        self.experiment: dict[str, Any] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.removed: list[str] = []

    def pick(self, which: int) -> tuple[str, dict[str, Any]]:
        return list(self.runs.items())[which % len(self.runs)]

    @rule(params=TEXTS, tags=TEXTS)
    def create(self, params, tags):
        if self.experiment.get("gone"):
            with pytest.raises(ExperimentNotActive):
                self.tracking.create_run(OWNER, experiment=self.name)
            return
        made = self.tracking.create_run(OWNER, experiment=self.name, params=params, tags=tags)
        self.experiment.setdefault("gone", None)
        self.runs[made.run_id] = {
            "status": RunStatus.RUNNING,
            "gone": None,
            "params": params,
            "tags": tags,
            "points": {},
            "files": {},
        }

    @precondition(lambda self: self.runs)
    @rule(which=WHICH, points=POINTS, params=TEXTS, tags=TEXTS, soon=st.booleans())
    def log(self, which, points, params, tags, soon):
        run_id, run = self.pick(which)
        metrics = [Metric(key=key, step=step, timestamp=at, value=value) for key, step, at, value in points]
        given = {"run_id": run_id, "metrics": metrics, "params": params, "tags": tags}

        def log():
            return self.tracking.log_soon(OWNER, **given).result() if soon else self.tracking.log_batch(OWNER, **given)

        if run["gone"]:
            with pytest.raises(RunNotActive):
                log()
        elif any(run["params"].get(key, value) != value for key, value in params.items()):
            with pytest.raises(ParamChanged):
                log()
        else:
            log()
            run["params"] = run["params"] | params
            run["tags"] = run["tags"] | tags
            for key, *place in points:
                run["points"].setdefault(key, set()).add(tuple(place))

    @precondition(lambda self: self.runs)
    @rule(which=WHICH, status=ENDS, again=st.booleans())
    def end(self, which, status, again):
        run_id, run = self.pick(which)
        if run["gone"]:
            with pytest.raises(RunNotActive):
                self.tracking.end_run(OWNER, run_id=run_id, status=status)
            return
        self.tracking.end_run(OWNER, run_id=run_id, status=status)
        if again:
            self.tracking.restart_run(OWNER, run_id=run_id)
        run["status"] = RunStatus.RUNNING if again else status

    @precondition(lambda self: self.runs)
    @rule(which=WHICH, key=KEYS)
    def untag(self, which, key):
        run_id, run = self.pick(which)
        fault = RunNotActive if run["gone"] else None if key in run["tags"] else TagNotFound
        if fault:
            with pytest.raises(fault):
                self.tracking.delete_run_tag(OWNER, run_id=run_id, key=key)
        else:
            self.tracking.delete_run_tag(OWNER, run_id=run_id, key=key)
            run["tags"] = {name: value for name, value in run["tags"].items() if name != key}

    @precondition(lambda self: self.runs)
    @rule(which=WHICH, path=st.sampled_from(["f", "d/g"]), content=st.binary(max_size=3))
    def file(self, which, path, content):
        run_id, run = self.pick(which)
        if run["gone"]:
            with pytest.raises(RunNotActive):
                self.tracking.log_artifact(OWNER, run_id=run_id, path=path, content=content)
        else:
            self.tracking.log_artifact(OWNER, run_id=run_id, path=path, content=content)
            run["files"][path] = content

    @precondition(lambda self: self.runs)
    @rule(which=WHICH)
    def delete(self, which):
        run_id, run = self.pick(which)
        self.tracking.delete_run(OWNER, run_id=run_id)
        run["gone"] = run["gone"] or object()

    @precondition(lambda self: self.runs)
    @rule(which=WHICH)
    def restore(self, which):
        run_id, run = self.pick(which)
        self.tracking.restore_run(OWNER, run_id=run_id)
        run["gone"] = None

    @precondition(lambda self: self.experiment)
    @rule()
    def delete_experiment(self):
        if self.experiment["gone"]:
            with pytest.raises(ExperimentNotFound):
                self.tracking.delete_experiment(OWNER, experiment=self.name)
            return
        self.tracking.delete_experiment(OWNER, experiment=self.name)
        self.experiment["gone"] = object()
        for run in self.runs.values():
            run["gone"] = run["gone"] or self.experiment["gone"]

    @precondition(lambda self: self.experiment)
    @rule()
    def restore_experiment(self):
        if not self.experiment["gone"]:
            with pytest.raises(ExperimentNotFound):
                self.tracking.restore_experiment(OWNER, experiment=self.name)
            return
        self.tracking.restore_experiment(OWNER, experiment=self.name)
        for run in self.runs.values():
            if run["gone"] is self.experiment["gone"]:
                run["gone"] = None
        self.experiment["gone"] = None

    @rule()
    def collect(self):
        removal.remove(self.workspace.ledger, OWNER, utc_now(), Progress())
        self.removed += [run_id for run_id, run in self.runs.items() if run["gone"]]
        self.runs = {run_id: run for run_id, run in self.runs.items() if not run["gone"]}
        if self.experiment.get("gone") and not self.runs:
            self.experiment = {}

    @invariant()
    def every_run_is_as_it_should_be(self):
        for run_id, run in self.runs.items():
            found = self.tracking.get_run(OWNER, run_id=run_id)
            assert found.status == run["status"]
            assert found.lifecycle_stage == ("deleted" if run["gone"] else "active")
            assert (found.deleted_at is not None) is bool(run["gone"])
            tags = {key: value for key, value in found.tags.items() if key != NAME_TAG}
            assert (found.params, tags) == (run["params"], run["tags"])
            assert found.metrics == {key: max(points)[2] for key, points in run["points"].items()}
            for key, points in run["points"].items():
                history = self.tracking.metric_history(OWNER, run_id=run_id, key=key).metrics
                assert [(each.step, each.timestamp, each.value) for each in history] == sorted(points)
            files = self.tracking.list_artifacts(OWNER, run_id=run_id)
            assert {each.path: self.workspace.objects.read(each.digest) for each in files} == run["files"]

    @invariant()
    def searches_see_what_they_should(self):
        if not self.experiment:
            return
        views: tuple[tuple[View, bool], ...] = (("active", False), ("deleted", True))
        for view, is_gone in views:
            found = self.tracking.search_runs(OWNER, experiments=[self.name], view=view).runs
            expected = {run_id for run_id, run in self.runs.items() if bool(run["gone"]) is is_gone}
            assert {run.run_id for run in found} == expected

    def teardown(self):
        for run_id in self.removed:
            with pytest.raises(RunNotFound):
                self.tracking.get_run(OWNER, run_id=run_id)
        assert self.workspace.maintenance.fsck(OWNER).is_clean


class ModelLife(RuleBasedStateMachine):
    """Two names and their versions. `gone` is what a thing went to the trash with, None while it is in use."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.registry = workspace, workspace.models
        self.names = [f"m{next(_NUMBERS)}", f"m{next(_NUMBERS)}"]
        self.models: dict[str, dict[str, Any]] = {}

    name = st.integers(0, 1)
    number = st.integers(1, 4)
    stage = st.sampled_from(["Staging", "Production"])

    def here(self, name: str) -> dict[str, Any] | None:
        found = self.models.get(name)
        return found if found and not found["gone"] else None

    def version(self, name: str, number: int) -> dict[str, Any] | None:
        found = self.models.get(name, {"versions": {}})["versions"].get(number)
        return found if found and not found["gone"] else None

    def revive(self, name: str) -> dict[str, Any]:
        """Return a model in use: as it is, or without the tags that it had before it went to the trash."""
        if not self.here(name):
            versions = self.models.get(name, {"versions": {}})["versions"]
            self.models[name] = {"gone": None, "tags": {}, "aliases": {}, "versions": versions}
        return self.models[name]

    @rule(at=name, tags=TEXTS)
    def create(self, at, tags):
        name = self.names[at]
        if self.here(name):
            with pytest.raises(ModelExists):
                self.registry.create(OWNER, name=name)
        else:
            self.registry.create(OWNER, name=name, tags=tags)
            self.revive(name)["tags"] = tags

    @rule(at=name, tags=TEXTS)
    def register(self, at, tags):
        name = self.names[at]
        made = self.registry.create_version(OWNER, name=name, source="s3://bucket/model", tags=tags)
        model = self.revive(name)
        assert made.number == max(model["versions"], default=0) + 1
        model["versions"][made.number] = {"gone": None, "stage": "None", "tags": tags}

    @rule(at=name, number=number, alias=KEYS)
    def point(self, at, number, alias):
        name = self.names[at]
        if self.version(name, number):
            self.registry.set_alias(OWNER, name=name, alias=alias, version=number)
            self.models[name]["aliases"][alias] = number
        else:
            with pytest.raises((ModelNotFound, ModelVersionNotFound)):
                self.registry.set_alias(OWNER, name=name, alias=alias, version=number)

    @rule(at=name, alias=KEYS)
    def unpoint(self, at, alias):
        name = self.names[at]
        model = self.here(name)
        if model and alias in model["aliases"]:
            self.registry.delete_alias(OWNER, name=name, alias=alias)
            del model["aliases"][alias]
        else:
            with pytest.raises((ModelNotFound, AliasNotFound)):
                self.registry.delete_alias(OWNER, name=name, alias=alias)

    @rule(at=name, number=number, stage=stage, archive=st.booleans())
    def move(self, at, number, stage, archive):
        name = self.names[at]
        if not self.version(name, number):
            with pytest.raises((ModelNotFound, ModelVersionNotFound)):
                self.registry.transition_stage(OWNER, ref=f"{name}@{number}", stage=stage)
            return
        self.registry.transition_stage(OWNER, ref=f"{name}@{number}", stage=stage, archive_existing=archive)
        versions = self.models[name]["versions"]
        for other in versions.values():
            if archive and other["stage"] == stage:
                other["stage"] = "Archived"
        versions[number]["stage"] = stage

    @rule(at=name, number=number, tags=TEXTS)
    def describe(self, at, number, tags):
        name = self.names[at]
        found = self.version(name, number)
        if found:
            self.registry.describe(OWNER, ref=f"{name}@{number}", tags=tags)
            found["tags"] = found["tags"] | tags
        else:
            with pytest.raises((ModelNotFound, ModelVersionNotFound)):
                self.registry.describe(OWNER, ref=f"{name}@{number}", tags=tags)

    @rule(at=name, number=number)
    def delete_version(self, at, number):
        name = self.names[at]
        found = self.version(name, number)
        if found:
            self.registry.delete_version(OWNER, ref=f"{name}@{number}")
            found["gone"] = object()
            self.models[name]["aliases"] = {
                alias: to for alias, to in self.models[name]["aliases"].items() if to != number
            }
        else:
            with pytest.raises((ModelNotFound, ModelVersionNotFound)):
                self.registry.delete_version(OWNER, ref=f"{name}@{number}")

    @rule(at=name, number=number)
    def restore_version(self, at, number):
        name = self.names[at]
        model = self.here(name)
        if model and model["versions"].get(number, {}).get("gone"):
            self.registry.restore_version(OWNER, name=name, number=number)
            model["versions"][number]["gone"] = None
        else:
            with pytest.raises((ModelNotFound, ModelVersionNotFound)):
                self.registry.restore_version(OWNER, name=name, number=number)

    @rule(at=name)
    def delete(self, at):
        name = self.names[at]
        model = self.here(name)
        if not model:
            with pytest.raises(ModelNotFound):
                self.registry.delete(OWNER, name=name)
            return
        self.registry.delete(OWNER, name=name)
        model["gone"] = object()
        model["aliases"] = {}
        for version in model["versions"].values():
            version["gone"] = version["gone"] or model["gone"]

    @rule(at=name)
    def restore(self, at):
        name = self.names[at]
        model = self.models.get(name)
        if not model or not model["gone"]:
            with pytest.raises(ModelNotFound):
                self.registry.restore(OWNER, name=name)
            return
        self.registry.restore(OWNER, name=name)
        for version in model["versions"].values():
            if version["gone"] is model["gone"]:
                version["gone"] = None
        model["gone"] = None

    @rule(at=name)
    def rename(self, at):
        name, other = self.names[at], self.names[1 - at]
        if not self.here(name) or other in self.models:
            with pytest.raises((ModelNotFound, ModelExists)):
                self.registry.rename(OWNER, name=name, new_name=other)
        else:
            self.registry.rename(OWNER, name=name, new_name=other)
            self.models[other] = self.models.pop(name)

    @rule()
    def collect(self):
        removal.remove(self.workspace.ledger, OWNER, utc_now(), Progress())
        for name, model in list(self.models.items()):
            if model["gone"]:
                del self.models[name]
                continue
            newest = max(model["versions"], default=0)
            model["versions"] = {
                number: version
                for number, version in model["versions"].items()
                if not version["gone"] or number == newest
            }

    @invariant()
    def every_model_is_as_it_should_be(self):
        for name in self.names:
            model = self.here(name)
            if not model:
                with pytest.raises(ModelNotFound):
                    self.registry.get_model(OWNER, name=name)
                continue
            found = self.registry.get_model(OWNER, name=name)
            assert (found.tags, found.aliases) == (model["tags"], model["aliases"])
            here = {number: version for number, version in model["versions"].items() if not version["gone"]}
            assert found.latest == max(here, default=0)
            versions = {each.number: each for each in self.registry.versions(OWNER, name=name)}
            assert set(versions) == set(here)
            for number, version in here.items():
                assert (versions[number].stage, versions[number].tags) == (version["stage"], version["tags"])
                pointing = [alias for alias, to in sorted(model["aliases"].items()) if to == number]
                assert versions[number].aliases == pointing

    def teardown(self):
        assert self.workspace.maintenance.fsck(OWNER).is_clean
