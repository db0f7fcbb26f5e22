"""Taking things out of the ledger for good: their rows, and of their lineage what nothing needs any more.

The audit keeps what happened to them, and an event `<kind>.remove` that says that they are gone: where something that
is still there came from a removed thing, the edges stay, and that event stands in the row's place.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator

import sqlalchemy as sa

from tidemill.core.refs import Ref
from tidemill.ledger.schema import lineage_edges, metadata
from tidemill.ledger.transaction import Transaction, finish

_WALKS = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
"""The ways of PostgreSQL's planner that read what they do not return."""

Lives = Callable[[sa.Connection, Ref], bool | None]
"""Whether a thing is there; None for what has no row, such as an artifact."""


def remove_rows(tx: Transaction, table: sa.Table, where: sa.ColumnElement[bool]) -> Counter[str]:
    """Delete rows and all rows that belong to them by a foreign key, and return how many went of which table."""
    gone: Counter[str] = Counter()
    for child, own in _belonging(table, where):
        gone += remove_rows(tx, child, own)
    count = tx.execute(sa.delete(table).where(where)).rowcount
    if count:
        gone[table.name] += count
    return gone


def remove_belonging(
    tx: Transaction, table: sa.Table, where: sa.ColumnElement[bool], most: int, keeping: Collection[str] = ()
) -> Counter[str]:
    """Delete at most so many of the rows that belong to some rows by a foreign key; fewer when no more are left.

    Args:
        tx: The transaction.
        table: Whose rows they belong to.
        where: To which of those.
        most: How many rows to delete at most.
        keeping: Tables of which no row is deleted.
    """
    gone: Counter[str] = Counter()
    for child, own in _belonging(table, where):
        if child.name in keeping:
            continue
        gone += remove_belonging(tx, child, own, most - gone.total(), keeping)
        if gone.total() < most:
            gone += Counter({child.name: _remove_some(tx, child, own, most - gone.total())})
        if gone.total() >= most:
            break
    return gone


def crowded(connection: sa.Connection, refs: Collection[Ref], most: int) -> list[Ref]:
    """Return the things from which more than so many others came."""
    edge = lineage_edges.c
    found = []
    for ref in refs:
        query = sa.select(edge.target_id).where(edge.source_kind == ref.kind, edge.source_id == ref.id)
        if connection.execute(query.offset(most).limit(1)).first() is not None:
            found.append(ref)
    return found


def targets_of(connection: sa.Connection, ref: Ref) -> list[Ref]:
    """Return what came from a thing."""
    edge = lineage_edges.c
    query = sa.select(edge.target_kind, edge.target_id).where(edge.source_kind == ref.kind, edge.source_id == ref.id)
    return [Ref(kind, identifier) for kind, identifier in connection.execute(query.distinct())]


def cut(tx: Transaction, ref: Ref, targets: Collection[Ref], lives: Lives) -> None:
    """Delete the edges from a thing to those of some others that nothing there came from."""
    edge = lineage_edges.c
    for target in targets:
        if not _leads_on(tx.connection, target, lives):
            tx.execute(
                sa.delete(lineage_edges).where(
                    edge.source_kind == ref.kind,
                    edge.source_id == ref.id,
                    edge.target_kind == target.kind,
                    edge.target_id == target.id,
                )
            )


def forget(tx: Transaction, refs: Collection[Ref], lives: Lives) -> None:
    """Record that things whose rows were deleted are gone, and delete the edges that nothing there came from.

    Args:
        tx: The transaction that deleted the rows.
        refs: The things, each after those that came from it.
        lives: Whether another thing is there.
    """
    edge = lineage_edges.c
    for ref in refs:
        cut(tx, ref, targets_of(tx.connection, ref), lives)
        if not targets_of(tx.connection, ref):
            tx.execute(sa.delete(lineage_edges).where(edge.target_kind == ref.kind, edge.target_id == ref.id))
        tx.audit(f"{ref.kind}.remove", ref)
    # At once, not with those of the whole batch: the next unit asks them which ids were given before.
    finish(tx.connection, [tx])
    tx.events.clear()
    tx.edges.clear()


def _belonging(table: sa.Table, where: sa.ColumnElement[bool]) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Yield each table whose rows belong to some rows by a foreign key, and which of its rows do."""
    for child in metadata.sorted_tables:
        for key in child.foreign_keys:
            if key.column.table is table:
                yield child, key.parent.in_(sa.select(key.column).where(where))


def _remove_some(tx: Transaction, table: sa.Table, where: sa.ColumnElement[bool], most: int) -> int:
    """Delete at most so many rows; neither database has a limit of its own for that."""
    if tx.connection.dialect.name == "sqlite":
        keys = list(table.primary_key)
        some = sa.select(*keys).where(where).limit(most).correlate(None)
        return tx.execute(sa.delete(table).where(sa.tuple_(*keys).in_(some))).rowcount
    # By their places, found through the indexes. What was deleted before stands at the begin of the table until it is
    # vacuumed: a plan that walks the table walks over all of that again for each piece.
    tx.execute(sa.select(*(sa.func.set_config(f"enable_{way}", "off", True) for way in _WALKS)))
    place: sa.ColumnClause[str] = sa.literal_column(f"{table.name}.ctid")
    places = sa.select(place).select_from(table).where(where).limit(most).correlate(None)
    return tx.execute(sa.delete(table).where(place == sa.any_(sa.func.array(places.scalar_subquery())))).rowcount


def _leads_on(connection: sa.Connection, ref: Ref, lives: Lives) -> bool:
    """Return whether a thing is there, or has no row (any more) and something that is there came from it."""
    if lives(connection, ref):
        return True
    edge = lineage_edges.c
    query = sa.select(edge.target_kind, edge.target_id).where(edge.source_kind == ref.kind, edge.source_id == ref.id)
    return any(lives(connection, Ref(kind, identifier)) for kind, identifier in connection.execute(query))
