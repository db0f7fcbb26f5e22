"""What a step may say to its run while it works.

Outside of a run, as in a test that calls the step as a function, what is logged goes nowhere.
"""

import math
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from tidemill.core.names import check_text, shown
from tidemill.objects import ObjectStore
from tidemill.objects.trees import check_relative, files_below
from tidemill.pipelines.errors import InvalidMetrics
from tidemill.pipelines.records import Logged, LoggedArtifact, LoggedMetric

MOST_METRICS = 100_000
_LONGEST_KEY = 250
_LONGEST_TEXT = 6000
_LIVE_EVERY_S = 0.25


@dataclass(slots=True)
class StepLog:
    """Collects what one attempt of a step logs; it counts when the attempt succeeds.

    Args:
        objects: Where artifacts go.
        live: Called now and then with the newest values, for those who watch.
    """

    objects: ObjectStore
    live: Callable[[dict[str, float]], None]
    metrics: list[LoggedMetric] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, LoggedArtifact] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)
    _newest: dict[str, float] = field(default_factory=dict)
    _told_at: float = 0.0

    def add_metric(self, name: str, value: object, step: int | None) -> None:
        """Keep one point."""
        number = _number(name, value)
        if len(self.metrics) >= MOST_METRICS:
            raise InvalidMetrics(
                f"The step logged over {MOST_METRICS} points", hint="Log every tenth, or write them to an artifact."
            )
        at = self._next.get(name, 0) if step is None else step
        self._next[name] = at + 1
        self.metrics.append(LoggedMetric(name, number, at, time.time_ns() // 1_000_000))
        if math.isfinite(number):
            self._newest[name] = number
        if time.monotonic() - self._told_at > _LIVE_EVERY_S:
            self._told_at = time.monotonic()
            self.live(dict(self._newest))

    def finish(self) -> Logged:
        """Return all of it."""
        return Logged(metrics=self.metrics, params=self.params, tags=self.tags, artifacts=list(self.artifacts.values()))


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Log one point of a metric to the run.

    Args:
        name: The metric's name.
        value: A number.
        step: Its place on the x axis; counted up from 0 when left out.
    """
    log = step_log.get()
    if log is not None:
        log.add_metric(name, value, step)


def log_metrics(values: Mapping[str, float], step: int | None = None) -> None:
    """Log several metrics to the run."""
    for name, value in values.items():
        log_metric(name, value, step)


def log_params(values: Mapping[str, object]) -> None:
    """Log what the step chose by itself to the run, as texts."""
    log = step_log.get()
    if log is not None:
        log.params.update(_texts(values, "param"))


def set_tags(values: Mapping[str, object]) -> None:
    """Tag the run."""
    log = step_log.get()
    if log is not None:
        log.tags.update(_texts(values, "tag"))


def log_artifact(path: str | Path, name: str = "") -> None:
    """Keep a file, or all files of a folder, as artifacts of the run.

    Args:
        path: The file or folder.
        name: Its path in the run; the file's own name when left out.
    """
    log = step_log.get()
    if log is None:
        return
    source = Path(path)
    target = check_relative(name or source.name)
    files = list(files_below(source)) if source.is_dir() else [(source, "")]
    for file, below in files:
        digest, size = log.objects.put_file(file)
        inside = f"{target}/{below}" if below else target
        log.artifacts[inside] = LoggedArtifact(path=inside, digest=digest, size=size)


def log_returned(log: StepLog, value: object) -> None:
    """Log a returned dict of numbers.

    Raises:
        InvalidMetrics: If it is something else.
    """
    if not isinstance(value, dict):
        raise InvalidMetrics(
            f"A step with metrics=True returned {type(value).__qualname__}", hint="Return a dict of names and numbers."
        )
    for name, number in value.items():
        log.add_metric(name, number, None)


def _number(name: object, value: object) -> float:
    if not isinstance(name, str) or not name:
        raise InvalidMetrics(f"{shown(repr(name))} is no name of a metric", hint="Give a text.")
    check_text(name, "the name of a metric", _LONGEST_KEY)
    try:
        return float(value)  # type: ignore[arg-type]  # whatever is no number raises
    except (TypeError, ValueError, OverflowError):
        raise InvalidMetrics(
            f"Metric {shown(name)} is {shown(repr(value))}, not a number", hint="Give an int or a float."
        ) from None


def _texts(values: Mapping[str, object], what: str) -> dict[str, str]:
    texts = {str(key): str(value) for key, value in values.items()}
    for key, value in texts.items():
        check_text(key, f"the key of a {what}", _LONGEST_KEY)
        check_text(value, f"{what} {key!r}", _LONGEST_TEXT, lines=True)
    return texts


step_log: ContextVar[StepLog | None] = ContextVar("tidemill_step_log", default=None)
