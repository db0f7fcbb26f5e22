"""SQL on feedback: single truths are rows, large lots are Parquet objects with a row each."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment
from tidemill.ledger.rows import record
from tidemill.ledger.transaction import Transaction
from tidemill.monitoring.records import FeedbackRow
from tidemill.monitoring.store.tables import feedback, feedback_batches

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

UNSAID = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the moment that was not given: the time of receipt counts, and the same truth again changes nothing."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A lot of truths in an object."""

    id: str
    endpoint: str
    digest: Digest
    rows: int
    first_id: str
    last_id: str
    received_at: Moment
    joined: bool


def add_rows(tx: Transaction, endpoint: str, rows: Sequence[FeedbackRow]) -> int:
    """Insert truths that are not there yet, and return how many were new."""
    values = [
        {
            "endpoint": endpoint,
            "prediction_id": row.id,
            "truth": truth_text(row),
            "at": row.at or UNSAID,
            "received_at": tx.now,
            "joined": False,
        }
        for row in rows
    ]
    return tx.insert_new(feedback, values)


def truth_text(row: FeedbackRow) -> str:
    """Return a truth as JSON."""
    return msgspec.json.encode(row.truth).decode()


def add_batch(tx: Transaction, batch: Batch) -> bool:
    """Insert a lot; return whether it was new."""
    return bool(tx.insert_new(feedback_batches, msgspec.structs.asdict(batch)))


def has_unjoined(connection: sa.Connection) -> set[str]:
    """Return the endpoints that have truths which were not joined with predictions."""
    found = set(
        connection.execute(sa.select(feedback.c.endpoint).where(feedback.c.joined.is_(False)).distinct()).scalars()
    )
    query = sa.select(feedback_batches.c.endpoint).where(feedback_batches.c.joined.is_(False)).distinct()
    return found | set(connection.execute(query).scalars())


def unjoined_ids(connection: sa.Connection, endpoint: str) -> tuple[list[str], int, list[Batch]]:
    """Return the ids of single truths that were not joined, the last of their numbers, and the lots."""
    table = feedback.c
    query = sa.select(table.prediction_id, table.seq).where(table.joined.is_(False), table.endpoint == endpoint)
    rows = connection.execute(query).all()
    lots = sa.select(feedback_batches).where(
        feedback_batches.c.joined.is_(False), feedback_batches.c.endpoint == endpoint
    )
    found = [msgspec.convert(record(row), Batch) for row in connection.execute(lots)]
    return [row.prediction_id for row in rows], max((row.seq for row in rows), default=0), found


def set_joined(tx: Transaction, endpoint: str, last: int, batches: Sequence[Batch]) -> None:
    """Mark truths as joined."""
    mine = sa.and_(feedback.c.endpoint == endpoint, feedback.c.joined.is_(False), feedback.c.seq <= last)
    tx.execute(sa.update(feedback).where(mine).values(joined=True))
    ids = [batch.id for batch in batches]
    tx.execute(sa.update(feedback_batches).where(feedback_batches.c.id.in_(ids)).values(joined=True))


def rows_between(connection: sa.Connection, endpoint: str, first: str, last: str) -> "pl.DataFrame":
    """Return the single truths of a range of ids: `prediction_id`, `truth`, `at`, `received_at` (microseconds)."""
    table = feedback.c
    at, received = sa.type_coerce(table.at, sa.BigInteger), sa.type_coerce(table.received_at, sa.BigInteger)
    query = sa.select(table.prediction_id, table.truth, at.label("at"), received.label("received_at"))
    if first or last:
        query = query.where(table.prediction_id.between(first, last))
    rows = connection.execute(query.where(table.endpoint == endpoint).order_by(table.seq)).all()
    schema = {"prediction_id": pl.String, "truth": pl.String, "at": pl.Int64, "received_at": pl.Int64}
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def rows_since(connection: sa.Connection, endpoint: str, seq: int) -> list[tuple[int, str, str]]:
    """Return number, id and truth of the single truths after a number."""
    table = feedback.c
    query = sa.select(table.seq, table.prediction_id, table.truth).where(table.seq > seq, table.endpoint == endpoint)
    return [(row.seq, row.prediction_id, row.truth) for row in connection.execute(query.order_by(table.seq))]


def last_row_before(connection: sa.Connection, endpoint: str, moment: Moment) -> int:
    """Return the number of the last single truth that came before a moment."""
    table = feedback.c
    query = sa.select(sa.func.coalesce(sa.func.max(table.seq), 0))
    return int(connection.execute(query.where(table.endpoint == endpoint, table.received_at < moment)).scalar_one())


def batches_between(connection: sa.Connection, endpoint: str, first: str, last: str) -> list[Batch]:
    """Return the lots that overlap a range of ids, in the order of their receipt; all when both ends are empty."""
    table = feedback_batches.c
    query = sa.select(feedback_batches).where(table.endpoint == endpoint)
    if first or last:
        query = query.where(table.last_id >= first, table.first_id <= last)
    rows = connection.execute(query.order_by(table.received_at, table.id))
    return [msgspec.convert(record(row), Batch) for row in rows]


def batches_since(connection: sa.Connection, endpoint: str, moment: Moment) -> list[Batch]:
    """Return the lots received at or after a moment."""
    table = feedback_batches.c
    query = sa.select(feedback_batches).where(table.endpoint == endpoint, table.received_at >= moment)
    return [msgspec.convert(record(row), Batch) for row in connection.execute(query.order_by(table.received_at))]
