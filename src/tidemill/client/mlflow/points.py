"""The points that this process logged to runs that have not ended, for questions while the server is away.

MLflow asks for them whenever it logs a model, to say which of them were measured on it.
"""

import threading
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field

from tidemill.client.mlflow.known import Wire
from tidemill.client.tracking.entries import point

MOST_POINTS = 50_000
_MOST_RUNS = 100
_ABOUT = ("model_id", "dataset_name", "dataset_digest")


@dataclass(slots=True)
class _Series:
    values: "array[float]" = field(default_factory=lambda: array("d"))
    times: "array[int]" = field(default_factory=lambda: array("q"))
    steps: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, value: float, time: int, step: int) -> None:
        """Take a point; of too many, those in the middle go: a model is of the first step or of a late one."""
        self.values.append(value)
        self.times.append(time)
        self.steps.append(step)
        if len(self.steps) > MOST_POINTS:
            middle = slice(MOST_POINTS // 4, MOST_POINTS // 2)
            del self.values[middle], self.times[middle], self.steps[middle]


class KnownPoints:
    """Points by run and metric."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._runs: OrderedDict[str, dict[tuple[str, ...], _Series]] = OrderedDict()

    def note(self, run_id: str, points: list[Wire]) -> None:
        """Keep points of a run."""
        with self._gate:
            series = self._runs.setdefault(run_id, {})
            for each in points:
                about = (each["key"], *(str(each.get(name, "")) for name in _ABOUT))
                there = series.setdefault(about, _Series())
                there.add(float(each["value"]), int(each["timestamp"]), int(each.get("step", 0)))
            while len(self._runs) > _MOST_RUNS:
                self._runs.popitem(last=False)

    def forget(self, run_id: str) -> None:
        """Let go of a run that has ended."""
        with self._gate:
            self._runs.pop(run_id, None)

    def answer(self, run_id: str, key: str) -> Wire:
        """Return the history of a metric of a run, as far as this process logged it."""
        with self._gate:
            found = [
                point(key, value, step, time, **dict(zip(_ABOUT, about[1:], strict=True)))
                for about, each in self._runs.get(run_id, {}).items()
                for value, time, step in zip(each.values, each.times, each.steps, strict=True)
                if about[0] == key
            ]
        return {"metrics": found}
