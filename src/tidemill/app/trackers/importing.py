"""An import from another tracker: what its integration yields, in an order in which nothing is named too early."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tidemill.app.trackers.fetching import Fetching
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.models.importing import Located, RegistryImporter
from tidemill.models.ports import SourceFiles
from tidemill.models.service import ModelService
from tidemill.objects import ObjectStore
from tidemill.tracking.importing import RunImporter
from tidemill.tracking.places import SCHEME, ArtifactPlace, place_of, place_of_uri
from tidemill.tracking.ports import CarriedExperiment, CarriedModel, CarriedRun, CarriedVersion, TrackerSource

_VERSIONS = "models:/"


@dataclass(frozen=True, slots=True)
class Here:
    """Where what is imported goes."""

    ledger: Ledger
    objects: ObjectStore
    files: SourceFiles
    models: ModelService
    data: DataService


class Import:
    """One import.

    Args:
        here: Where it goes.
        source: Where it comes from.
        actor: Who imports.
        progress: Is told how far it is.
        with_files: Whether artifacts are taken too.
        since: Only runs and logged models that changed since then.
    """

    def __init__(
        self,
        here: Here,
        source: TrackerSource,
        actor: Actor,
        progress: Progress,
        *,
        with_files: bool,
        since: Moment | None,
    ) -> None:
        self._here = here
        self._source = source
        self._actor = actor
        self._progress = progress
        self._since = since
        self._with_files = with_files
        self._runs = RunImporter(here.ledger, actor, source.identity)
        self._registry = RegistryImporter(here.ledger, here.objects, actor, source.identity)
        for part in (self._runs, self._registry):
            progress.join(part.counts, part.skipped)

    def run(self) -> None:
        """Take everything over."""
        homes = self._experiments()
        with Fetching(self._here.objects, self._runs, self._source, self._progress) as fetching:
            self._progress.begin("logged models")
            for theirs, ours in homes.items():
                for models in self._source.logged_models([theirs], self._since):
                    self._logged_models(models, ours, fetching)
            self._progress.begin("runs", self._source.count_runs(self._since))
            for theirs, ours in homes.items():
                for runs in self._source.runs([theirs], self._since):
                    self._some_runs(runs, ours, fetching)
        self._models()
        self._progress.skipped.update(self._source.left_out())
        self._progress.begin("")

    def _experiments(self) -> dict[str, str]:
        self._progress.begin("experiments")
        homes = {}
        for found in self._source.experiments():
            homes[found.experiment_id] = self._runs.experiment(found, location=self._location(found))
            self._progress.step()
        return homes

    def _location(self, found: CarriedExperiment) -> str:
        """Return where an experiment's files are from now on; nothing when they are here."""
        location = found.artifact_location
        is_proxied = urlsplit(location).scheme == SCHEME
        return "" if is_proxied or (self._with_files and self._source.can_read(location)) else location

    def _logged_models(self, models: Sequence[CarriedModel], home: str, fetching: Fetching) -> None:
        self._runs.logged_models(models, home)
        for model in models:
            if self._with_files and model.artifact_uri:
                fetching.fetch(Ref("logged_model", model.model_id), model.artifact_uri)
            self._progress.step()

    def _some_runs(self, runs: Sequence[CarriedRun], home: str, fetching: Fetching) -> None:
        news = self._runs.news(runs)
        self._runs.runs(news, home)
        for points in self._source.points(news):
            self._runs.points(points)
            self._progress.step(0)
        self._runs.finish(news)
        for run in runs:
            if self._with_files and run.artifact_uri:
                fetching.fetch(Ref("run", run.run_id), run.artifact_uri)
            self._progress.step()

    def _models(self) -> None:
        self._progress.begin("registered models")
        taken: dict[str, set[int]] = {}
        aliases: dict[str, dict[str, int]] = {}
        copies: list[CarriedVersion] = []
        for name in self._source.names():
            self._progress.step()
            if not self._registry.name(name):
                continue
            aliases[name.name] = name.aliases
            versions = list(self._source.versions(name.name))
            copies += filter(_is_copy, versions)
            self._versions((version for version in versions if not _is_copy(version)), taken)
        # A version may be a copy of another name's, which must be here by then.
        self._versions(sorted(copies, key=lambda copy: copy.created_ms), taken)
        for name_of, pointed in aliases.items():
            self._registry.aliases(name_of, pointed, taken.get(name_of, set()))

    def _versions(self, versions: Iterable[CarriedVersion], taken: dict[str, set[int]]) -> None:
        for version in versions:
            self._progress.step(0)
            is_here = self._registry.version(version, self._locate)
            if is_here and not version.is_deleted:
                taken.setdefault(version.name, set()).add(version.number)

    def _locate(self, version: CarriedVersion) -> Located:
        """Return which files here a version is of, wherever its source said that they are."""
        if _is_copy(version):
            return self._copied(version)
        place = place_of_source(version.source)
        if place is None or place.kind not in {"run", "logged_model"}:
            return Located(version.source)
        ours = f"{'runs' if place.kind == 'run' else 'models'}:/{place.id}/{place.path}".rstrip("/")
        try:
            found = self._here.files.find(self._actor, ours)
        except NotFound:
            return Located(version.source)
        if found is None:
            return Located(version.source)
        # A path on the other server's disk says nothing here; a URI says the same on both.
        source = version.source if _is_uri(version.source) else ours
        return Located(source, found.entries, found.logged_model_id)

    def _copied(self, version: CarriedVersion) -> Located:
        name, _, number = version.source.removeprefix(_VERSIONS).rpartition("/")
        try:
            found = self._here.models.get(self._actor, ref=f"{name}@{number}")
        except (NotFound, InvalidInput):
            return Located(version.source)
        return Located(version.source, self._here.objects.list_tree(found.digest), found.logged_model_id)


def _is_copy(version: CarriedVersion) -> bool:
    return version.source.startswith(_VERSIONS) and not version.source.startswith(f"{_VERSIONS}m-")


def _is_uri(source: str) -> bool:
    return urlsplit(source).scheme not in {"", "file"}


def place_of_source(source: str) -> ArtifactPlace | None:
    """Return what a source names: in a URI of MLflow's, or as the end of a path below which a run's files were."""
    try:
        if found := place_of_uri(source):
            return found
        return place_of(urlsplit(source).path) if source else None
    except InvalidInput:
        return None
