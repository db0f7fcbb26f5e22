"""Workflows that run at once, in the caller, on a clock of their own: for the tests of stages and for dry runs."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar, cast

from tidemill.core.errors import TidemillError
from tidemill.core.moments import Moment
from tidemill.core.names import check_name
from tidemill.workflows.attempts import attempt
from tidemill.workflows.cadence import due_after, parse_cadence
from tidemill.workflows.codec import dump, load, returned_type, to_plain, unpack
from tidemill.workflows.definitions import Defined, Definitions
from tidemill.workflows.errors import (
    BackupElsewhere,
    StepMisused,
    WorkflowCancelled,
    WorkflowChanged,
    WorkflowConflict,
    WorkflowEnded,
    WorkflowNotFound,
    WorkflowPending,
    WouldWaitForever,
)
from tidemill.workflows.ports import Definition
from tidemill.workflows.records import ONCE, Retry, ScheduleRecord, State, StepRecord, WorkflowRecord

P = ParamSpec("P")
T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the clock starts unless told otherwise."""


class Killed(BaseException):
    """Stands for the death of the process; `launch` continues what was running."""


class _Message(NamedTuple):
    at: Moment
    topic: str
    body: str
    key: str


class _Kept:
    """What a database would keep of one workflow."""

    def __init__(self, defined: Defined, identity: str, given: str, at: Moment) -> None:
        self.defined = defined
        self.id = identity
        self.given = given
        self.record: list[tuple[str, str, Moment]] = []
        self.outcome: TidemillError | str | None = None
        self.is_cancelled = False
        self.started_at = at
        self.ended_at: Moment | None = None
        self.schedule = ""

    @property
    def state(self) -> State:
        if self.is_cancelled:
            return State.CANCELLED
        if self.outcome is None:
            return State.RUNNING
        return State.FAILED if isinstance(self.outcome, TidemillError) else State.DONE


class Cancelled(BaseException):
    """Leaves a workflow that was cancelled while it ran."""


class InlineFlow:
    """A `Flow` whose waits move the clock on."""

    def __init__(self, host: "InlineWorkflows", kept: _Kept) -> None:
        self._host = host
        self._kept = kept
        self._number = 0
        self._is_inside = False

    @property
    def id(self) -> str:
        """The id of this workflow."""
        return self._kept.id

    @property
    def step_key(self) -> str:
        """The name of the running step, or outside a step of the next one."""
        return f"{self._kept.id}/{self._number if self._is_inside else self._number + 1}"

    def step(self, name: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the work once and keep its outcome."""
        return self.retry(name, ONCE, work, *args, **kwargs)

    def retry(self, name: str, policy: Retry, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `step`, trying again as the policy says; the waits move the clock on."""
        what = f"Step {name!r} of {self.id}"

        def tries() -> dict[str, object]:
            return attempt(what, policy, lambda: work(*args, **kwargs), work, self._host.advance)

        return cast("T", unpack(self._record(name, tries), returned_type(work), what))

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        until = cast("str", self._record("sleep", lambda: self._host.stamp(seconds)))
        self._host.run_until(datetime.fromisoformat(until))
        self._check()

    def receive(self, topic: str, *, timeout_s: float | None = None) -> object:
        """Return the next message, moving the clock on to its time, or None with the clock at the end of the wait."""
        return self._record(f"receive {topic}", lambda: self._host.await_message(self.id, topic, timeout_s))

    def now(self) -> Moment:
        """Return the clock."""
        return datetime.fromisoformat(cast("str", self._record("now", self._host.stamp)))

    def _check(self) -> None:
        if self._kept.is_cancelled:
            raise Cancelled

    def _record(self, name: str, body: Callable[[], object]) -> object:
        if self._is_inside:
            raise StepMisused(f"{self.id} called its flow from inside a step", hint="Return values from steps instead.")
        self._check()
        self._number += 1
        record = self._kept.record
        if self._number <= len(record):
            known, text, _ = record[self._number - 1]
            if known != name:
                raise WorkflowChanged(
                    f"{self.id} recorded step {known!r}, and now has {name!r} in its place",
                    hint="Between its calls a workflow must be deterministic.",
                )
            return load(text)
        self._is_inside = True
        try:
            text = dump(to_plain(body(), name))
        finally:
            self._is_inside = False
        if name == self._host.kill_after:
            self._host.kill_after = ""
            raise Killed(name)
        record.append((name, text, self._host.clock))
        return load(text)


class InlineWorkflows:
    """The port `Workflows` without a database.

    A workflow runs inside `start` to its end. A wait moves the clock on, and what was planned for the time in
    between (messages sent with `after_s`, calls given to `at`) happens on the way. Nothing is kept after the process.

    Args:
        clock: Where the clock starts.

    Attributes:
        kill_after: The name of a step after whose work, and before whose record, the process "dies" once: `start`
            raises `Killed`, and `launch` runs the workflow again from its record, as after `kill -9`.
    """

    def __init__(self, *, clock: Moment = EPOCH) -> None:
        self.clock = clock
        self.kill_after = ""
        self._definitions = Definitions()
        self._kept: dict[str, _Kept] = {}
        self._messages: dict[str, list[_Message]] = {}
        self._plans: list[tuple[Moment, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._schedules: dict[str, tuple[ScheduleRecord, object]] = {}

    def define(self, name: str, function: Definition, *, generation: int = 1) -> None:
        """Name a function as a workflow."""
        self._definitions.add(name, function, generation)

    def launch(self) -> None:
        """Run again what was killed."""
        for kept in list(self._kept.values()):
            if not kept.state.is_ended:
                self._run(kept)

    def close(self, *, grace_s: float = 10.0) -> None:
        """Do nothing: nothing runs between calls."""

    def stamp(self, after_s: float = 0.0) -> str:
        """Return the clock, or what it will show after some seconds, as text."""
        return (self.clock + timedelta(seconds=after_s)).isoformat()

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Plan a call for when the clock has moved on by some seconds."""
        self._plans.append((self.clock + timedelta(seconds=seconds), next(self._order), action))

    def advance(self, seconds: float) -> None:
        """Move the clock on; due ticks of schedules start."""
        self.run_until(self.clock + timedelta(seconds=seconds))

    def run_until(self, moment: Moment) -> None:
        """Move the clock to a moment, with all that is due on the way."""
        while (due := self._next_due()) is not None and due[0] <= moment:
            self.clock = max(self.clock, due[0])
            due[1]()
        self.clock = max(self.clock, moment)

    def start(self, name: str, *, id: str, input: object = None) -> None:  # noqa: A002
        """Run a workflow to its end; nothing happens if one of that id was started before."""
        defined = self._definitions.latest(name)
        check_name(id, "workflow id")
        given = dump(to_plain(input, f"The input of {id}"))
        if there := self._kept.get(id):
            if there.defined.name != name:
                raise WorkflowConflict(
                    f"{id} is a workflow of {there.defined.name}, not of {name}",
                    hint="Give each workflow an id of its own.",
                )
            return
        self._kept[id] = _Kept(defined, id, given, self.clock)
        self._run(self._kept[id])

    def send(
        self,
        id: str,  # noqa: A002
        topic: str,
        message: object = None,
        *,
        key: str = "",
        after_s: float = 0.0,
    ) -> None:
        """Leave a message, here also for a workflow yet to start, to arrive when the clock has moved on."""
        body = dump(to_plain(message, f"The message for {id}"))
        if (kept := self._kept.get(id)) and kept.state.is_ended:
            raise WorkflowEnded(f"Workflow {id} has ended and takes no message", hint="Look at its result.")
        box = self._messages.setdefault(id, [])
        if not key or all(each.key != key for each in box):
            box.append(_Message(self.clock + timedelta(seconds=after_s), topic, body, key))
            box.sort(key=lambda each: each.at)

    def await_message(self, identity: str, topic: str, timeout_s: float | None) -> object:
        """Return the next message of a workflow, with the clock at its time."""
        until = None if timeout_s is None else self.clock + timedelta(seconds=timeout_s)
        while True:
            box = [each for each in self._messages.get(identity, []) if each.topic == topic]
            if box and box[0].at <= self.clock:
                self._messages[identity].remove(box[0])
                return load(box[0].body)
            if until is not None and self.clock >= until:
                return None
            moments = [each.at for each in box] + [plan[0] for plan in self._plans] + ([until] if until else [])
            if not moments:
                raise WouldWaitForever(
                    f"{identity} waits for {topic!r}, and nothing is sent or planned",
                    hint="Send a message first, also with `after_s`, or wait with a time-out.",
                )
            self.run_until(min(moments))
            if self._kept[identity].is_cancelled:
                raise Cancelled

    def cancel(self, id: str) -> None:  # noqa: A002
        """Stop a workflow, which must have been killed or be running below this call."""
        kept = self._find(id)
        if not kept.state.is_ended:
            kept.is_cancelled = True
            kept.ended_at = self.clock

    def status(self, id: str) -> WorkflowRecord:  # noqa: A002
        """Return a workflow as it stands."""
        kept = self._find(id)
        failure = kept.outcome if isinstance(kept.outcome, TidemillError) else None
        return WorkflowRecord(
            id=id,
            name=kept.defined.name,
            generation=kept.defined.generation,
            state=kept.state,
            started_at=kept.started_at,
            ended_at=kept.ended_at,
            input=load(kept.given),
            result=load(kept.outcome) if isinstance(kept.outcome, str) else None,
            error=failure,
            schedule=kept.schedule,
        )

    def steps(self, id: str) -> tuple[StepRecord, ...]:  # noqa: A002
        """Return the recorded steps of a workflow in their order."""
        record = self._find(id).record
        return tuple(
            StepRecord(number=number, name=name, started_at=at, ended_at=at, error=_message(load(text)))
            for number, (name, text, at) in enumerate(record, start=1)
        )

    def result(self, id: str, *, timeout_s: float | None = None) -> object:  # noqa: A002
        """Return a workflow's value as plain data or raise its error."""
        record = self.status(id)
        if record.error is not None:
            raise record.error
        if record.state is State.CANCELLED:
            raise WorkflowCancelled(f"Workflow {id} was cancelled", hint="Start another with a new id.")
        if not record.state.is_ended:
            raise WorkflowPending(f"Workflow {id} was killed", hint="Launch again.")
        return record.result

    def list(
        self, *, name: str = "", states: frozenset[State] | None = None, limit: int = 100
    ) -> tuple[WorkflowRecord, ...]:
        """Return workflows, newest first; ticks of schedules are among them."""
        newest = (self.status(each) for each in reversed(self._kept))
        fit = (each for each in newest if name in ("", each.name) and (states is None or each.state in states))
        return tuple(itertools.islice(fit, limit))

    def schedule(
        self,
        name: str,
        *,
        workflow: str = "",
        cron: str = "",
        every_s: float = 0.0,
        zone: str = "UTC",
        input: object = None,  # noqa: A002
    ) -> None:
        """Start a workflow at certain moments of the clock."""
        check_name(name, "schedule")
        fields = parse_cadence(cron, every_s, zone)
        self._definitions.latest(workflow or name)
        record = ScheduleRecord(name=name, workflow=workflow or name, cron=fields, zone=zone, last_at=self.clock)
        self._schedules[name] = (record, to_plain(input, f"The input of schedule {name}"))

    def unschedule(self, name: str) -> None:
        """Remove a schedule; nothing happens if there is none."""
        self._schedules.pop(name, None)

    def schedules(self) -> tuple[ScheduleRecord, ...]:
        """Return the standing schedules by name."""
        return tuple(self._schedules[name][0] for name in sorted(self._schedules))

    def backup(self, target: Path) -> None:
        """Refuse: there is nothing to copy."""
        raise BackupElsewhere("Inline workflows keep nothing", hint="Use durable workflows.")

    def _next_due(self) -> tuple[Moment, Callable[[], None]] | None:
        due: list[tuple[Moment, int, Callable[[], None]]] = [
            (at, order, partial(self._carry_out, order)) for at, order, _ in self._plans
        ]
        for place, (name, (each, _)) in enumerate(self._schedules.items(), start=-len(self._schedules)):
            at = due_after(each.cron, each.zone, each.last_at or self.clock)
            due.append((at, place, partial(self._tick, name, at)))
        first = min(due, key=itemgetter(0, 1), default=None)
        return (first[0], first[2]) if first else None

    def _carry_out(self, order: int) -> None:
        action = next(plan[2] for plan in self._plans if plan[1] == order)
        self._plans = [plan for plan in self._plans if plan[1] != order]
        action()

    def _tick(self, name: str, at: Moment) -> None:
        record, given = self._schedules[name]
        self._schedules[name] = (
            ScheduleRecord(name=name, workflow=record.workflow, cron=record.cron, zone=record.zone, last_at=at),
            given,
        )
        if any(each.schedule == name and not each.state.is_ended for each in self._kept.values()):
            return
        identity = f"sched-{name}-{at.isoformat()}"
        kept = _Kept(self._definitions.latest(record.workflow), identity, dump(given), at)
        kept.schedule = name
        self._kept[identity] = kept
        self._run(kept)

    def _run(self, kept: _Kept) -> None:
        try:
            kept.outcome = dump(kept.defined.run(InlineFlow(self, kept), load(kept.given)))
        except TidemillError as error:
            kept.outcome = error
        except Cancelled:
            return
        kept.ended_at = self.clock

    def _find(self, identity: str) -> _Kept:
        try:
            return self._kept[identity]
        except KeyError:
            raise WorkflowNotFound(f"There is no workflow {identity!r}", hint="Start it first.") from None


def _message(record: object) -> str:
    failure = record.get("error") if isinstance(record, dict) else None
    return str(failure["message"]) if failure else ""
