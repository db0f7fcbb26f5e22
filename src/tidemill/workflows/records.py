"""What a caller sees of durable workflows."""

from enum import StrEnum

import msgspec

from tidemill.core.errors import TidemillError, Unavailable
from tidemill.core.moments import Moment


class State(StrEnum):
    """Where a workflow stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in {State.DONE, State.FAILED, State.CANCELLED}


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How often a step is tried again, and how long it waits in between.

    Args:
        attempts: The most tries; 1 tries once.
        wait_s: Seconds before the second try.
        factor: What each further wait is multiplied by.
        longest_s: The longest wait.
        on: The errors that another try may cure; any other ends the step at once.
    """

    attempts: int = 5
    wait_s: float = 1.0
    factor: float = 2.0
    longest_s: float = 60.0
    on: tuple[type[Exception], ...] = (Unavailable, OSError)

    def wait_after(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt, counted from 1."""
        return min(self.longest_s, self.wait_s * self.factor ** (attempt - 1))


ONCE = Retry(attempts=1)
"""Try once: the error of the first attempt is the step's error."""


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded step of a workflow: how far it has come."""

    number: int
    name: str
    started_at: Moment | None
    ended_at: Moment | None
    error: str = ""


class WorkflowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow as it stands."""

    id: str
    name: str
    generation: int
    state: State
    started_at: Moment
    ended_at: Moment | None = None
    input: object = None
    result: object = None
    error: TidemillError | None = None
    schedule: str = ""


class ScheduleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A standing order to start a workflow at certain moments."""

    name: str
    workflow: str
    cron: str
    zone: str
    last_at: Moment | None = None
