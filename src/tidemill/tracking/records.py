"""Experiments, runs, and what they record; the words and shapes are MLflow's."""

from enum import StrEnum

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


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A named group of runs."""

    experiment_id: str
    name: str
    lifecycle_stage: str
    created_at: Moment
    updated_at: Moment
    tags: dict[str, str] = {}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One point of a metric's history; `timestamp` is in milliseconds since the epoch."""

    key: str
    value: float
    step: int = 0
    timestamp: int = 0


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a run produced."""

    path: str
    size: int
    digest: Digest


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a run used, by its reference in the ledger."""

    ref: str
    context: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution, with the latest value of each metric."""

    run_id: str
    experiment_id: str
    name: str
    user: str
    status: RunStatus
    lifecycle_stage: str
    start_time: Moment
    end_time: Moment | None = None
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    inputs: list[Input] = []


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some runs, and the token that asks for the next ones."""

    runs: list[Run]
    next_page_token: str = ""
