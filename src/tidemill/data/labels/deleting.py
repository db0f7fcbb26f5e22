"""Labelling tasks leave for good, some rows at a time so that others can write between; what they gave stays."""

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.data.labels import store
from tidemill.data.labels.errors import LabelTaskOpen
from tidemill.data.labels.records import LabelTask
from tidemill.data.store import find_version_by_id
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.removal import forget, remove_belonging, remove_rows

MOST_ROWS = 5_000
"""The most rows of one piece."""


def delete(ledger: Ledger, actor: Actor, task: LabelTask) -> None:
    """Delete a task with all that people answered; from the first moment on nobody finds it.

    Raises:
        LabelTaskOpen: If it still deals rows.
    """

    def begin(tx: Transaction) -> None:
        now = store.find_task(tx.connection, task.id)
        if now is not None and now.is_open:
            raise LabelTaskOpen(
                f"The task {shown(now.name)} still deals rows",
                hint=f"Close it first with `tidemill data labels close {now.name}`.",
            )
        if now is not None:
            answers = store.count_answers(tx.connection, now.id)
            facts = {"name": now.name, "version": now.version, "column": now.plan.column, "rows": now.rows}
            tx.audit("label_task.delete", Ref("label_task", now.id), **facts, done=now.done, answers=answers)
            store.mark_leaving(tx, now)

    ledger.write(actor, begin)
    end(ledger, actor, task.id)


def end_all(ledger: Ledger, actor: Actor) -> list[str]:
    """Remove what still belongs to tasks of which a kill left a part, and return how those were called."""
    with ledger.read() as connection:
        left = store.leaving(connection)
    for identifier in left:
        end(ledger, actor, identifier)
    return list(left.values())


def end(ledger: Ledger, actor: Actor, identifier: str) -> None:
    """Remove the rows of a task that is leaving."""
    own = store.label_tasks.c.id == identifier

    def some(tx: Transaction) -> bool:
        return remove_belonging(tx, store.label_tasks, own, MOST_ROWS).total() >= MOST_ROWS

    def last(tx: Transaction) -> None:
        if remove_rows(tx, store.label_tasks, own):
            forget(tx, [Ref("label_task", identifier)], _lives)

    while ledger.write(actor, some):
        continue
    ledger.write(actor, last)


def _lives(connection: sa.Connection, ref: Ref) -> bool | None:
    """Return whether a version that a task gave is there; it gives nothing else."""
    return find_version_by_id(connection, ref.id) is not None if ref.kind == "dataset_version" else None
