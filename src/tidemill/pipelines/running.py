"""Executes a recorded run: claim, workers, outcome."""

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import TidemillError
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.pipelines import rules, store
from tidemill.pipelines.arguments import Known
from tidemill.pipelines.claims import Claim
from tidemill.pipelines.errors import ClaimLost, PipelineRunNotFound, RunEnded
from tidemill.pipelines.execution.journal import Journal
from tidemill.pipelines.execution.loop import RunLoop, RunStopped, Work
from tidemill.pipelines.execution.pool import PoolSettings, WorkerPool
from tidemill.pipelines.execution.shelf import PoolShelf
from tidemill.pipelines.execution.workers import InProcess, Workers
from tidemill.pipelines.loading import enter_project, leave_project
from tidemill.pipelines.records import (
    DatasetInput,
    Graph,
    PipelineRun,
    PipelineStatus,
    RunEvent,
    StepExecution,
    StepFailure,
    StepStatus,
    StoredValue,
)
from tidemill.pipelines.source import export_source
from tidemill.pipelines.values.store import ValueStore, objects_of
from tidemill.tracking import store as tracking
from tidemill.tracking.records import RunStatus

OUTCOMES = {
    PipelineStatus.DONE: RunStatus.FINISHED,
    PipelineStatus.FAILED: RunStatus.FAILED,
    PipelineStatus.CANCELLED: RunStatus.KILLED,
}
_HAS_RESULT = {StepStatus.DONE, StepStatus.CACHED}
_LOOK_EVERY_S = 1.0
_CANCELLED = StepFailure(code="run_cancelled", message="The run was cancelled", final=True)


class Runner:
    """Executes runs.

    Args:
        ledger: Where they are recorded.
        objects: Where bytes are.
        settings: How workers are started.
        shelf: Where workers are found.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, settings: PoolSettings, shelf: PoolShelf) -> None:
        self._ledger = ledger
        self._objects = objects
        self._settings = settings
        self._shelf = shelf
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let go of every run within a second; the next process goes on with them."""
        self._stopping.set()

    def execute(
        self,
        actor: Actor,
        run_id: str,
        *,
        isolate: bool = True,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> PipelineRun:
        """Execute a run from where it was, and return it as it ended.

        Args:
            actor: Who runs.
            run_id: The run.
            isolate: Whether steps run in worker processes.
            on_event: Told of each event when it happens.

        Raises:
            RunBusy: If a living process executes it.
            ClaimLost: If another process took it over.
            RunStopped: If this process ends.
        """
        with self._ledger.read() as connection:
            run = need_run(connection, run_id)
        if run.status in OUTCOMES:
            return run
        if self._stopping.is_set():
            raise RunStopped
        try:
            claim = Claim(self._ledger, run_id, lambda tx: _begin(tx, run_id))
        except RunEnded:  # between the look above and the claim
            with self._ledger.read() as connection:
                return need_run(connection, run_id)
        try:
            with self._ledger.read() as connection:
                last_event = store.last_event(connection, run_id)
            journal = Journal(self._ledger, actor, run_id, claim=claim, last_event=last_event, on_event=on_event)
            journal.tell("run_started")
            self._work(run, journal, isolate=isolate)
        finally:
            with suppress(TidemillError):  # what ended the run says more; a claim lapses by itself
                claim.release()
        with self._ledger.read() as connection:
            return need_run(connection, run_id)

    def _work(self, run: PipelineRun, journal: Journal, *, isolate: bool) -> None:
        pools: list[WorkerPool] = []
        here: list[InProcess] = []

        def workers(graph: Graph) -> Workers:
            if not isolate:
                here.append(self._here(run))
                return here[0]
            pools.append(self._shelf.take(run.source, run.reference))
            pools[0].resize(min(rules.width(graph), self._settings.cores))
            return pools[0]

        try:
            try:
                self._loop(run, journal, workers)
            finally:
                for pool in pools:
                    self._shelf.give_back(pool)
                if here:
                    leave_project()
                    shutil.rmtree(self._scratch(run.run_id), ignore_errors=True)
        except ClaimLost:
            raise
        except TidemillError as error:
            failure = StepFailure(code=error.code, message=error.message, hint=error.hint, place=error.where)
            _end(journal, PipelineStatus.FAILED, None, failure)

    def _loop(self, run: PipelineRun, journal: Journal, workers: Callable[[Graph], Workers]) -> None:
        with self._ledger.read() as connection:
            graph = store.graph_of(connection, run.run_id)
            table = store.pipeline_runs.c
            given = connection.execute(sa.select(table.datasets, table.options).where(table.run_id == run.run_id)).one()
            steps = {each.step: each for each in store.list_steps(connection, run.run_id)}
            use_cache = bool(given.options.get("use_cache", True))
            likely = store.cached_of_latest_run(connection, run.pipeline) if use_cache else {}
        known = Known(self._objects, msgspec.convert(given.datasets, dict[str, DatasetInput]))
        loop = RunLoop(
            Work(
                graph=graph,
                known=known,
                steps=self._standing(run.run_id, graph, steps, known),
                cores=self._settings.cores,
                cached=(lambda keys: self._cached(likely, keys)) if use_cache else (lambda _: {}),
                workers=lambda: workers(graph),
                cancelled=self._watch(run.run_id),
                stopping=self._stopping.is_set,
            ),
            journal,
        )
        loop.run()
        if loop.was_cancelled:
            _end(journal, PipelineStatus.CANCELLED, None, _CANCELLED)
        elif loop.failure is not None:
            _end(journal, PipelineStatus.FAILED, None, loop.failure)
        else:
            result = known.value(graph.result) if graph.result is not None else None
            _end(journal, PipelineStatus.DONE, result, None)

    def _standing(
        self, run_id: str, graph: Graph, found: dict[str, StepExecution], known: Known
    ) -> dict[str, StepExecution]:
        """Return each step's row; those that an earlier try finished keep their result, the others begin anew."""
        rows: dict[str, StepExecution] = {}
        for position, step in enumerate(graph.steps):
            row = found.get(step.name)
            output = row.output if row is not None and row.status in _HAS_RESULT else None
            if row is not None and output is not None and self._is_there(output):
                rows[step.name] = row
                known.outputs[step.name] = output
            else:
                rows[step.name] = StepExecution(
                    run_id=run_id, step=step.name, position=position, status=StepStatus.PENDING
                )
        return rows

    def _cached(
        self, likely: Mapping[str, store.CachedResult], keys: Sequence[Digest]
    ) -> dict[Digest, store.CachedResult]:
        found = {key: likely[key] for key in keys if key in likely}
        others = [key for key in keys if key not in found]
        if others:
            with self._ledger.read() as connection:
                found |= store.find_cached(connection, others)
        return {
            key: result
            for key, result in found.items()
            if self._is_there(result.output) and self._objects.hold_all(one.digest for one in result.logged.artifacts)
        }

    def _is_there(self, output: StoredValue) -> bool:
        return self._objects.hold_all(objects_of(output))

    def _here(self, run: PipelineRun) -> InProcess:
        root = export_source(run.source, self._objects, self._settings.work / "source")
        enter_project(root)
        scratch = self._scratch(run.run_id)
        scratch.mkdir(parents=True, exist_ok=True)
        return InProcess(root, ValueStore(self._objects, scratch, self._settings.frameworks))

    def _scratch(self, run_id: str) -> Path:
        return self._settings.work / "scratch" / run_id

    def _watch(self, run_id: str) -> Callable[[], bool]:
        """Return what says whether somebody asked to end the run, looking once a second."""
        looked_at = time.monotonic()

        def is_cancelled() -> bool:
            nonlocal looked_at
            if time.monotonic() - looked_at < _LOOK_EVERY_S:
                return False
            looked_at = time.monotonic()
            with self._ledger.read() as connection:
                query = sa.select(store.pipeline_runs.c.cancel_at).where(store.pipeline_runs.c.run_id == run_id)
                return connection.execute(query).scalar_one() is not None

        return is_cancelled


def need_run(connection: sa.Connection, run_id: str, *, hold: bool = False) -> PipelineRun:
    """Return the pipeline side of a run.

    Args:
        connection: The database.
        run_id: The run.
        hold: Keep others from changing it until the end of the transaction: who then asks for its claim knows that
            it has not ended in between.

    Raises:
        PipelineRunNotFound: If no pipeline made that run.
    """
    found = store.find_run(connection, run_id, hold=hold)
    if found is None:
        raise PipelineRunNotFound(
            f"No pipeline made a run {shown(run_id)}", hint="List runs with `tidemill pipelines list`."
        )
    return found


def _begin(tx: Transaction, run_id: str) -> None:
    if need_run(tx.connection, run_id, hold=True).status in OUTCOMES:
        raise RunEnded(f"Run {shown(run_id)} has ended meanwhile", hint="There is nothing to execute.")
    table = store.pipeline_runs.c
    started = sa.func.coalesce(table.started_at, sa.literal(tx.now, table.started_at.type))
    change = sa.update(store.pipeline_runs).where(table.run_id == run_id)
    tx.execute(change.values(status=PipelineStatus.RUNNING.value, started_at=started))
    again = sa.update(tracking.runs).where(tracking.runs.c.run_id == run_id)
    tx.execute(again.values(status=RunStatus.RUNNING.value, end_time=None))


def _end(journal: Journal, status: PipelineStatus, result: StoredValue | None, failure: StepFailure | None) -> None:
    journal.tell(f"run_{status.value}", message=failure.message if failure is not None else "")

    journal.finish(lambda tx: _write_end(tx, journal.run_id, status, result, failure), release=True)


def end_unattended(tx: Transaction, run_id: str) -> None:
    """End a run as cancelled that no process executes."""
    _write_end(tx, run_id, PipelineStatus.CANCELLED, None, _CANCELLED)
    _skip_open(tx, run_id)


def fail_unattended(tx: Transaction, run_id: str, failure: StepFailure) -> None:
    """End a run as failed that no process executes."""
    _write_end(tx, run_id, PipelineStatus.FAILED, None, failure)
    _skip_open(tx, run_id)


def _skip_open(tx: Transaction, run_id: str) -> None:
    table = store.step_executions.c
    is_open = sa.and_(table.run_id == run_id, table.status.in_([StepStatus.PENDING.value, StepStatus.RUNNING.value]))
    tx.execute(sa.update(store.step_executions).where(is_open).values(status=StepStatus.SKIPPED.value))


def _write_end(
    tx: Transaction, run_id: str, status: PipelineStatus, result: StoredValue | None, failure: StepFailure | None
) -> None:
    change = sa.update(store.pipeline_runs).where(store.pipeline_runs.c.run_id == run_id)
    tx.execute(change.values(status=status.value, result=result, failure=failure, ended_at=tx.now))
    over = sa.update(tracking.runs).where(tracking.runs.c.run_id == run_id)
    tx.execute(over.values(status=OUTCOMES[status].value, end_time=tx.now))
    tx.audit(f"pipeline.{status.value}", Ref("run", run_id))
