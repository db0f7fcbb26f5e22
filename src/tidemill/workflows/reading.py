"""What the library's database says, in our words."""

from typing import TYPE_CHECKING, cast

from tidemill.core.errors import TidemillError
from tidemill.core.moments import Moment, from_ms
from tidemill.workflows.codec import pack_error, unpack_error
from tidemill.workflows.definitions import TICK, split_name
from tidemill.workflows.records import State, StepRecord, WorkflowRecord

if TYPE_CHECKING:
    from dbos import StepInfo, WorkflowStatus

STATES = {
    "DELAYED": State.WAITING,
    "ENQUEUED": State.WAITING,
    "PENDING": State.RUNNING,
    "SUCCESS": State.DONE,
    "ERROR": State.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": State.FAILED,
    "CANCELLED": State.CANCELLED,
}


def library_states(states: frozenset[State]) -> list[str]:
    """Return the library's words for some states."""
    return [theirs for theirs, ours in STATES.items() if ours in states]


def read_workflow(status: "WorkflowStatus") -> WorkflowRecord:
    """Return one workflow as it stands."""
    name, generation = split_name(status.name)
    args = list(status.input["args"]) if isinstance(status.input, dict) else []
    given: object = None
    if status.name.startswith(TICK):
        given = cast("dict[str, object]", args[1]).get("input") if len(args) == 2 else None
    elif args:
        given = args[0]
    return WorkflowRecord(
        id=status.workflow_id,
        name=name,
        generation=generation,
        state=STATES[status.status],
        started_at=from_ms(status.created_at or 0),
        ended_at=_moment(status.completed_at),
        input=given,
        result=status.output,
        error=_error(status.error),
        schedule=status.schedule_name or "",
    )


def read_step(step: "StepInfo") -> StepRecord:
    """Return one recorded step."""
    failure = step["output"].get("error") if isinstance(step["output"], dict) else None
    return StepRecord(
        number=step["function_id"],
        name=step["function_name"],
        started_at=_moment(step["started_at_epoch_ms"]),
        ended_at=_moment(step["completed_at_epoch_ms"]),
        error=str(failure["message"]) if failure else "",
    )


def _moment(stamp: int | None) -> Moment | None:
    return None if stamp is None else from_ms(stamp)


def _error(error: Exception | None) -> TidemillError | None:
    if error is None or isinstance(error, TidemillError):
        return error
    return unpack_error(pack_error(error, "The workflow"))
