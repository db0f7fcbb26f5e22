"""What the loop knows: projects as they were applied, and deliveries."""

from enum import StrEnum

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between what is applied and what the file says.

    Args:
        path: The key, such as `deploy.rollout.canary`.
        action: `add`, `change` or `remove`.
        before: The applied value, as text; empty when there is none.
        after: The file's value, as text; empty when there is none.
        effect: What applying it does.
    """

    path: str
    action: str
    before: str = ""
    after: str = ""
    effect: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What applying a project file would change."""

    project: str
    revision: int
    changes: list[Change]
    source_changed: bool


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project as it was applied last.

    Args:
        name: Its name.
        revision: Grows with each applied change.
        text: The project file as it was applied.
        source: The digest of the code snapshot.
        folder: The folder that relative sources start from.
        applied_at: When.
        applied_by: Who.
    """

    name: str
    revision: int
    text: str
    source: Digest
    folder: str
    applied_at: Moment
    applied_by: str


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    RUNNING = "running"
    WAITING = "waiting"
    DEPLOYED = "deployed"
    REFUSED = "refused"
    FAILED = "failed"
    DONE = "done"


class DeliveryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One act of a delivery."""

    seq: int
    at: Moment
    act: str
    message: str
    refs: list[str] = []


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One way round the loop: data, run, model, gate, deployment.

    Args:
        id: Its id.
        project: The project's name.
        revision: The revision of the project that ordered it.
        cause: What started it: `apply`, `hand`, or the trigger's kind.
        trigger: The trigger's id, when one started it.
        state: Where it stands.
        reason: Why it ended as it did, in a sentence.
        params: Params of the pipeline on top of the project's.
        run_id: The run it made.
        model: The version it made, such as `delay@4`.
        gate_report: The report on that version.
        rollout: The rollout it began.
        started_at: When.
        ended_at: When it ended.
        events: What happened, in order.
    """

    id: str
    project: str
    revision: int
    cause: str
    trigger: str | None
    state: DeliveryState
    reason: str
    params: dict[str, str | int | float | bool | None]
    run_id: str | None
    model: str | None
    gate_report: str | None
    rollout: str | None
    started_at: Moment
    ended_at: Moment | None = None
    events: list[DeliveryEvent] = []
