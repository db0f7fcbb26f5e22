"""What keeps the database of the workflows small and its workflows moving; run by a schedule of its own."""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.moments import utc_now
from tidemill.workflows.reading import library_states
from tidemill.workflows.records import State
from tidemill.workflows.store import Inbox

if TYPE_CHECKING:
    import dbos
else:
    dbos = lazy("dbos")

log = logging.getLogger("tidemill.workflows")

KEPT_TICKS = 20
"""Ended ticks that stay visible per schedule."""

KEPT_FOR = timedelta(days=30)
"""How long an ended workflow stays visible, and its id taken."""

_BATCH = 500
_ENDED = library_states(frozenset(state for state in State if state.is_ended))


def revive(executor: str, running: frozenset[str], known: frozenset[str], suspects: frozenset[str]) -> frozenset[str]:
    """Continue workflows that are recorded as running and are not, such as after a full disk.

    Args:
        executor: Whose workflows to look at.
        running: The ids that run in this process.
        known: The recorded names that this process can run.
        suspects: What the last call returned.

    Returns:
        The ids that look lost; those that look so twice are continued.
    """
    pending = dbos.DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
    lost = frozenset(each.workflow_id for each in pending if each.workflow_id not in running and each.name in known)
    again = sorted(lost & suspects)
    if again:
        log.warning("Continuing %d workflows that were put aside: %s", len(again), ", ".join(again[:5]))
        dbos.DBOS.resume_workflows(again)
    return lost


def prune(inbox: Inbox, schedules: list[str]) -> int:
    """Remove old ticks and workflows that ended long ago; return how many."""
    old: list[str] = []
    for name in schedules:
        ticks = dbos.DBOS.list_workflows(
            schedule_name=name, status=_ENDED, sort_desc=True, offset=KEPT_TICKS, limit=_BATCH,
            load_input=False, load_output=False,
        )  # fmt: skip
        old += [each.workflow_id for each in ticks]
    ended = dbos.DBOS.list_workflows(
        status=_ENDED, completed_before=(utc_now() - KEPT_FOR).isoformat(), limit=_BATCH,
        load_input=False, load_output=False,
    )  # fmt: skip
    old += [each.workflow_id for each in ended if each.workflow_id not in old]
    if old:
        inbox.forget(old)
        dbos.DBOS.delete_workflows(old)
    return len(old)
