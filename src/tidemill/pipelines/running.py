"""Executes a recorded run: workers, claim, outcome."""

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.pipelines import rules, store
from tidemill.pipelines.arguments import Known
from tidemill.pipelines.claims import Claim
from tidemill.pipelines.errors import ClaimLost, PipelineRunNotFound
from tidemill.pipelines.execution.executor import Execution
from tidemill.pipelines.execution.pool import PoolSettings, WorkerPool
from tidemill.pipelines.records import (
    DatasetInput,
    Logged,
    PipelineRun,
    PipelineStatus,
    StepFailure,
    StoredValue,
)
from tidemill.tracking.records import Metric, RunStatus
from tidemill.tracking.service import TrackingService
from tidemill.tracking.store import run_artifacts

_OUTCOMES = {
    PipelineStatus.DONE: RunStatus.FINISHED,
    PipelineStatus.FAILED: RunStatus.FAILED,
    PipelineStatus.CANCELLED: RunStatus.KILLED,
}


class Runner:
    """Executes runs.

    Args:
        ledger: Where they are recorded.
        objects: Where bytes are.
        tracking: Where what steps log goes.
        settings: How workers are started.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, tracking: TrackingService, settings: PoolSettings) -> None:
        self._ledger = ledger
        self._objects = objects
        self._tracking = tracking
        self._settings = settings

    def execute(self, actor: Actor, run_id: str) -> PipelineRun:
        """Execute a run from where it was, and return it as it ended.

        Raises:
            RunBusy: If a living process executes it.
            ClaimLost: If another process took it over.
        """
        claim = Claim(self._ledger, run_id)
        try:
            return self._execute(actor, run_id, claim)
        except ClaimLost:
            raise
        except TidemillError as error:
            failure = StepFailure(code=error.code, message=error.message, hint=error.hint, place=error.where)
            return self._end(actor, run_id, claim, None, failure)
        finally:
            claim.release()

    def _execute(self, actor: Actor, run_id: str, claim: Claim) -> PipelineRun:
        with self._ledger.read() as connection:
            run = store.find_run(connection, run_id)
            if run is None:
                raise PipelineRunNotFound(
                    f"No pipeline made a run {run_id}", hint="List runs with `tidemill pipelines list`."
                )
            if run.status in _OUTCOMES:
                return run
            graph = store.graph_of(connection, run_id)
            table = store.pipeline_runs.c
            query = sa.select(table.datasets, table.options).where(table.run_id == run_id)
            given = connection.execute(query).one()
        self._begin(actor, run_id, claim)
        pool = WorkerPool(self._settings, run.source, self._settings.work / "scratch" / run_id, run.reference)
        try:
            pool.resize(min(rules.width(graph), self._settings.cores))
            execution = Execution(
                ledger=self._ledger,
                objects=self._objects,
                actor=actor,
                run_id=run_id,
                graph=graph,
                known=Known(self._objects, msgspec.convert(given.datasets, dict[str, DatasetInput])),
                workers=pool,
                claim=claim,
                log=self._log,
                use_cache=bool(given.options.get("use_cache", True)),
                pipeline=run.pipeline,
            )
            result, failure = execution.run()
        finally:
            pool.close()
        return self._end(actor, run_id, claim, result, failure)

    def _begin(self, actor: Actor, run_id: str, claim: Claim) -> None:
        def work(tx: Transaction) -> None:
            claim.check(tx)
            table = store.pipeline_runs.c
            change = sa.update(store.pipeline_runs).where(table.run_id == run_id)
            tx.execute(
                change.values(
                    status=PipelineStatus.RUNNING.value, started_at=sa.func.coalesce(table.started_at, _us(tx))
                )
            )

        self._ledger.write(actor, work)
        self._tracking.restart_run(actor, run_id=run_id)

    def _end(
        self, actor: Actor, run_id: str, claim: Claim, result: StoredValue | None, failure: StepFailure | None
    ) -> PipelineRun:
        status = PipelineStatus.DONE
        if failure is not None:
            status = PipelineStatus.CANCELLED if failure.code == "cancelled" else PipelineStatus.FAILED

        def work(tx: Transaction) -> PipelineRun:
            claim.check(tx)
            change = sa.update(store.pipeline_runs).where(store.pipeline_runs.c.run_id == run_id)
            tx.execute(change.values(status=status.value, result=result, failure=failure, ended_at=tx.now))
            tx.audit(f"pipeline.{status.value}", Ref("run", run_id))
            found = store.find_run(tx.connection, run_id)
            assert found is not None  # noqa: S101 - changed just above
            return found

        ended = self._ledger.write(actor, work)
        self._tracking.end_run(actor, run_id=run_id, status=_OUTCOMES[status])
        return ended

    def _log(self, tx: Transaction, run_id: str, logged: Logged) -> None:
        metrics = [
            Metric(key=point.key, value=point.value, step=point.step, timestamp=point.timestamp)
            for point in logged.metrics
        ]
        self._tracking.log_within(tx, run_id, metrics=metrics, params=logged.params, tags=logged.tags)
        for artifact in logged.artifacts:
            row = {"run_id": run_id, "path": artifact.path, "digest": artifact.digest, "size": artifact.size}
            tx.upsert(run_artifacts, row)
            tx.link(Ref("run", run_id), "produced", Ref("artifact", artifact.digest))


def _us(tx: Transaction) -> sa.ColumnElement[object]:
    return sa.literal(tx.now, store.pipeline_runs.c.started_at.type)
