"""Who runs steps: a pool of warm processes, or this very process."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tidemill.pipelines.execution.logs import LogBuffer
from tidemill.pipelines.records import StepFailure
from tidemill.pipelines.values.store import ValueStore
from tidemill.pipelines.worker.messages import Done, Execute, Failed, Progress
from tidemill.pipelines.worker.session import Session

Report = Done | Failed | Progress


@dataclass(frozen=True, slots=True)
class Died:
    """The worker ended before it answered."""

    failure: StepFailure


@dataclass(slots=True, eq=False)
class Assignment:
    """One attempt of a step, in the hands of a worker.

    Args:
        order: What the worker does.
        worker: Its process id; 0 for this process.
        deadline: The moment, of the monotonic clock, after which it is killed.
        log: What it printed so far.
    """

    order: Execute
    worker: int
    deadline: float | None = None
    log: LogBuffer = field(default_factory=LogBuffer)


class Workers(Protocol):
    """Takes steps and reports on them."""

    def has_room(self) -> bool:
        """Return whether one more step can start now."""
        ...

    def none_waits(self) -> None:
        """Note that no step waits for a worker now."""
        ...

    def start(self, order: Execute) -> Assignment:
        """Let a worker begin with a step."""
        ...

    def reports(self, running: Collection[Assignment], timeout_s: float) -> list[tuple[Assignment, Report | Died]]:
        """Return what the workers say, waiting at most that long for the first word.

        Args:
            running: The attempts that are not over.
            timeout_s: How long to wait.
        """
        ...

    def kill(self, assignment: Assignment) -> None:
        """End an attempt at once, with every process that it started."""
        ...


class InProcess:
    """Runs each step in this process, one after the other: for a debugger.

    Args:
        root: The folder of the project's code; it must have been entered.
        values: Where values are written and read.
    """

    def __init__(self, root: Path, values: ValueStore) -> None:
        self._session = Session(root, values, is_alone=False)
        self._reports: list[tuple[Assignment, Report | Died]] = []

    def has_room(self) -> bool:
        """Return whether the step before was reported."""
        return not self._reports

    def none_waits(self) -> None:
        """Do nothing: there is no other worker to start."""

    def start(self, order: Execute) -> Assignment:
        """Run the step, to its end."""
        assignment = Assignment(order, 0)
        self._reports.append((assignment, self._session.execute(order, lambda _: None)))
        return assignment

    def reports(self, running: Collection[Assignment], timeout_s: float) -> list[tuple[Assignment, Report | Died]]:
        """Return the outcome of the step that ran."""
        del running, timeout_s
        reports, self._reports = self._reports, []
        return reports

    def kill(self, assignment: Assignment) -> None:
        """Do nothing: the step is over when this can be called."""
