"""What a project file says. Field names are its keys; docstrings are its reference."""

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import check_name

Scalar = str | int | float | bool | None


class InvalidSpec(InvalidInput):
    """A value of the project file is of the right type and yet cannot be meant."""

    code = "invalid_spec"


class DatasetSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset: where its rows come from, and what they must be."""

    source: str | list[str]
    key: list[str] = []
    time: str | None = None
    rules: dict[str, dict[str, object]] = {}
    on_bad_rows: str = "reject"
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse a way to treat bad rows that does not exist."""
        if self.on_bad_rows not in {"reject", "quarantine"}:
            raise ValueError(f"on_bad_rows is {self.on_bad_rows!r}; it is 'reject' or 'quarantine'")


class PipelineSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pipeline: `file.py:function`, its params, and the experiment of its runs."""

    run: str
    params: dict[str, Scalar] = {}
    experiment: str = ""


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model that the pipeline gives: its name, the column it predicts, and which output holds which."""

    name: str
    label: str
    positive: Scalar = None
    score: str = ""
    output: str = "model"
    holdout: str = "holdout"
    training: str = ""


class RolloutSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a new deployment takes over: its growing shares of traffic, and what is watched meanwhile."""

    canary: list[str | float] = msgspec.field(default_factory=lambda: ["100%"])
    watch: list[str] = msgspec.field(default_factory=lambda: ["error_rate"])
    false_rollback: str | float = "5%"
    slow_ms: float = 100.0
    min_requests: int = 200
    stage_timeout: str = "1h"
    on_timeout: str = "wait"
    interval: str = "1s"
    sticky: str | None = None


class DeploySpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the model answers, and how a new version gets there."""

    endpoint: str
    rollout: RolloutSpec | None = None
    passthrough: list[str] = []
    time: str | None = None


class DriftSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a change of the inputs is worth a word."""

    reference: str = "training"
    false_alarms: str = "1 per 90d"
    tolerance: float = 0.1
    columns: list[str] = []


class PerformanceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a change of the model's performance is worth a word."""

    metric: str = "roc_auc"
    label_delay: str = "0s"
    worse_than_reference: float = 0.02


class MonitorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is watched, in windows of what length."""

    window: str = "1d"
    lateness: str = "0s"
    drift: DriftSpec | None = None
    performance: PerformanceSpec | None = None


class RetrainSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What starts a retraining, how often it may, and on which data."""

    on: list[str] = msgspec.field(default_factory=lambda: ["drift", "performance"])
    cooldown: str = "0s"
    budget: str = ""
    params: dict[str, Scalar] = {}


class ProjectSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole project file."""

    project: str
    datasets: dict[str, DatasetSpec] = {}
    pipeline: str | PipelineSpec | None = None
    model: ModelSpec | None = None
    gate: list[dict[str, object]] = []
    deploy: DeploySpec | None = None
    monitor: MonitorSpec | None = None
    retrain: RetrainSpec | None = None
    notify: list[dict[str, object]] = []

    def __post_init__(self) -> None:
        """Refuse names that cannot be names."""
        check_name(self.project, "project")
        for name in self.datasets:
            check_name(name, "dataset")

    def pipeline_spec(self) -> PipelineSpec | None:
        """Return the pipeline, whichever way it is written."""
        return PipelineSpec(run=self.pipeline) if isinstance(self.pipeline, str) else self.pipeline
