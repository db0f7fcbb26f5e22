"""Experiments, runs, logged models, and what they record; the words and shapes are MLflow's."""

from enum import StrEnum
from typing import Literal

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


View = Literal["active", "deleted", "all"]
"""Whether a search sees what is in use, what is in the trash, or both."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A named group of runs; an `artifact_location` of its own is empty when the server keeps the files."""

    experiment_id: str
    name: str
    lifecycle_stage: str
    created_at: Moment
    updated_at: Moment
    artifact_location: str = ""
    deleted_at: Moment | None = None
    tags: dict[str, str] = {}


class ExperimentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some experiments, and the token that asks for the next ones."""

    experiments: list[Experiment]
    next_page_token: str = ""


class Metric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One point of a metric's history; `timestamp` is in milliseconds since the epoch.

    A point may be about a logged model, and measured on a dataset; then it stands at the model too. `run_id` says which
    run measured it, where points of several runs stand together.
    """

    key: str
    value: float
    step: int = 0
    timestamp: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


class MetricPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some points of a metric by step, time and value, and the token that asks for the next ones."""

    metrics: list[Metric]
    next_page_token: str = ""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a run or a logged model has."""

    path: str
    size: int
    digest: Digest


class ArtifactEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a folder directly below a path."""

    path: str
    is_dir: bool
    size: int = 0


class InputDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as a run's code described it; `digest` is that code's own, not the digest of an object here."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""
    context: str = ""
    tags: dict[str, str] = {}


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a run used, by its reference in the ledger; what is known of it where a run described it."""

    ref: str
    context: str = ""
    tags: dict[str, str] = {}
    dataset: InputDataset | None = None


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model that a run made, and at which step."""

    model_id: str
    step: int = 0


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution, with the latest value of each metric; `latest` says at which step and millisecond it was.

    `artifact_location` is its experiment's: empty when the server keeps the files.
    """

    run_id: str
    experiment_id: str
    name: str
    user: str
    status: RunStatus
    lifecycle_stage: str
    start_time: Moment
    end_time: Moment | None = None
    deleted_at: Moment | None = None
    artifact_location: str = ""
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    latest: dict[str, tuple[int, int]] = {}
    tags: dict[str, str] = {}
    inputs: list[Input] = []
    outputs: list[Output] = []


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some runs, and the token that asks for the next ones."""

    runs: list[Run]
    next_page_token: str = ""


class RunCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs there are."""

    count: int


class RunGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that share a value of a tag or param: the value, and how many they are."""

    value: str
    count: int


class RunKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What runs can be asked for and ordered by: the keys of all runs."""

    metrics: list[str]
    params: list[str]
    tags: list[str]


class MetricHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The points of a metric of one run, thinned where there are more than a chart can show."""

    run_id: str
    points: list[Metric]
    is_thinned: bool = False


class LoggedModelStatus(StrEnum):
    """Where a logged model stands."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a run's code kept, before or without its registration; with the latest point of each metric."""

    model_id: str
    experiment_id: str
    name: str
    status: LoggedModelStatus
    created_at: Moment
    updated_at: Moment
    source_run_id: str = ""
    status_message: str = ""
    model_type: str = ""
    deleted_at: Moment | None = None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[Metric] = []


class LoggedModelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some logged models, and the token that asks for the next ones."""

    models: list[LoggedModel]
    next_page_token: str = ""
