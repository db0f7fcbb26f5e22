"""What a project file says. Field names are its keys; docstrings are its reference."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from tidemill.checks.quality.language import parse_rules
from tidemill.core.errors import InvalidInput, TidemillError
from tidemill.core.moments import parse_duration
from tidemill.core.names import check_name, shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.sources.uri import holds_secret
from tidemill.monitoring.rules import CRON, parse_budget
from tidemill.projects.suite_orders import SuiteSpec, check_orders
from tidemill.workflows.cadence import parse_cron

Scalar = str | int | float | bool | None
T = TypeVar("T")


class InvalidSpec(InvalidInput):
    """A value of the project file is of the right type and yet cannot be meant."""

    code = "invalid_spec"

    @classmethod
    def at(cls, place: "tuple[str | int, ...]", error: TidemillError) -> "InvalidSpec":
        """Return an error as one of the value at a place of the mapping, such as `("on", 2)`."""
        return cls(error.message, hint=error.hint, details={"place": place})


class DatasetSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset: where its rows come from, and what they must be; without a source, others ingest its versions."""

    source: str | list[str] = []
    key: list[str] = []
    time: str | None = None
    rules: dict[str, dict[str, object]] = {}
    on_bad_rows: str = "reject"
    checks: list[str | dict[str, SuiteSpec]] = []
    append: bool = False
    new_by: str = ""
    description: str = ""
    types: dict[str, str] = {}
    missing: list[str] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuse a way to treat bad rows that does not exist, and a credential."""
        if any(holds_secret(source) for source in self.sources()):
            raise ValueError("A source holds a credential or a signature; name where it is, as #password=env:NAME")
        if self.on_bad_rows not in {"reject", "quarantine"}:
            raise ValueError(f"on_bad_rows is {self.on_bad_rows!r}; it is 'reject' or 'quarantine'")
        _check_rules(self.rules)
        check_orders(self.checks)
        if not self.sources() and (
            self.key or self.time or self.rules or self.on_bad_rows != "reject" or self.append or self.new_by
        ):
            raise ValueError("A dataset that says how it is read lacks source; without one, others ingest it")

    def sources(self) -> list[str]:
        """Return the sources, whichever way they are written."""
        return [each for each in ([self.source] if isinstance(self.source, str) else self.source) if each]


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
    slow_factor: float = 1.25
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


class CronSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Moments of the clock in UTC: minute, hour, day, month, weekday."""

    cron: str


class RetrainSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What starts a retraining, how often it may, and on which data."""

    on: list[str | CronSpec] = msgspec.field(default_factory=lambda: ["drift", "performance"])
    cooldown: str = "0s"
    budget: str = ""
    params: dict[str, Scalar] = {}

    def __post_init__(self) -> None:
        """Refuse causes, times and budgets that are none.

        Raises:
            InvalidSpec: With the place of the value.
        """
        for at, cause in enumerate(self.on):
            _try(_check_cause, cause, "on", at)
        _try(parse_duration, self.cooldown, "cooldown")
        _try(parse_budget, self.budget, "budget")

    def causes(self) -> list[str]:
        """Return what starts a retraining as monitors are told it: cron lines as `cron: 0 3 * * *`."""
        return [cause if isinstance(cause, str) else f"{CRON} {cause.cron}" for cause in self.on]


def _check_rules(rules: dict[str, dict[str, object]]) -> None:
    """Refuse quality rules that are none, at their place."""
    try:
        parse_rules(rules)
    except TidemillError as error:
        column, _, word = error.where.removeprefix("rules.").rpartition(".")
        place = ("rules", column, word) if word in rules.get(column, {}) else ("rules",)
        raise InvalidSpec.at(place, error) from error


CAUSES = ("drift", "performance", "new_data")
"""What starts a retraining, beside cron lines."""


def _check_cause(cause: str | CronSpec) -> None:
    if isinstance(cause, CronSpec):
        parse_cron(cause.cron)
    elif cause.startswith(CRON):
        parse_cron(cause.removeprefix(CRON))
    elif cause not in CAUSES:
        raise InvalidSpec(f"retrain.on names {shown(cause)}", hint=did_you_mean(cause, [*CAUSES, f"{CRON} 0 3 * * *"]))


def _try(check: Callable[[T], object], value: T, *place: str | int) -> None:
    try:
        check(value)
    except TidemillError as error:
        raise InvalidSpec.at(place, error) from error


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
