"""An export to another tracker: what is here, given in an order in which nothing is named too early."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

import msgspec
import sqlalchemy as sa

from tidemill.app.trackers.importing import Here, place_of_source
from tidemill.app.trackers.progress import Progress
from tidemill.core.digests import Digest
from tidemill.core.moments import to_ms
from tidemill.core.refs import Ref
from tidemill.models import store as registry
from tidemill.models.records import Model, ModelVersion
from tidemill.objects import ObjectStore
from tidemill.tracking.exporting import RunExporter
from tidemill.tracking.ports import (
    CarriedFile,
    CarriedModel,
    CarriedName,
    CarriedRun,
    CarriedVersion,
    FileRoot,
    FilesElsewhere,
    TrackerTarget,
)
from tidemill.tracking.records import Output

_PIECE = 1 << 20
_MOST_FILLED = 1000
_HERE = "tidemill"
"""The folder among a run's files into which a version's files go that no run has."""


class Export:
    """One export.

    Args:
        here: Where it comes from.
        target: Where it goes.
        progress: Is told how far it is.
        with_files: Whether artifacts are given too.
    """

    def __init__(self, here: Here, target: TrackerTarget, progress: Progress, *, with_files: bool) -> None:
        self._here = here
        self._target = target
        self._progress = progress
        self._with_files = with_files
        self._exporter = RunExporter(here.ledger)
        self._runs: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._tables = {"run": self._runs, "logged_model": self._models}

    def run(self) -> None:
        """Give everything."""
        self._progress.notes += self._target.notes
        self._progress.begin("experiments")
        homes = {}
        for experiment in self._exporter.experiments():
            if not _is_path(experiment.artifact_location):
                given = experiment
            else:  # a path here is none there
                given = msgspec.structs.replace(experiment, artifact_location="")
            homes[experiment.experiment_id] = self._target.put_experiment(given)
            self._progress.counts["experiments"] += 1
            self._progress.step()
        self._progress.begin("runs", self._exporter.count_runs())
        links: list[CarriedRun] = []
        for ours, theirs in homes.items():
            for runs in self._exporter.runs(ours):
                for run in runs:
                    self._run(run, theirs)
                links += (run for run in runs if run.outputs or run.model_inputs)
        self._progress.begin("logged models")
        for ours, theirs in homes.items():
            for models in self._exporter.logged_models(ours):
                for model in models:
                    self._logged_model(model, theirs)
        for run in links:
            self._link(run)
        self._registry()
        self._target.finish()
        self._progress.begin("")

    def _run(self, run: CarriedRun, home: str) -> None:
        there = self._target.put_run(run, home, self._points(run))
        self._runs[run.run_id] = there
        counts = self._progress.counts
        counts["runs"] += 1
        counts["params"] += len(run.params)
        counts["tags"] += len(run.tags)
        counts["inputs"] += len(run.inputs)
        self._files(Ref("run", run.run_id), there)
        self._progress.step()

    def _points(self, run: CarriedRun) -> "Iterator[list[tuple[str, str, int, int, float]]]":
        for points in self._exporter.points(run):
            self._progress.counts["metric points"] += len(points)
            self._progress.step(0)
            yield points

    def _logged_model(self, model: CarriedModel, home: str) -> None:
        if model.lifecycle_stage == "deleted" and not self._target.keeps_ids:
            self._progress.skipped["logged models in the trash, which a server does not take"] += 1
            return
        there = self._target.put_logged_model(model, home, self._runs.get(model.source_run_id, ""))
        if not there:
            self._progress.skipped["logged models, which an MLflow before 3 does not know"] += 1
            return
        self._models[model.model_id] = there
        self._progress.counts["logged models"] += 1
        self._files(Ref("logged_model", model.model_id), there)
        self._progress.step()

    def _link(self, run: CarriedRun) -> None:
        inputs = [self._models[model_id] for model_id in run.model_inputs if model_id in self._models]
        outputs = [
            Output(model_id=self._models[output.model_id], step=output.step)
            for output in run.outputs
            if output.model_id in self._models
        ]
        self._target.link(self._runs[run.run_id], inputs, outputs)

    def _files(self, owner: Ref, there: str) -> None:
        if not self._with_files:
            return
        for file in self._exporter.files(owner):
            self._file(owner.kind, there, CarriedFile(file.path, file.size), file.digest)

    def _file(self, kind: str, there: str, file: CarriedFile, digest: Digest) -> None:
        if self._target.has_file(kind, there, file):
            return
        self._progress.step(0)
        try:
            self._target.put_file(kind, there, file.path, _pieces(self._here.objects, digest))
        except FilesElsewhere as elsewhere:
            self._progress.skipped[f"artifacts: {elsewhere.message} ({elsewhere.hint})"] += 1
            return
        self._progress.counts["artifacts"] += 1
        self._progress.counts["artifact bytes"] += file.size

    def _registry(self) -> None:
        self._progress.begin("registered models")
        with self._here.ledger.read() as connection:
            models = registry.list_models(connection)
        for model in models:
            if model.deleted_at is not None:
                self._progress.skipped["registered models in the trash, which MLflow has none for"] += 1
                continue
            self._target.put_name(_name_of(model))
            self._progress.counts["registered models"] += 1
            numbers: dict[int, int] = {}
            for version in self._versions(model.name):
                self._fill(model.name, max(numbers, default=0) + 1, version.number)
                numbers[version.number] = self._version(version)
                self._progress.step(0)
            changed = sum(theirs not in {0, ours} for ours, theirs in numbers.items())
            if changed:
                self._progress.skipped["version numbers, where others were taken over there"] += changed
            aliases = {alias: numbers[number] for alias, number in model.aliases.items() if numbers.get(number)}
            self._target.put_aliases(model.name, aliases)
            self._progress.counts["aliases"] += len(aliases)
            self._progress.step()

    def _fill(self, name: str, first: int, until: int) -> None:
        """Take up numbers that no version here has, where the target counts by itself: they are deleted at once."""
        if self._target.keeps_ids or until - first > _MOST_FILLED:
            return
        for number in range(first, until):
            source = f"{_HERE}:/{quote(name)}/{number}"
            self._target.put_version(CarriedVersion(name=name, number=number, source=source, is_deleted=True), None)

    def _versions(self, name: str) -> Sequence[ModelVersion]:
        table = registry.model_versions.c
        with self._here.ledger.read() as connection:
            query = sa.select(table.id).where(table.model == name).order_by(table.number)
            return registry.versions_of(connection, list(connection.execute(query).scalars()))

    def _version(self, version: ModelVersion) -> int:
        files = self._files_of(version)
        given = CarriedVersion(
            name=version.model,
            number=version.number,
            source=version.source or f"{_HERE}:/{quote(version.model)}/{version.number}",
            run_id=self._runs.get(version.run_id or "", ""),
            logged_model_id=self._models.get(version.logged_model_id, ""),
            run_link=version.run_link,
            user=version.created_by,
            stage=version.stage,
            description=version.description,
            is_deleted=version.deleted_at is not None,
            created_ms=to_ms(version.created_at),
            updated_ms=to_ms(version.updated_at),
            tags=version.tags,
        )
        self._progress.counts["versions"] += 1
        return self._target.put_version(given, files)

    def _files_of(self, version: ModelVersion) -> FileRoot | None:
        """Return whose files there a version is of; those that no run has become files of the run that made it."""
        place = place_of_source(version.source)
        if place and place.id in self._tables.get(place.kind, {}):
            return (place.kind, self._tables[place.kind][place.id], place.path)
        entries = self._here.objects.list_tree(version.digest) if version.size else []
        if not entries or not self._with_files:
            return None
        there = self._runs.get(version.run_id or "")
        if there is None:
            self._progress.skipped["files of versions that no run made"] += len(entries)
            return None
        folder = f"{_HERE}/{version.model}/{version.number}"
        for entry in entries:
            self._file("run", there, CarriedFile(f"{folder}/{entry.path}", entry.size), entry.digest)
        return ("run", there, folder)


def _name_of(model: Model) -> CarriedName:
    return CarriedName(
        name=model.name,
        description=model.description,
        created_ms=to_ms(model.created_at),
        updated_ms=to_ms(model.updated_at),
        tags=model.tags,
    )


def _pieces(objects: ObjectStore, digest: Digest) -> Iterator[bytes]:
    with objects.verify(digest).open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _is_path(location: str) -> bool:
    return urlsplit(location).scheme in {"", "file"}
