"""The flow of a durable workflow: each call is one recorded step of the library."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import sqlalchemy as sa

from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, from_ms
from tidemill.workflows.attempts import attempt
from tidemill.workflows.codec import returned_type, unpack
from tidemill.workflows.errors import StepMisused, WorkflowChanged
from tidemill.workflows.records import ONCE, Retry
from tidemill.workflows.store import Inbox

if TYPE_CHECKING:
    import dbos
else:
    dbos = lazy("dbos")

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("tidemill.workflows")

_SLICE_S = 5.0
"""The longest wait at one go: the clock may be set, or another process may leave a message."""


class Parked(BaseException):
    """Leaves a workflow as it is recorded, to be continued later; not for workflows to catch."""


class Control:
    """What others say to a running workflow."""

    def __init__(self) -> None:
        self.news = threading.Event()
        self.is_stopped = False

    def stop(self) -> None:
        """Park the workflow at its next boundary."""
        self.is_stopped = True
        self.news.set()


class DurableFlow:
    """A `Flow` whose record is the library's database."""

    def __init__(self, identity: str, control: Control, inbox: Inbox) -> None:
        self._id = identity
        self._control = control
        self._inbox = inbox
        self._thread = threading.get_ident()
        self._number = 0
        self._is_inside = False

    @property
    def id(self) -> str:
        """The id of this workflow."""
        return self._id

    @property
    def step_key(self) -> str:
        """The name of the running step, or outside a step of the next one."""
        return f"{self._id}/{self._number if self._is_inside else self._number + 1}"

    def step(self, name: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns, doing it at least once and recording it once."""
        return self.retry(name, ONCE, work, *args, **kwargs)

    def retry(self, name: str, policy: Retry, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `step`, trying again as the policy says."""
        what = f"Step {name!r} of {self._id}"

        def tries() -> dict[str, object]:
            return attempt(what, policy, lambda: work(*args, **kwargs), work, self._pause)

        record = self._record(name, tries)
        return cast("T", unpack(record, returned_type(work), what))

    def sleep(self, seconds: float) -> None:
        """Wait until that long after this was first reached."""
        self._wait_until(cast("float", self._record("sleep", lambda: time.time() + seconds)))

    def receive(self, topic: str, *, timeout_s: float | None = None) -> object:
        """Return the oldest message on the topic that was not received yet, or None when the time is over."""
        until = None
        if timeout_s is not None:
            until = cast("float", self._record(f"receive {topic}: until", lambda: time.time() + timeout_s))
        return self._record(f"receive {topic}", lambda: self._await_message(topic, until))

    def now(self) -> Moment:
        """Return the moment at which this was first reached."""
        return from_ms(cast("int", self._record("now", lambda: time.time_ns() // 1_000_000)))

    def _record(self, name: str, body: Callable[[], object]) -> object:
        if self._is_inside or threading.get_ident() != self._thread:
            raise StepMisused(
                f"{self._id} called its flow from inside a step or from another thread",
                hint="Call the flow from the workflow function itself, and return values from steps.",
            )
        self._check()
        self._number += 1
        self._is_inside = True
        try:
            return dbos.DBOS.run_step({"name": name}, body)
        except dbos.error.DBOSUnexpectedStepError as error:
            raise WorkflowChanged(
                f"{self._id} was recorded with another step {self._number} than {name!r}",
                hint="When steps change, define the new function with the next generation and keep the old one.",
            ) from error
        except (sa.exc.SQLAlchemyError, dbos.error.DBOSException) as error:
            # The body never raises these (its errors are values), so the record itself failed. To go on would lose
            # the count of steps; the workflow is continued from its record later.
            if not self._control.is_stopped:
                log.warning(
                    "%s is put aside before step %d, which cannot be recorded: %s", self._id, self._number, error
                )
            raise Parked from error
        finally:
            self._is_inside = False

    def _check(self) -> None:
        if self._control.is_stopped:
            raise Parked

    def _pause(self, seconds: float) -> None:
        self._wait_until(time.time() + seconds)

    def _wait_until(self, until: float) -> None:
        while True:
            self._check()
            remaining = until - time.time()
            if remaining <= 0:
                return
            self._control.news.wait(min(remaining, _SLICE_S))
            if not self._control.is_stopped:
                self._control.news.clear()

    def _await_message(self, topic: str, until: float | None) -> object:
        while True:
            self._control.news.clear()
            self._check()
            try:
                there, message = self._inbox.take(self._id, topic, self.step_key)
            except sa.exc.SQLAlchemyError as error:
                raise Parked from error
            if there:
                return message
            remaining = _SLICE_S if until is None else until - time.time()
            if remaining <= 0:
                return None
            self._control.news.wait(min(remaining, _SLICE_S))
