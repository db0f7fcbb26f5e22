"""Recording a run that is to be executed: all that it will need, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidemill.core.digests import Digest
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.pipelines import store
from tidemill.pipelines.records import (
    DatasetInput,
    Graph,
    PipelineRun,
    PipelineStatus,
    SourceSnapshot,
    StepExecution,
    StepStatus,
)
from tidemill.tracking.service import TrackingService
from tidemill.tracking.store import run_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """A run that is to be executed.

    Args:
        run_id: Its id; the tracking run has the same.
        reference: `file.py:function`.
        source: The code.
        graph: What the code says is to be done.
        graph_key: The key under which that is kept.
        datasets: The dataset versions that it reads, by what the pipeline calls them.
        experiment: The experiment of the run.
        options: `use_cache`, `by_itself`.
    """

    run_id: str
    reference: str
    source: SourceSnapshot
    graph: Graph
    graph_key: Digest
    datasets: Mapping[str, DatasetInput]
    experiment: str
    options: Mapping[str, bool]


def write_order(tx: Transaction, order: RunOrder, tracking: TrackingService) -> PipelineRun:
    """Write a run with its tracking run, inputs and lineage, and return it; one that is there already stays."""
    there = store.find_run(tx.connection, order.run_id)
    if there is not None:
        return there
    graph, run_id = order.graph, order.run_id
    tracking.create_run_within(tx, run_id, experiment=order.experiment, params=graph.params, tags=_tags(order))
    made = PipelineRun(
        run_id=run_id,
        pipeline=graph.name,
        reference=order.reference,
        source=order.source.digest,
        status=PipelineStatus.PENDING,
        actor=tx.actor.name,
        params=graph.params,
        created_at=tx.now,
        steps=len(graph.steps),
    )
    store.write_run(tx, made, graph_key=order.graph_key, datasets=order.datasets, options=order.options)
    store.write_steps(
        tx,
        [
            StepExecution(run_id=run_id, step=step.name, position=position, status=StepStatus.PENDING)
            for position, step in enumerate(graph.steps)
        ],
    )
    for one in order.datasets.values():
        ref = Ref("dataset_version", one.id)
        tx.insert_new(run_inputs, {"run_id": run_id, "ref": str(ref), "context": "training"})
        tx.link(ref, "input", Ref("run", run_id))
    tx.link(Ref("source", order.source.digest), "ran_as", Ref("run", run_id))
    tx.audit("pipeline.run", Ref("run", run_id), pipeline=graph.name, source=order.source.digest)
    return made


def _tags(order: RunOrder) -> dict[str, str]:
    tags = {
        "tidemill.pipeline": order.graph.name,
        "tidemill.source.digest": order.source.digest,
        "mlflow.source.name": order.reference,
        "mlflow.source.type": "PROJECT",
    }
    if order.source.git is not None:
        tags |= {
            "mlflow.source.git.commit": order.source.git.commit,
            "mlflow.source.git.branch": order.source.git.branch,
            "tidemill.source.git.dirty": str(order.source.git.dirty).lower(),
        }
    return tags
