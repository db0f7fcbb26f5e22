"""What one can do with pipelines: plan, run, follow, explain, resume, cancel."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.pipelines import store
from tidemill.pipelines.attending import Attendant
from tidemill.pipelines.claims import living_holder
from tidemill.pipelines.errors import (
    OutputNotFound,
    PipelineFailed,
    RunBusy,
    RunEnded,
    StepNotFound,
)
from tidemill.pipelines.execution.pool import PoolSettings
from tidemill.pipelines.execution.shelf import PoolShelf
from tidemill.pipelines.planning import planned_steps, reason_of
from tidemill.pipelines.ports import DatasetSource
from tidemill.pipelines.preparing import RunOrder, write_order
from tidemill.pipelines.reading import GraphReader
from tidemill.pipelines.records import (
    PipelineRun,
    PipelineStatus,
    Plan,
    Reason,
    RunEvent,
    Scalar,
    SourceSnapshot,
    StepExecution,
    StoredValue,
)
from tidemill.pipelines.running import Runner, end_unattended, need_run
from tidemill.pipelines.sources import Sources
from tidemill.tracking.rules import check_experiment_name, check_run_id
from tidemill.tracking.service import TrackingService

_ENDED = {PipelineStatus.DONE, PipelineStatus.FAILED, PipelineStatus.CANCELLED}
_OPEN = (PipelineStatus.PENDING.value, PipelineStatus.RUNNING.value)

PipelineRuns: TypeAlias = list[PipelineRun]
StepExecutions: TypeAlias = list[StepExecution]
RunEvents: TypeAlias = list[RunEvent]
RunIds: TypeAlias = list[str]


class PipelineService:
    """The verbs of pipelines.

    Args:
        ledger: Where the rows are.
        objects: Where the bytes are.
        tracking: Where the runs are.
        datasets: Finds dataset versions.
        work: A folder for exported sources and scratch files.
        cores: How many cores a run may use; 0 for all.
    """

    local = frozenset({"execute", "recover", "close", "prepare", "check"})

    def __init__(
        self,
        ledger: Ledger,
        objects: ObjectStore,
        tracking: TrackingService,
        datasets: DatasetSource,
        *,
        work: Path,
        cores: int = 0,
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._tracking = tracking
        self._sources = Sources(ledger, objects, datasets)
        settings = PoolSettings(objects=objects, work=work, cores=cores or os.cpu_count() or 1)
        self._shelf = PoolShelf(settings)
        self._graphs = GraphReader(ledger, self._shelf)
        self._runner = Runner(ledger, objects, settings, self._shelf)
        self.attendant = Attendant(ledger, self._runner)

    def snapshot(self, actor: Actor, *, folder: str) -> SourceSnapshot:
        """Store a project's code as it is now, and return what was stored."""
        return self._sources.take(actor, Path(folder))

    def plan(
        self,
        actor: Actor,
        *,
        pipeline: str,
        folder: str = "",
        source: Digest | None = None,
        params: dict[str, Scalar] | None = None,
    ) -> Plan:
        """Return what running a pipeline would do: which steps run, and why.

        Args:
            actor: Who asks.
            pipeline: `file.py:function`.
            folder: The project's folder on the server's machine; a snapshot is taken of it.
            source: A snapshot, in place of `folder`.
            params: Values for the pipeline's parameters.

        Raises:
            ProjectFault: If the project's code fails while it is read.
        """
        taken = self._sources.find(actor, folder, source)
        graph = self._graphs.read(taken.digest, pipeline, params or {}).graph
        datasets = self._sources.datasets(actor, graph)
        with self._ledger.read() as connection:
            steps = planned_steps(connection, self._objects, graph, datasets)
        return Plan(
            pipeline=graph.name,
            reference=pipeline,
            source=taken,
            params=graph.params,
            datasets={ref: one.label for ref, one in datasets.items()},
            steps=steps,
        )

    def start(
        self,
        actor: Actor,
        *,
        pipeline: str,
        folder: str = "",
        source: Digest | None = None,
        params: dict[str, Scalar] | None = None,
        experiment: str = "",
        use_cache: bool = True,
    ) -> PipelineRun:
        """Begin to run a pipeline and return at once; follow it with `events`.

        Args:
            actor: Who runs.
            pipeline: `file.py:function`.
            folder: The project's folder on the server's machine; a snapshot is taken of it.
            source: A snapshot, in place of `folder`.
            params: Values for the pipeline's parameters.
            experiment: The experiment of the run; the pipeline's name when left out.
            use_cache: Whether earlier results are good enough.

        Raises:
            ProjectFault: If the project's code fails while it is read.
        """
        prepared = self.prepare(
            actor,
            pipeline=pipeline,
            folder=folder,
            source=source,
            params=params,
            experiment=experiment,
            use_cache=use_cache,
        )
        self.attendant.attend(actor, prepared.run_id)
        return prepared

    def prepare(  # noqa: PLR0913 - each is one thing that a caller may say about a run
        self,
        actor: Actor,
        *,
        pipeline: str,
        folder: str = "",
        source: Digest | None = None,
        params: Mapping[str, Scalar] | None = None,
        experiment: str = "",
        use_cache: bool = True,
        key: str = "",
        by_itself: bool = True,
    ) -> PipelineRun:
        """Record a run that is to be executed, and return it.

        Args:
            actor: Who runs.
            pipeline: `file.py:function`.
            folder: The project's folder.
            source: A snapshot, in place of `folder`.
            params: Values for the pipeline's parameters.
            experiment: The experiment of the run.
            use_cache: Whether earlier results are good enough.
            key: The run's id; preparing again with the same key returns the same run.
            by_itself: Whether it goes on by itself when the server starts again.
        """
        run_id = check_run_id(key) if key else new_id()
        with self._ledger.read() as connection:
            there = store.find_run(connection, run_id)
        if there is not None:
            return there
        taken = self._sources.find(actor, folder, source)
        read = self._graphs.read(taken.digest, pipeline, params or {})
        order = RunOrder(
            run_id=run_id,
            reference=pipeline,
            source=taken,
            graph=read.graph,
            graph_key=read.key,
            datasets=self._sources.datasets(actor, read.graph),
            experiment=check_experiment_name(experiment or read.graph.name),
            options={"use_cache": use_cache, "by_itself": by_itself},
        )
        return self._ledger.write(actor, lambda tx: write_order(tx, order, self._tracking))

    def check(self, *, source: Digest, pipeline: str, params: Mapping[str, Scalar]) -> None:
        """Read a pipeline for some params, and do nothing with it.

        Raises:
            ProjectFault: If the project's code fails while it is read.
            PipelineNotFound: If the file holds no such pipeline.
            UnknownParam: If the pipeline has no parameter of a name.
        """
        self._graphs.read(source, pipeline, params)

    def execute(
        self,
        actor: Actor,
        run_id: str,
        *,
        isolate: bool = True,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> PipelineRun:
        """Execute a run to its end, from where it was, and return it.

        Args:
            actor: Who runs.
            run_id: A run that `prepare` recorded.
            isolate: Whether steps run in worker processes; in this one, for a debugger, when False.
            on_event: Told of each event when it happens, from the executing thread.

        Raises:
            RunBusy: If it is being executed.
            PipelineFailed: If a step failed for good.
        """
        done = self._runner.execute(actor, run_id, isolate=isolate, on_event=on_event)
        if done.status is PipelineStatus.FAILED and done.failure is not None:
            failure = done.failure
            raise PipelineFailed(
                failure.message, hint=failure.hint, where=failure.place, details={"traceback": failure.traceback}
            )
        return done

    def resume(self, actor: Actor, *, run_id: str) -> PipelineRun:
        """Let a run go on that failed, was cancelled, or whose process died: finished steps stay finished.

        Raises:
            RunEnded: If it was done.
            RunBusy: If a process executes it.
        """

        def work(tx: Transaction) -> PipelineRun:
            found = need_run(tx.connection, run_id, hold=True)
            if found.status is PipelineStatus.DONE:
                raise RunEnded(f"Run {shown(run_id)} is done", hint="Start a new one; unchanged steps are cached.")
            if holder := living_holder(tx, run_id):
                raise RunBusy(f"Process {holder} executes run {run_id}", hint="Follow it with `tidemill runs events`.")
            change = sa.update(store.pipeline_runs).where(store.pipeline_runs.c.run_id == run_id)
            tx.execute(change.values(status=PipelineStatus.PENDING.value, cancel_at=None, failure=None, ended_at=None))
            tx.audit("pipeline.resume", Ref("run", run_id))
            return need_run(tx.connection, run_id)

        found = self._ledger.write(actor, work)
        self.attendant.attend(actor, run_id)
        return found

    def cancel(self, actor: Actor, *, run_id: str) -> PipelineRun:
        """Ask a run to stop; the steps that run are killed within seconds.

        Raises:
            RunEnded: If it is over.
        """

        def work(tx: Transaction) -> PipelineRun:
            found = need_run(tx.connection, run_id, hold=True)
            if found.status in _ENDED:
                raise RunEnded(f"Run {shown(run_id)} is {found.status.value}", hint="There is nothing to cancel.")
            change = sa.update(store.pipeline_runs).where(store.pipeline_runs.c.run_id == run_id)
            tx.execute(change.values(cancel_at=tx.now))
            tx.audit("pipeline.cancel", Ref("run", run_id))
            if not living_holder(tx, run_id):
                end_unattended(tx, run_id)
            return need_run(tx.connection, run_id)

        return self._ledger.write(actor, work)

    def get(self, actor: Actor, *, run_id: str) -> PipelineRun:
        """Return the pipeline side of a run.

        Raises:
            PipelineRunNotFound: If no pipeline made that run.
        """
        del actor
        with self._ledger.read() as connection:
            return need_run(connection, run_id)

    def list(
        self, actor: Actor, *, pipeline: str = "", status: str = "", before: str = "", limit: int = 50
    ) -> PipelineRuns:
        """Return runs of pipelines, newest first; `before` is the last run of the page before."""
        del actor
        with self._ledger.read() as connection:
            return store.list_runs(
                connection, pipeline=pipeline, status=status, before=before, limit=min(max(limit, 1), 1000)
            )

    def steps(self, actor: Actor, *, run_id: str) -> StepExecutions:
        """Return what a run did about each step, in the graph's order."""
        del actor
        with self._ledger.read() as connection:
            need_run(connection, run_id)
            return store.list_steps(connection, run_id)

    def events(self, actor: Actor, *, run_id: str, after: int = 0, limit: int = 500) -> RunEvents:
        """Return what happened in a run after an event, in order."""
        del actor
        with self._ledger.read() as connection:
            need_run(connection, run_id)
            return store.list_events(connection, run_id, after, min(max(limit, 1), 5000))

    def why(self, actor: Actor, *, run_id: str, step: str) -> Reason:
        """Return why a step ran or came from the cache: what changed since the execution before.

        Raises:
            StepNotFound: If the run has no such step.
        """
        del actor
        with self._ledger.read() as connection:
            run = need_run(connection, run_id)
            execution = store.find_step(connection, run_id, step)
            graph = store.graph_of(connection, run_id)
            if execution is None:
                names = [each.name for each in graph.steps]
                raise StepNotFound(f"Run {shown(run_id)} has no step {shown(step)}", hint=did_you_mean(step, names))
            found = next(each for each in graph.steps if each.name == step)
            return reason_of(connection, run.pipeline, found, execution)

    def log(self, actor: Actor, *, run_id: str, step: str) -> str:
        """Return what a step printed: its beginning and its end when it was much."""
        del actor
        with self._ledger.read() as connection:
            need_run(connection, run_id)
            execution = store.find_step(connection, run_id, step)
        if execution is None:
            raise StepNotFound(
                f"Run {shown(run_id)} has no step {shown(step)}", hint="List them with `tidemill pipelines steps`."
            )
        return self._objects.read(execution.log).decode("utf-8", "replace") if execution.log else ""

    def output(self, actor: Actor, *, run_id: str, name: str = "") -> StoredValue:
        """Return an output of a run that is done: of the dict that the pipeline returned, or all of it.

        Raises:
            OutputNotFound: If the pipeline returned nothing of that name.
        """
        found = self.get(actor, run_id=run_id)
        value = found.result
        if value is not None and name:
            items = value.items or {}
            if name not in items:
                raise OutputNotFound(
                    f"The pipeline {found.pipeline} returned no {shown(name)}",
                    hint=did_you_mean(name, items) if items else 'Return a dict, such as {"model": model}.',
                )
            value = items[name]
        if value is None:
            raise OutputNotFound(f"Run {shown(run_id)} returned nothing", hint="Return something from the pipeline.")
        return value

    def recover(self, actor: Actor) -> RunIds:
        """Let the runs go on whose process died, and return their ids. Called when a server starts."""
        table = store.pipeline_runs.c
        with self._ledger.read() as connection:
            query = sa.select(table.run_id, table.options).where(table.status.in_(_OPEN))
            found = [row.run_id for row in connection.execute(query) if row.options.get("by_itself", True)]
        for run_id in found:
            self.attendant.attend(actor, run_id)
        return found

    def close(self) -> None:
        """Let go of the runs that are executed here: their workers are killed, and the next process goes on."""
        self._runner.stop()
        self.attendant.close()
        self._shelf.close()
