"""What a pipeline is made of, and what its execution leaves behind."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment

Scalar = str | int | float | bool | None


class StepStatus(StrEnum):
    """Where a step of a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"


class PipelineStatus(StrEnum):
    """Where the run of a pipeline stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Values


class StoredValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value between steps: small ones lie here, large ones in the object store.

    Args:
        codec: How it is written: `value`, `polars`, `pandas`, `numpy`, `bytes`, `file`, `folder`, `tuple`, `list`,
            `dict`, or the name of a framework.
        digest: The digest of its bytes and its codec: equal values have equal digests.
        size: Bytes.
        inline: The bytes, when they are few.
        object: The object, or the tree, when they are many.
        items: The parts of a `tuple`, `list` or `dict`, by index or key.
        text: What a person reads: a short value itself, or the shape of a table.
    """

    codec: str
    digest: Digest
    size: int
    inline: bytes | None = None
    object: Digest | None = None
    items: dict[str, "StoredValue"] | None = None
    text: str = ""


# The graph


class Constant(msgspec.Struct, frozen=True, kw_only=True, tag="constant"):
    """A plain value, known when the graph is built."""

    value: StoredValue


class FromStep(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """What another step returns, or a part of it."""

    step: str
    path: tuple[str | int, ...] = ()


class FromDataset(msgspec.Struct, frozen=True, kw_only=True, tag="dataset"):
    """A dataset version."""

    ref: str


class Several(msgspec.Struct, frozen=True, kw_only=True, tag="several"):
    """A list, tuple or dict that holds values of the graph."""

    kind: str
    keys: list[str]
    items: list["Argument"]


Argument: TypeAlias = Constant | FromStep | FromDataset | Several


class StepOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `@step(...)` was told.

    Args:
        retries: How often to try again after a failure.
        retry_wait_s: The wait before the first retry; it doubles with each.
        timeout_s: The longest one attempt may take.
        resources: `cpu`: how many cores it takes of those that the run has.
        cache: Whether an earlier result is good enough.
        metrics: Whether the returned dict of numbers is logged as metrics.
        outputs: How many values it returns; 0 for one that is not taken apart.
    """

    retries: int = 0
    retry_wait_s: float = 1.0
    timeout_s: float | None = None
    resources: dict[str, float] = {}
    cache: bool = True
    metrics: bool = False
    outputs: int = 0


class GraphStep(msgspec.Struct, frozen=True, kw_only=True):
    """One node of a pipeline.

    Args:
        name: The function's name; `name#2` when it is used again.
        function: `module:qualified.name`.
        place: File and line of the function.
        arguments: Where each parameter's value comes from.
        options: What the decorator was told.
        code: The digest of each definition that the step refers to, by `file:name`.
        environment: The version of each distribution that this code imports.
    """

    name: str
    function: str
    place: str
    arguments: dict[str, Argument]
    options: StepOptions
    code: dict[str, str] = {}
    environment: dict[str, str] = {}


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline with its params filled in.

    Args:
        name: The pipeline function's name.
        params: The value of each of its parameters, as a person reads it.
        steps: In an order in which each comes after what it needs.
        result: What the pipeline returns; None for nothing.
    """

    name: str
    params: dict[str, str]
    steps: list[GraphStep]
    result: Argument | None = None


# Source


class GitState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a folder stands in its Git repository."""

    commit: str
    branch: str
    dirty: bool


class SourceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The project's code at one moment.

    Args:
        digest: The tree in the object store.
        name: The name of the folder.
        files: How many files.
        size: Their bytes.
        git: Where it stands in Git, if it does.
    """

    digest: Digest
    name: str
    files: int
    size: int
    git: GitState | None = None


# Data, as a step gets it


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset version that a step reads.

    Args:
        ref: What was asked for, such as `flights@2`.
        id: The version's id in the ledger.
        label: What a person reads, such as `flights@2`.
        digest: The digest of its content.
        files: The absolute paths of its Parquet files, or of the one folder that it is.
        table: Whether it is a table, not a folder.
    """

    ref: str
    id: str
    label: str
    digest: Digest
    files: list[str]
    table: bool = True


# Execution


class StepFailure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a step, or a project's code, failed.

    Args:
        code: `step_failed`, `step_timed_out`, `worker_died`, `unknown_result`, …
        message: What happened, in one sentence.
        hint: What to do next.
        place: File and line in the project.
        traceback: The frames of the project and of libraries, not Tidemill's.
        final: Whether trying again is pointless.
    """

    code: str
    message: str
    hint: str = ""
    place: str = ""
    traceback: str = ""
    final: bool = False


class LoggedMetric(msgspec.Struct, frozen=True, array_like=True):
    """One point that a step logged; the time is in milliseconds since the epoch."""

    key: str
    value: float
    step: int
    timestamp: int


class LoggedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a step logged."""

    path: str
    digest: Digest
    size: int


class Logged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a step logged to its run; a later hit of the cache logs it again."""

    metrics: list[LoggedMetric] = []
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    artifacts: list[LoggedArtifact] = []


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one execution took; memory is the peak of the worker during the step."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0


class StepExecution(msgspec.Struct, frozen=True, kw_only=True):
    """What one run did, or will do, about one step.

    Args:
        run_id: The run.
        step: The step's name in the graph.
        position: Its place in the graph's order.
        status: Where it stands.
        key: The cache key, once its inputs are known.
        inputs: The digest of each input, by parameter.
        output: What it returned.
        attempt: The last attempt's number; 0 when it never started.
        started_at: When the last attempt started.
        ended_at: When it ended.
        worker: The process id of its worker; 0 for none.
        usage: What it took.
        cached_from: The run that first computed a cached output.
        failure: Why it failed.
        log: What it printed, in the object store.
    """

    run_id: str
    step: str
    position: int
    status: StepStatus
    key: str = ""
    inputs: dict[str, str] = {}
    output: StoredValue | None = None
    attempt: int = 0
    started_at: Moment | None = None
    ended_at: Moment | None = None
    worker: int = 0
    usage: Usage = Usage()
    cached_from: str = ""
    failure: StepFailure | None = None
    log: Digest | None = None


class RunEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a run; `seq` counts from 1 without gaps."""

    run_id: str
    seq: int
    at: Moment
    kind: str
    step: str = ""
    body: dict[str, object] = {}


class PipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a pipeline; its `run_id` is that of the tracking run."""

    run_id: str
    pipeline: str
    reference: str
    source: Digest
    status: PipelineStatus
    actor: str
    params: dict[str, str]
    created_at: Moment
    started_at: Moment | None = None
    ended_at: Moment | None = None
    steps: int = 0
    result: StoredValue | None = None
    failure: StepFailure | None = None


# Plans and explanations


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a step's key that differs from the execution before.

    Args:
        part: `code`, `input`, `param`, `environment` or `outputs`.
        name: Which function, input, param or distribution.
        old: What it was; empty when it was not there.
        new: What it is; empty when it is gone.
    """

    part: str
    name: str
    old: str
    new: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step ran, or did not.

    Args:
        hit: Whether its result was there already.
        text: The reason in one sentence.
        run_id: The run that computed the result, or the one compared with.
        changes: What differs from that run.
    """

    hit: bool
    text: str
    run_id: str = ""
    changes: list[Change] = []


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would do about one step; `hit` is None where that depends on what comes before."""

    name: str
    place: str
    needs: list[str]
    hit: bool | None
    reason: Reason


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What running a pipeline would do."""

    pipeline: str
    reference: str
    source: SourceSnapshot
    params: dict[str, str]
    datasets: dict[str, str]
    steps: list[PlannedStep]
