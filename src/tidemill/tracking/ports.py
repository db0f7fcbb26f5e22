"""What other trackers hold, and how it is read from them and written to them: filled by integrations.

An integration knows no table here; it gives and takes these records. Times are milliseconds since the epoch, ids and
words are the other tracker's own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tidemill.core.errors import InvalidInput, NotFound, Unavailable
from tidemill.core.moments import Moment
from tidemill.tracking.records import InputDataset, Metric, Output

GROUP = "tidemill.trackers"
"""The entry-point group of integrations with other trackers."""

Point = tuple[str, str, int, int, float]
"""One point of a metric: run id, key, step, timestamp, value. A tuple, because there are millions."""

FileRoot = tuple[str, str, str]
"""Whose files: `run` or `logged_model`, its id, and the URI below which they are said to be."""


class TrackerNotFound(NotFound):
    """No integration with a tracker of that name is installed."""

    code = "tracker_not_found"


class InvalidTracker(InvalidInput):
    """An address is not one of a tracker that can be read or written."""

    code = "invalid_tracker"


class UnknownSchema(InvalidInput):
    """A tracker's database is of a shape that is not known."""

    code = "unknown_schema"


class TrackerFailed(Unavailable):
    """A tracker did not give or take what it was asked for."""

    code = "tracker_failed"


class FilesElsewhere(InvalidInput):
    """Files are where they cannot be read from."""

    code = "files_elsewhere"


class FileUnreadable(NotFound):
    """One file cannot be read, while others can."""

    code = "file_unreadable"


class CarriedExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment of another tracker."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    lifecycle_stage: str = "active"
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}


class CarriedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run of another tracker, without its points; `mark` changes with what is in it."""

    run_id: str
    experiment_id: str
    name: str = ""
    user: str = ""
    status: str = "FINISHED"
    lifecycle_stage: str = "active"
    start_ms: int = 0
    end_ms: int | None = None
    deleted_ms: int | None = None
    artifact_uri: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metric_keys: list[str] = []
    inputs: list[InputDataset] = []
    model_inputs: list[str] = []
    outputs: list[Output] = []
    mark: str = ""


class CarriedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model of another tracker."""

    model_id: str
    experiment_id: str
    name: str
    status: str = "READY"
    status_message: str = ""
    model_type: str = ""
    source_run_id: str = ""
    lifecycle_stage: str = "active"
    created_ms: int = 0
    updated_ms: int = 0
    artifact_uri: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[Metric] = []


class CarriedName(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model of another tracker."""

    name: str
    description: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}


class CarriedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a registered model of another tracker."""

    name: str
    number: int
    source: str = ""
    run_id: str = ""
    logged_model_id: str = ""
    run_link: str = ""
    user: str = ""
    stage: str = "None"
    description: str = ""
    is_deleted: bool = False
    created_ms: int = 0
    updated_ms: int = 0
    tags: dict[str, str] = {}


class CarriedFile(NamedTuple):
    """A file of a run or a logged model, by its path below the root; a size of -1 is not known."""

    path: str
    size: int
    changed_ms: int = 0


class Credentials(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to show a tracker who asks. Held in memory only: never stored, never logged."""

    username: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Show nothing."""
        return "Credentials(…)"


class TrackerSource(Protocol):
    """A tracker that is read, until it is closed."""

    place: str
    """Where it is, without credentials: what people are shown."""
    identity: str
    """Which store it is: the same text for the same store, another one after it was made anew."""
    at_once: int
    """How many files to fetch at the same time."""

    def count_runs(self, since: Moment | None) -> int:
        """Return how many runs there are to read; 0 when that is not known beforehand."""

    def experiments(self) -> Iterator[CarriedExperiment]:
        """Yield all experiments, deleted ones too where they can be seen."""

    def runs(self, experiment_ids: Sequence[str], since: Moment | None) -> Iterator[list[CarriedRun]]:
        """Yield runs of experiments, some at a time; only those that began or ended since then."""

    def points(self, runs: Sequence[CarriedRun]) -> Iterator[list[Point]]:
        """Yield the whole metric history of runs, many points at a time."""

    def logged_models(self, experiment_ids: Sequence[str], since: Moment | None) -> Iterator[list[CarriedModel]]:
        """Yield logged models, some at a time; only those that changed since then."""

    def names(self) -> Iterator[CarriedName]:
        """Yield the registered models."""

    def versions(self, name: str) -> Iterator[CarriedVersion]:
        """Yield the versions of a registered model by number."""

    def can_read(self, uri: str) -> bool:
        """Return whether files below a URI could be read."""

    def files(self, root: FileRoot) -> Iterator[CarriedFile]:
        """Yield the files of a run or a logged model.

        Raises:
            FilesElsewhere: If they are where they cannot be read from.
        """

    def read(self, root: FileRoot, path: str) -> Iterator[bytes]:
        """Yield a file's bytes, piece by piece.

        Raises:
            FileUnreadable: If this one cannot be read.
        """

    def left_out(self) -> dict[str, int]:
        """Return what the store holds that is not carried over, as reason and number."""

    def close(self) -> None:
        """Let go of it."""


class TrackerTarget(Protocol):
    """A tracker that is written to, until it is closed. Writing the same again changes nothing."""

    place: str
    """Where it is, without credentials."""
    notes: Sequence[str]
    """What it cannot keep, for people."""
    keeps_ids: bool
    """Whether it takes ids, numbers and deleted logged models as they are, rather than making its own."""

    def put_experiment(self, experiment: CarriedExperiment) -> str:
        """Write an experiment and return its id there."""

    def put_run(self, run: CarriedRun, experiment_id: str, points: Iterable[list[Point]]) -> str:
        """Write a run with its points and return its id there."""

    def put_logged_model(self, model: CarriedModel, experiment_id: str, run_id: str) -> str:
        """Write a logged model and return its id there; an empty text where logged models are not known."""

    def link(self, run_id: str, inputs: Sequence[str], outputs: Sequence[Output]) -> None:
        """Say which logged models a run used and made, by their ids there."""

    def put_name(self, name: CarriedName) -> None:
        """Write a registered model without its aliases."""

    def put_version(self, version: CarriedVersion, files: FileRoot | None) -> int:
        """Write a version whose run and logged model have their ids there, and return its number there.

        Args:
            version: The version.
            files: Whose files it is of, by the id there, and the path below; None when they are elsewhere.
        """

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        """Point a registered model's aliases at versions, by their numbers there."""

    def has_file(self, kind: str, identifier: str, file: CarriedFile) -> bool:
        """Return whether a file of a run or a logged model is there already."""

    def put_file(self, kind: str, identifier: str, path: str, pieces: Iterator[bytes]) -> None:
        """Write a file of a run or a logged model.

        Raises:
            FilesElsewhere: If it is kept where it cannot be written.
        """

    def finish(self) -> None:
        """Do what comes last: what is to be in the trash goes there."""

    def close(self) -> None:
        """Let go of it."""


class Tracker(Protocol):
    """Opens trackers of one make."""

    name: str

    def source(self, uri: str, credentials: Credentials, artifact_root: str) -> TrackerSource:
        """Open one for reading.

        Raises:
            InvalidTracker: If that is no address of one.
            UnknownSchema: If its database is of an unknown shape.
            TrackerFailed: If it does not answer.
        """

    def target(self, uri: str, credentials: Credentials, artifact_root: str) -> TrackerTarget:
        """Open one for writing.

        Raises:
            InvalidTracker: If that is no address of one, or it cannot be written over.
            MissingExtra: If making its database needs a library that is not there.
        """
