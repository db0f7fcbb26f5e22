"""SQL on kept profiles: of lots of windows, and of training rows."""

import msgspec
import sqlalchemy as sa

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.ledger.transaction import Transaction
from tidemill.monitoring.store.tables import feedback, feedback_batches, segments, training_profiles, window_profiles


class Kept(msgspec.Struct, frozen=True):
    """A profile that was measured before, and what it was measured of."""

    digest: Digest
    state: str


def find_lot(connection: sa.Connection, endpoint: str, start: Moment, lot: int) -> Kept | None:
    """Return the kept profile of a lot of a window."""
    table = window_profiles.c
    query = sa.select(table.digest, table.state).where(
        table.endpoint == endpoint, table.start == start, table.lot == lot
    )
    row = connection.execute(query).first()
    return Kept(row.digest, row.state) if row else None


def keep_lot(tx: Transaction, endpoint: str, start: Moment, lot: int, kept: Kept) -> None:
    """Keep the profile of a lot of a window, in place of the one before."""
    values = {"endpoint": endpoint, "start": start, "lot": lot, "state": kept.state, "digest": kept.digest}
    tx.upsert(window_profiles, values)


def find_training(connection: sa.Connection, source: str) -> Kept | None:
    """Return the kept profile of training rows."""
    table = training_profiles.c
    row = connection.execute(sa.select(table.digest, table.state).where(table.source == source)).first()
    return Kept(row.digest, row.state) if row else None


def keep_training(tx: Transaction, source: str, kept: Kept) -> None:
    """Keep the profile of training rows, in place of the one before."""
    tx.upsert(training_profiles, {"source": source, "state": kept.state, "digest": kept.digest})


def truth_state(connection: sa.Connection, endpoint: str, first: str, last: str) -> str:
    """Return what changes whenever a truth of a range of ids is told or corrected."""
    single, lots = feedback.c, feedback_batches.c
    told = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(single.seq), 0))
    count, newest = connection.execute(
        told.where(single.endpoint == endpoint, single.prediction_id.between(first, last))
    ).one()
    held = sa.select(lots.id).where(lots.endpoint == endpoint, lots.last_id >= first, lots.first_id <= last)
    return f"{count} {newest} {' '.join(connection.execute(held.order_by(lots.id)).scalars())}"


def latest_truths(connection: sa.Connection, endpoint: str, most: int) -> tuple[list[str], Digest | None]:
    """Return some of the latest single truths of an endpoint (JSON), and the latest lot."""
    single, lots = feedback.c, feedback_batches.c
    told = sa.select(single.truth).where(single.endpoint == endpoint).order_by(single.seq.desc()).limit(most)
    held = sa.select(lots.digest).where(lots.endpoint == endpoint).order_by(lots.received_at.desc(), lots.id).limit(1)
    return list(connection.execute(told).scalars()), connection.execute(held).scalar()


def latest_event(connection: sa.Connection, endpoint: str) -> Moment | None:
    """Return the latest event of an answered row that is not more than a day ahead of its arrival."""
    table = segments.c
    query = sa.select(sa.func.max(sa.case((table.last_event <= table.watermark, table.last_event))))
    rows = sa.and_(table.endpoint == endpoint, table.rows > 0)
    found: Moment | None = connection.execute(query.where(rows)).scalar_one()
    if found is None:
        found = connection.execute(sa.select(sa.func.max(table.first_event)).where(rows)).scalar_one()
    return found
