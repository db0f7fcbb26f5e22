"""Taking things out of the ledger for good: their rows, and of their lineage what nothing needs any more.

The audit keeps what happened to them, and an event `<kind>.remove` that says that they are gone: where something that
is still there came from a removed thing, the edges stay, and that event stands in the row's place.
"""

from collections import Counter
from collections.abc import Callable, Collection

import sqlalchemy as sa

from tidemill.core.refs import Ref
from tidemill.ledger.schema import lineage_edges, metadata
from tidemill.ledger.transaction import Transaction

Lives = Callable[[sa.Connection, Ref], bool | None]
"""Whether a thing is there; None for what has no row, such as an artifact."""


def remove_rows(tx: Transaction, table: sa.Table, where: sa.ColumnElement[bool]) -> Counter[str]:
    """Delete rows and all rows that belong to them by a foreign key, and return how many went of which table."""
    gone: Counter[str] = Counter()
    for child in metadata.sorted_tables:
        for key in child.foreign_keys:
            if key.column.table is table:
                own = key.parent.in_(sa.select(key.column).where(where))
                gone += remove_rows(tx, child, own)
    count = tx.execute(sa.delete(table).where(where)).rowcount
    if count:
        gone[table.name] += count
    return gone


def forget(tx: Transaction, refs: Collection[Ref], lives: Lives) -> None:
    """Record that things whose rows were deleted are gone, and delete the edges that nothing there came from.

    Args:
        tx: The transaction that deleted the rows.
        refs: The things, each after those that came from it.
        lives: Whether another thing is there.
    """
    edge = lineage_edges.c
    for ref in refs:
        own = sa.and_(edge.source_kind == ref.kind, edge.source_id == ref.id)
        into = sa.and_(edge.target_kind == ref.kind, edge.target_id == ref.id)
        targets = tx.connection.execute(sa.select(edge.target_kind, edge.target_id).where(own))
        led = [Ref(kind, identifier) for kind, identifier in targets]
        needed = {target for target in led if _leads_on(tx.connection, target, lives)}
        for target in set(led) - needed:
            tx.execute(
                sa.delete(lineage_edges).where(own, edge.target_kind == target.kind, edge.target_id == target.id)
            )
        if not needed:
            tx.execute(sa.delete(lineage_edges).where(into))
        tx.audit(f"{ref.kind}.remove", ref)


def _leads_on(connection: sa.Connection, ref: Ref, lives: Lives) -> bool:
    """Return whether a thing is there, or has no row (any more) and something that is there came from it."""
    if lives(connection, ref):
        return True
    edge = lineage_edges.c
    query = sa.select(edge.target_kind, edge.target_id).where(edge.source_kind == ref.kind, edge.source_id == ref.id)
    return any(lives(connection, Ref(kind, identifier)) for kind, identifier in connection.execute(query))
