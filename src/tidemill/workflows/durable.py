"""Durable workflows on a database: what a workspace runs."""

import contextlib
import functools
import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from tidemill.core.errors import TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.moments import utc_now
from tidemill.core.names import check_name
from tidemill.workflows import library, upkeep
from tidemill.workflows.cadence import due_before, parse_cadence
from tidemill.workflows.codec import to_plain
from tidemill.workflows.definitions import TICK, Defined, Definitions, split_name
from tidemill.workflows.errors import (
    InvalidWorkflow,
    WorkflowCancelled,
    WorkflowConflict,
    WorkflowEnded,
    WorkflowNotFound,
    WorkflowPending,
    WorkflowsAlreadyLive,
    WorkflowsNotLive,
)
from tidemill.workflows.flow import Control, DurableFlow
from tidemill.workflows.ports import Definition, Flow
from tidemill.workflows.reading import library_states, read_step, read_workflow
from tidemill.workflows.records import ScheduleRecord, State, StepRecord, WorkflowRecord
from tidemill.workflows.store import Inbox, copy_database, explain, open_engine

if TYPE_CHECKING:
    import dbos
else:
    dbos = lazy("dbos")

log = logging.getLogger("tidemill.workflows")

_OWN = "tidemill."
_UPKEEP = "tidemill.upkeep"
_UPKEEP_EVERY_S = 60.0

_one = threading.Lock()
"""Held by the live workflows of this process: the library keeps one instance a process."""

_live: "weakref.WeakSet[DurableWorkflows]" = weakref.WeakSet()


@functools.cache
def _close_at_exit() -> None:
    def close_live() -> None:
        for workflows in list(_live):
            workflows.close()

    library.before_exit(close_live)


class DurableWorkflows:
    """Workflows kept in `<home>/workflows.sqlite` or in a PostgreSQL database.

    Args:
        where: A path for SQLite, a `postgresql://` URL for PostgreSQL. One process at a time runs a SQLite file.
        executor: The name of this process among those that share a PostgreSQL database; it must be the same after
            a restart, because a process continues its own workflows only.
    """

    def __init__(self, where: Path | str, *, executor: str = "local") -> None:
        self._where = where if isinstance(where, str) and "://" in where else Path(where)
        self._executor = executor
        self._definitions = Definitions()
        self._functions: dict[str, Callable[..., object]] = {}
        self._wanted: list[tuple[str, str, str, str, object]] = []
        self._engine: sa.Engine | None = None
        self._controls: dict[str, Control] = {}
        self._ticking: set[str] = set()
        self._suspects: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._is_live = False
        self._definitions.add(_UPKEEP, self._keep_house, 1)

    def define(self, name: str, function: Definition, *, generation: int = 1) -> None:
        """Name a function as a workflow, before `launch`."""
        if self._engine is not None:
            raise InvalidWorkflow(f"Workflow {name} is defined after launch", hint="Define all workflows, then launch.")
        self._definitions.add(name, function, generation)

    def launch(self) -> None:
        """Begin to run, first of all what an earlier process left unfinished.

        Raises:
            WorkflowsAlreadyLive: If this process runs the workflows of a workspace already.
            Damaged: If the database is not one.
            Unavailable: If it cannot be opened or written.
        """
        if self._engine is not None:
            raise WorkflowsNotLive("These workflows were launched before", hint="Open the workspace anew.")
        if not _one.acquire(blocking=False):
            raise WorkflowsAlreadyLive(
                "This process already runs the workflows of a workspace",
                hint="Close that workspace first, or use a process for each.",
            )
        try:
            self._engine = open_engine(self._where)
            library.configure(self._engine, self._where, self._executor)
            self._register()
            Inbox(self._engine).create()
            self._is_live = True
            _close_at_exit()
            _live.add(self)
            library.launch()
            self._take_up()
        except BaseException as error:
            self._tear_down()
            if isinstance(error, sa.exc.SQLAlchemyError | sqlite3.Error | OSError):
                raise explain(error, self._where) from error
            raise

    def close(self, *, grace_s: float = 10.0) -> None:
        """Stop at the next step boundary; what is unfinished continues at the next launch."""
        if not self._is_live:
            return
        with self._lock:
            self._is_live = False
            for control in self._controls.values():
                control.stop()
        deadline = time.monotonic() + grace_s
        while self._controls and time.monotonic() < deadline:
            time.sleep(0.01)
        self._tear_down()

    def start(self, name: str, *, id: str, input: object = None) -> None:  # noqa: A002
        """Start a workflow; nothing happens if one of that id was started before."""
        defined = self._definitions.latest(name)
        check_name(id, "workflow id")
        given = to_plain(input, f"The input of {id}")

        def begin() -> None:
            with dbos.SetWorkflowID(id):
                dbos.DBOS.start_workflow(self._functions[defined.recorded_name], given)

        with self._asking():
            try:
                library.outside(begin)
            except dbos.error.DBOSConflictingWorkflowError as error:
                there = self.status(id).name
                if there != name:  # else it was started by an earlier generation
                    raise WorkflowConflict(
                        f"{id} is a workflow of {there}, not of {name}", hint="Give each workflow an id of its own."
                    ) from error

    def send(self, id: str, topic: str, message: object = None, *, key: str = "") -> None:  # noqa: A002
        """Leave a message for a workflow, durably."""
        body = to_plain(message, f"The message for {id}")
        if self.status(id).state.is_ended:
            raise WorkflowEnded(f"Workflow {id} has ended and takes no message", hint="Look at its result.")
        with self._asking() as engine:
            Inbox(engine).put(id, topic, body, key)
        if control := self._controls.get(id):
            control.news.set()

    def cancel(self, id: str) -> None:  # noqa: A002
        """Stop a workflow at its next step boundary, for good."""
        self.status(id)
        with self._asking():
            library.outside(dbos.DBOS.cancel_workflow, id)
        if control := self._controls.get(id):
            control.stop()

    def status(self, id: str) -> WorkflowRecord:  # noqa: A002
        """Return a workflow as it stands."""
        with self._asking():
            found = library.outside(dbos.DBOS.list_workflows, workflow_ids=[id])
        if not found:
            raise WorkflowNotFound(f"There is no workflow {id!r}", hint="An ended workflow is removed after 30 days.")
        return read_workflow(found[0])

    def steps(self, id: str) -> tuple[StepRecord, ...]:  # noqa: A002
        """Return the recorded steps of a workflow in their order."""
        self.status(id)
        with self._asking():
            return tuple(read_step(each) for each in library.outside(dbos.DBOS.list_workflow_steps, id))

    def result(self, id: str, *, timeout_s: float | None = None) -> object:  # noqa: A002
        """Wait for a workflow's end; return its value as plain data or raise its error."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = 0.005
        while True:
            record = self.status(id)
            if record.error is not None:
                raise record.error
            if record.state is State.CANCELLED:
                raise WorkflowCancelled(f"Workflow {id} was cancelled", hint="Start another with a new id.")
            if record.state.is_ended:
                return record.result
            if deadline is not None and time.monotonic() >= deadline:
                raise WorkflowPending(f"Workflow {id} has no result after {timeout_s:g} s", hint="Ask again later.")
            time.sleep(pause_s)
            pause_s = min(0.5, pause_s * 1.5)

    def list(
        self, *, name: str = "", states: frozenset[State] | None = None, limit: int = 100
    ) -> tuple[WorkflowRecord, ...]:
        """Return workflows, newest first; ticks of schedules are among them."""
        names = None
        if name:
            made = range(1, self._definitions.latest(name).generation + 1)
            names = [f"{kind}{name}@{generation}" for generation in made for kind in ("", TICK)]
        with self._asking():
            found = library.outside(
                dbos.DBOS.list_workflows,
                name=names,
                status=None if states is None else library_states(states),
                sort_desc=True,
                limit=limit + 2 * upkeep.KEPT_TICKS,
            )
        shown = (read_workflow(each) for each in found)
        return tuple(each for each in shown if not each.name.startswith(_OWN))[:limit]

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
        """Start a workflow at certain moments from now on, replacing the schedule of that name."""
        check_name(name, "schedule")
        fields = parse_cadence(cron, every_s, zone)
        self._definitions.latest(workflow or name)
        wanted = (name, workflow or name, fields, zone, to_plain(input, f"The input of schedule {name}"))
        if self._engine is None:
            self._wanted.append(wanted)
            return
        with self._asking():
            library.outside(self._apply_schedule, *wanted)

    def unschedule(self, name: str) -> None:
        """Remove a schedule; nothing happens if there is none."""
        self._wanted = [each for each in self._wanted if each[0] != name]
        if self._engine is not None:
            with self._asking():
                library.outside(dbos.DBOS.delete_schedule, name)

    def schedules(self) -> tuple[ScheduleRecord, ...]:
        """Return the standing schedules by name."""
        with self._asking():
            found = library.outside(dbos.DBOS.list_schedules)
        records = (
            ScheduleRecord(
                name=each["schedule_name"],
                workflow=split_name(each["workflow_name"])[0],
                cron=each["schedule"],
                zone=each["cron_timezone"] or "UTC",
                last_at=datetime.fromisoformat(each["last_fired_at"]) if each["last_fired_at"] else None,
            )
            for each in found
        )
        return tuple(sorted((each for each in records if not each.name.startswith(_OWN)), key=lambda each: each.name))

    def backup(self, target: Path) -> None:
        """Copy the database of the workflows to a new file while they run."""
        copy_database(self._where, target)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[sa.Engine]:
        if not self._is_live or self._engine is None:
            raise WorkflowsNotLive("The workflows are not running", hint="Launch them first.")
        try:
            yield self._engine
        except sa.exc.SQLAlchemyError as error:
            raise explain(error, self._where) from error
        except dbos.error.DBOSException as error:
            if self._is_live:
                raise
            raise WorkflowsNotLive("The workflows were closed meanwhile", hint="Launch them again.") from error

    def _register(self) -> None:
        for defined in self._definitions.all():
            self._functions[defined.recorded_name] = library.register(defined.recorded_name, self._runner(defined))
            tick = TICK + defined.recorded_name
            self._functions[tick] = library.register(tick, self._ticker(defined))

    def _runner(self, defined: Defined) -> Callable[[object], object]:
        def run(given: object) -> object:
            with self._running() as flow:
                return defined.run(flow, given)

        return run

    def _ticker(self, defined: Defined) -> Callable[[object, dict[str, object]], object]:
        def tick(_due: object, context: dict[str, object]) -> object:
            name = str(context["schedule"])
            with self._lock:
                is_free = name not in self._ticking
                self._ticking.add(name)
            if not is_free:
                return {"skipped": "the tick before still runs"}
            try:
                with self._running() as flow:
                    return defined.run(flow, context.get("input"))
            finally:
                with self._lock:
                    self._ticking.discard(name)

        return tick

    @contextlib.contextmanager
    def _running(self) -> Iterator[Flow]:
        identity = cast("str", dbos.DBOS.workflow_id)
        control = Control()
        with self._lock:
            if self._is_live:
                self._controls[identity] = control
            else:
                control.stop()
        try:
            yield DurableFlow(identity, control, Inbox(cast("sa.Engine", self._engine)))
        except TidemillError as error:
            log.warning("Workflow %s failed: %s", identity, error)
            raise
        finally:
            with self._lock:
                if self._controls.get(identity) is control:
                    del self._controls[identity]

    def _take_up(self) -> None:
        """Take over the schedules that stand, add those declared, and report what nobody here can continue."""
        for standing in dbos.DBOS.list_schedules():
            name, (workflow, _) = standing["schedule_name"], split_name(standing["workflow_name"])
            context = cast("dict[str, object]", standing["context"])
            if name not in {each[0] for each in self._wanted} and self._definitions.knows(workflow):
                zone = standing["cron_timezone"] or "UTC"
                self._wanted.append((name, workflow, standing["schedule"], zone, context.get("input")))
        self._wanted.append((_UPKEEP, _UPKEEP, parse_cadence("", _UPKEEP_EVERY_S, "UTC"), "UTC", None))
        for wanted in self._wanted:
            self._apply_schedule(*wanted)
        pending = dbos.DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False)
        if stranded := sorted({each.name for each in pending} - self._functions.keys()):
            log.error("Pending workflows have no definition here: %s. Define that generation.", ", ".join(stranded))

    def _apply_schedule(self, name: str, workflow: str, cron: str, zone: str, given: object) -> None:
        function = self._functions[TICK + self._definitions.latest(workflow).recorded_name]
        context = {"schedule": name, "input": given}
        dbos.DBOS.apply_schedules(
            [
                {
                    "schedule_name": name,
                    "workflow_fn": cast("Callable[[datetime, object], None]", function),
                    "schedule": cron,
                    "context": context,
                    "cron_timezone": zone,
                }
            ]
        )
        standing = dbos.DBOS.get_schedule(name)
        if standing is not None and standing["last_fired_at"]:
            due = due_before(cron, zone, utc_now())
            if datetime.fromisoformat(standing["last_fired_at"]) < due:
                # One tick for all those missed; its id is that of the regular tick, so it is made up once.
                dbos.DBOS.backfill_schedule(name, due - timedelta(seconds=1), due + timedelta(milliseconds=1))

    def _keep_house(self, _flow: Flow) -> None:
        with self._asking() as engine:
            known, running = frozenset(self._functions), frozenset(self._controls)
            self._suspects = library.outside(upkeep.revive, self._executor, running, known, self._suspects)
            names = [each["schedule_name"] for each in library.outside(dbos.DBOS.list_schedules)]
            library.outside(upkeep.prune, Inbox(engine), names)

    def _tear_down(self) -> None:
        self._is_live = False
        try:
            library.destroy()
        finally:
            if self._engine is not None:
                self._engine.dispose()
            _one.release()
