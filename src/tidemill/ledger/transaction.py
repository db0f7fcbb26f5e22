"""One unit of work: rows, lineage edges and audit events that become true together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from tidemill.core.access import Actor
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, to_us, utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import audit
from tidemill.ledger.dialect import write_many
from tidemill.ledger.encoding import encode_json

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql
else:
    postgresql = lazy("sqlalchemy.dialects.postgresql")

_ADD_EDGES = (
    "INSERT INTO lineage_edges (source_kind, source_id, relation, target_kind, target_id, created_at) {rows}"
    " ON CONFLICT DO NOTHING"
)
_EDGE = (*("text",) * 5, "bigint")


def insert_into(connection: sa.Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that can say what to do on a conflict, in the database's own dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


Rows = Sequence[Mapping[str, object]] | Mapping[str, object]


class Transaction:
    """What a unit of work writes through.

    Args:
        connection: The database, inside a transaction.
        actor: Who does the work.
    """

    def __init__(self, connection: sa.Connection, actor: Actor) -> None:
        self.connection = connection
        self.actor = actor
        self.now: Moment = utc_now()
        self.events: list[audit.Draft] = []
        self.edges: list[tuple[str | int, ...]] = []

    def execute(self, statement: sa.Executable, rows: Rows | None = None) -> sa.CursorResult[tuple[object, ...]]:
        """Run a statement, once for each of the rows where some are given."""
        if rows is None:
            return self.connection.execute(statement)
        return self.connection.execute(statement, rows)

    def insert_new(self, table: sa.Table, rows: Rows) -> int:
        """Insert the rows whose key is not there yet, and return how many were new."""
        if not rows:
            return 0
        statement = insert_into(self.connection, table).on_conflict_do_nothing()
        result = self.execute(statement.execution_options(preserve_rowcount=True), rows)
        return max(result.rowcount, 0)

    def upsert(self, table: sa.Table, rows: Rows) -> None:
        """Insert rows, replacing the other columns of those whose primary key is there."""
        if not rows:
            return
        first = rows if isinstance(rows, Mapping) else rows[0]
        keys = [column.name for column in table.primary_key]
        statement = insert_into(self.connection, table)
        changes = {name: statement.excluded[name] for name in first if name not in keys}
        if changes:
            statement = statement.on_conflict_do_update(index_elements=keys, set_=changes)
        else:
            statement = statement.on_conflict_do_nothing()
        self.execute(statement, rows)

    def link(self, source: Ref, relation: str, target: Ref) -> None:
        """Record that the target came from the source. Recording it again changes nothing."""
        self.edges.append((source.kind, source.id, relation, target.kind, target.id, to_us(self.now)))

    def audit(self, action: str, subject: Ref, **detail: object) -> None:
        """Record who does what to which thing; `detail` is JSON and holds no personal data."""
        written = encode_json(detail).decode()  # now, so that what is no JSON is this unit's own failure
        self.events.append(audit.Draft(self.now, self.actor.name, action, subject, written))


def finish(connection: sa.Connection, transactions: Sequence[Transaction]) -> None:
    """Write the edges and events of units of work, in their order. The ledger calls this once, before the commit."""
    edges = [edge for transaction in transactions for edge in transaction.edges]
    if edges:
        write_many(connection, _ADD_EDGES, _EDGE, edges)
    events = [event for transaction in transactions for event in transaction.events]
    if events:
        audit.append(connection, events)
