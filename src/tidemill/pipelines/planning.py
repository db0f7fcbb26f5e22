"""What a run would do about each step, and why."""

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from tidemill.core.errors import TidemillError
from tidemill.objects import ObjectStore
from tidemill.pipelines import rules, store
from tidemill.pipelines.arguments import Known, digests_of
from tidemill.pipelines.records import (
    DatasetInput,
    Graph,
    GraphStep,
    PlannedStep,
    Reason,
    StepExecution,
    StepStatus,
)
from tidemill.pipelines.values.store import objects_of

_DEPENDS = Reason(hit=False, text="It depends on what the steps before it return.")


def planned_steps(
    connection: sa.Connection, objects: ObjectStore, graph: Graph, datasets: Mapping[str, DatasetInput]
) -> list[PlannedStep]:
    """Return what a run would do about each step of a graph.

    Args:
        connection: The ledger.
        objects: Where results are.
        graph: The pipeline.
        datasets: The dataset versions that it would read.
    """
    known = Known(objects, datasets)
    likely = store.cached_of_latest_run(connection, graph.name)
    planned: list[PlannedStep] = []
    for position, step in enumerate(graph.steps):
        needs = sorted(rules.step_needs(step))
        hit: bool | None = None
        reason = _DEPENDS
        if known.outputs.keys() >= set(needs):
            execution = _foreseen(connection, known, likely, step, position)
            hit = execution.status is StepStatus.CACHED
            if execution.output is not None:
                known.outputs[step.name] = execution.output
            reason = reason_of(connection, graph.name, step, execution)
        planned.append(PlannedStep(name=step.name, place=step.place, needs=needs, hit=hit, reason=reason))
    return planned


def _foreseen(
    connection: sa.Connection, known: Known, likely: Mapping[str, store.CachedResult], step: GraphStep, position: int
) -> StepExecution:
    """Return what would become of a step whose inputs are known."""
    row = StepExecution(run_id="", step=step.name, position=position, status=StepStatus.PENDING)
    try:
        inputs = digests_of(known.arguments(step))
    except TidemillError:
        return row
    key = rules.cache_key(rules.fixed_part(step), inputs)
    row = msgspec.structs.replace(row, key=key, inputs=inputs)
    found = (likely.get(key) or store.find_cached(connection, [key]).get(key)) if step.options.cache else None
    if found is None or not known.objects.hold_all(objects_of(found.output)):
        return row
    return msgspec.structs.replace(row, status=StepStatus.CACHED, output=found.output, cached_from=found.run_id)


def reason_of(connection: sa.Connection, pipeline: str, step: GraphStep, execution: StepExecution) -> Reason:
    """Return why a step ran or came from the cache, against the newest execution before it."""
    if execution.status is StepStatus.CACHED:
        return rules.explain(step, execution, None, None)
    earlier = store.latest_execution(connection, pipeline, step.name, execution.run_id)
    if earlier is None:
        return rules.explain(step, execution, None, None)
    before = {each.name: each for each in store.graph_of(connection, earlier.run_id).steps}
    old = before.get(step.name)
    return rules.explain(step, execution, (old, earlier) if old is not None else None, earlier.ended_at)
