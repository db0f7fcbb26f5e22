"""What one can do with pipelines: plan, run, follow, explain, resume, cancel."""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.pipelines import rules, store
from tidemill.pipelines.arguments import Known
from tidemill.pipelines.errors import (
    PipelineRunNotFound,
    RunBusy,
    RunEnded,
    StepFailed,
    StepNotFound,
)
from tidemill.pipelines.execution.pool import PoolSettings
from tidemill.pipelines.ports import DatasetSource
from tidemill.pipelines.reading import GraphReader
from tidemill.pipelines.records import (
    DatasetInput,
    Graph,
    PipelineRun,
    PipelineStatus,
    Plan,
    PlannedStep,
    Reason,
    RunEvent,
    Scalar,
    SourceSnapshot,
    StepExecution,
    StepStatus,
    StoredValue,
)
from tidemill.pipelines.running import Runner
from tidemill.pipelines.source import take_snapshot
from tidemill.tracking.service import TrackingService

_ENDED = {PipelineStatus.DONE, PipelineStatus.FAILED, PipelineStatus.CANCELLED}
_OPEN = (PipelineStatus.PENDING.value, PipelineStatus.RUNNING.value)


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

    local = frozenset({"execute", "recover", "close", "prepare"})

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
        self._datasets = datasets
        settings = PoolSettings(objects=objects, work=work, cores=cores or os.cpu_count() or 1)
        self._graphs = GraphReader(ledger, settings)
        self._runner = Runner(ledger, objects, tracking, settings)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="pipeline-run")
        self._executing: set[str] = set()
        self._gate = threading.Lock()

    def snapshot(self, actor: Actor, *, folder: str) -> SourceSnapshot:
        """Store a project's code as it is now, and return what was stored."""
        taken = take_snapshot(Path(folder), self._objects)
        self._ledger.write(actor, lambda tx: store.write_source(tx, taken))
        return taken

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
        taken = self._source(actor, folder, source)
        graph = self._graphs.read(taken.digest, pipeline, params or {}).graph
        datasets = self._resolve(actor, graph)
        return Plan(
            pipeline=graph.name,
            reference=pipeline,
            source=taken,
            params=graph.params,
            datasets={ref: one.label for ref, one in datasets.items()},
            steps=self._planned(graph, datasets),
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
        self._submit(actor, prepared.run_id)
        return prepared

    def prepare(
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
        run_id = key or new_id()
        with self._ledger.read() as connection:
            there = store.find_run(connection, run_id)
        if there is not None:
            return there
        taken = self._source(actor, folder, source)
        read = self._graphs.read(taken.digest, pipeline, params or {})
        graph = read.graph
        datasets = self._resolve(actor, graph)
        tags = {"tidemill.pipeline": graph.name, "tidemill.source.digest": taken.digest, "mlflow.source.name": pipeline}
        if taken.git:
            tags |= {"mlflow.source.git.commit": taken.git.commit, "mlflow.source.git.branch": taken.git.branch}
        self._tracking.create_run(
            actor, experiment=experiment or graph.name, params=graph.params, tags=tags, run_id=run_id
        )
        for one in datasets.values():
            self._tracking.log_input(actor, run_id=run_id, ref=f"dataset_version:{one.id}", context="training")

        def work(tx: Transaction) -> PipelineRun:
            row = {
                "run_id": run_id,
                "pipeline": graph.name,
                "reference": pipeline,
                "source": taken.digest,
                "graph": read.key,
                "params": graph.params,
                "datasets": datasets,
                "options": {"use_cache": use_cache, "by_itself": by_itself},
                "status": PipelineStatus.PENDING.value,
                "actor": actor.name,
                "steps": len(graph.steps),
                "created_at": tx.now,
            }
            tx.insert_new(store.pipeline_runs, row)
            tx.link(Ref("source", taken.digest), "ran_as", Ref("run", run_id))
            tx.audit("pipeline.run", Ref("run", run_id), pipeline=graph.name, source=taken.digest)
            return _need(tx.connection, run_id)

        return self._ledger.write(actor, work)

    def execute(self, actor: Actor, run_id: str) -> PipelineRun:
        """Execute a run to its end, from where it was, and return it.

        Raises:
            RunBusy: If it is being executed.
            StepFailed: If a step failed for good.
        """
        with self._gate:
            if run_id in self._executing:
                raise RunBusy(f"Run {run_id} is being executed here", hint="Follow it with `tidemill runs events`.")
            self._executing.add(run_id)
        try:
            done = self._runner.execute(actor, run_id)
        finally:
            with self._gate:
                self._executing.discard(run_id)
        if done.status is PipelineStatus.FAILED and done.failure is not None:
            failure = done.failure
            raise StepFailed(
                failure.message, hint=failure.hint, where=failure.place, details={"traceback": failure.traceback}
            )
        return done

    def resume(self, actor: Actor, *, run_id: str) -> PipelineRun:
        """Let a run go on that failed, was cancelled, or whose process died: finished steps stay finished.

        Raises:
            RunEnded: If it was done.
        """

        def work(tx: Transaction) -> PipelineRun:
            found = _need(tx.connection, run_id)
            if found.status is PipelineStatus.DONE:
                raise RunEnded(f"Run {shown(run_id)} is done", hint="Start a new one; unchanged steps are cached.")
            change = sa.update(store.pipeline_runs).where(store.pipeline_runs.c.run_id == run_id)
            tx.execute(change.values(status=PipelineStatus.PENDING.value, cancel_at=None, failure=None, ended_at=None))
            tx.audit("pipeline.resume", Ref("run", run_id))
            return _need(tx.connection, run_id)

        found = self._ledger.write(actor, work)
        self._submit(actor, run_id)
        return found

    def cancel(self, actor: Actor, *, run_id: str) -> PipelineRun:
        """Ask a run to stop; the steps that run are killed within seconds.

        Raises:
            RunEnded: If it is over.
        """

        def work(tx: Transaction) -> PipelineRun:
            found = _need(tx.connection, run_id)
            if found.status in _ENDED:
                raise RunEnded(f"Run {shown(run_id)} is {found.status.value}", hint="There is nothing to cancel.")
            change = sa.update(store.pipeline_runs).where(store.pipeline_runs.c.run_id == run_id)
            tx.execute(change.values(cancel_at=tx.now))
            tx.audit("pipeline.cancel", Ref("run", run_id))
            return found

        return self._ledger.write(actor, work)

    def get(self, actor: Actor, *, run_id: str) -> PipelineRun:
        """Return the pipeline side of a run.

        Raises:
            PipelineRunNotFound: If no pipeline made that run.
        """
        del actor
        with self._ledger.read() as connection:
            return _need(connection, run_id)

    def list(
        self, actor: Actor, *, pipeline: str = "", status: str = "", before: str = "", limit: int = 50
    ) -> "list[PipelineRun]":
        """Return runs of pipelines, newest first; `before` is the last run of the page before."""
        del actor
        with self._ledger.read() as connection:
            return store.list_runs(
                connection, pipeline=pipeline, status=status, before=before, limit=min(max(limit, 1), 1000)
            )

    def steps(self, actor: Actor, *, run_id: str) -> "list[StepExecution]":
        """Return what a run did about each step, in the graph's order."""
        del actor
        with self._ledger.read() as connection:
            _need(connection, run_id)
            return store.list_steps(connection, run_id)

    def events(self, actor: Actor, *, run_id: str, after: int = 0, limit: int = 500) -> "list[RunEvent]":
        """Return what happened in a run after an event, in order."""
        del actor
        with self._ledger.read() as connection:
            _need(connection, run_id)
            return store.list_events(connection, run_id, after, min(max(limit, 1), 5000))

    def why(self, actor: Actor, *, run_id: str, step: str) -> Reason:
        """Return why a step ran or came from the cache: what changed since the execution before.

        Raises:
            StepNotFound: If the run has no such step.
        """
        del actor
        with self._ledger.read() as connection:
            run = _need(connection, run_id)
            execution = store.find_step(connection, run_id, step)
            graph = store.graph_of(connection, run_id)
            if execution is None:
                names = [each.name for each in graph.steps]
                raise StepNotFound(f"Run {shown(run_id)} has no step {shown(step)}", hint=did_you_mean(step, names))
            earlier = store.latest_execution(connection, run.pipeline, step, run_id)
            before = store.graph_of(connection, earlier.run_id) if earlier else None
        old = next((each for each in before.steps if each.name == step), None) if before else None
        new = next(each for each in graph.steps if each.name == step)
        pair = (old, earlier) if old is not None and earlier is not None else None
        return rules.explain(new, execution, pair, earlier.ended_at if earlier else None)

    def log(self, actor: Actor, *, run_id: str, step: str) -> str:
        """Return what a step printed: its beginning and its end when it was much."""
        del actor
        with self._ledger.read() as connection:
            _need(connection, run_id)
            execution = store.find_step(connection, run_id, step)
        if execution is None:
            raise StepNotFound(
                f"Run {shown(run_id)} has no step {shown(step)}", hint="List them with `tidemill runs steps`."
            )
        return self._objects.read(execution.log).decode("utf-8", "replace") if execution.log else ""

    def output(self, actor: Actor, *, run_id: str, name: str = "") -> StoredValue:
        """Return an output of a run that is done: of the dict that the pipeline returned, or all of it.

        Raises:
            StepNotFound: If the pipeline returned nothing of that name.
        """
        found = self.get(actor, run_id=run_id)
        value = found.result
        if value is not None and name:
            items = value.items or {}
            if name not in items:
                raise StepNotFound(
                    f"The pipeline {found.pipeline} returned no {shown(name)}",
                    hint=did_you_mean(name, items) if items else 'Return a dict, such as {"model": model}.',
                )
            value = items[name]
        if value is None:
            raise StepNotFound(f"Run {shown(run_id)} returned nothing", hint="Return something from the pipeline.")
        return value

    def recover(self, actor: Actor) -> "list[str]":
        """Let the runs go on whose process died, and return their ids. Called when a server starts."""
        table = store.pipeline_runs.c
        with self._ledger.read() as connection:
            query = sa.select(table.run_id, table.options).where(table.status.in_(_OPEN))
            found = [row.run_id for row in connection.execute(query) if row.options.get("by_itself", True)]
        for run_id in found:
            self._submit(actor, run_id)
        return found

    def close(self) -> None:
        """Wait for the runs that are executed here."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _submit(self, actor: Actor, run_id: str) -> None:
        def work() -> None:
            try:
                self.execute(actor, run_id)
            except (RunBusy, StepFailed):
                return  # the ledger says what became of it

        self._threads.submit(work)

    def _source(self, actor: Actor, folder: str, source: Digest | None) -> SourceSnapshot:
        if source is None:
            return self.snapshot(actor, folder=folder or ".")
        with self._ledger.read() as connection:
            found = store.find_source(connection, source)
        if found is not None:
            return found
        entries = self._objects.list_tree(source)
        taken = SourceSnapshot(
            digest=source, name="source", files=len(entries), size=sum(entry.size for entry in entries)
        )
        self._ledger.write(actor, lambda tx: store.write_source(tx, taken))
        return taken

    def _resolve(self, actor: Actor, graph: Graph) -> dict[str, DatasetInput]:
        refs = rules.datasets_of(graph)
        return dict(zip(refs, self._datasets.resolve(actor, refs=refs), strict=True)) if refs else {}

    def _planned(self, graph: Graph, datasets: Mapping[str, DatasetInput]) -> "list[PlannedStep]":
        known = Known(self._objects, datasets)
        planned = []
        with self._ledger.read() as connection:
            for step in graph.steps:
                needs = sorted(rules.step_needs(step))
                hit: bool | None = None
                reason = Reason(hit=False, text="It depends on what the steps before it return.")
                if set(needs) <= known.outputs.keys():
                    inputs = {name: known.digest(one) for name, one in step.arguments.items()}
                    key = rules.cache_key(rules.fixed_part(step), inputs)
                    found = store.find_cached(connection, key) if step.options.cache else None
                    hit = found is not None
                    if found is not None:
                        known.outputs[step.name] = found.output
                    status = StepStatus.CACHED if found else StepStatus.PENDING
                    execution = StepExecution(
                        run_id="",
                        step=step.name,
                        position=len(planned),
                        status=status,
                        key=key,
                        inputs=inputs,
                        cached_from=found.run_id if found else "",
                    )
                    earlier = store.latest_execution(connection, graph.name, step.name, "")
                    before = store.graph_of(connection, earlier.run_id) if earlier else None
                    old = next((each for each in before.steps if each.name == step.name), None) if before else None
                    pair = (old, earlier) if old is not None and earlier is not None else None
                    reason = rules.explain(step, execution, pair, earlier.ended_at if earlier else None)
                planned.append(PlannedStep(name=step.name, place=step.place, needs=needs, hit=hit, reason=reason))
        return planned


def _need(connection: sa.Connection, run_id: str) -> PipelineRun:
    found = store.find_run(connection, run_id)
    if found is None:
        raise PipelineRunNotFound(
            f"No pipeline made a run {shown(run_id)}", hint="List runs with `tidemill pipelines list`."
        )
    return found
