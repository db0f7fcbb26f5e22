"""SQL on segments and the capture files that they come from."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.ledger.rows import record
from tidemill.ledger.transaction import Transaction
from tidemill.monitoring.records import Segment
from tidemill.monitoring.store.tables import capture_sources, monitor_references, segments

_FIELDS = [segments.c[name] for name in Segment.__struct_fields__]


def sealed_bytes(connection: sa.Connection, sources: Iterable[str]) -> dict[str, int]:
    """Return how far each capture file is sealed."""
    table, names, found = capture_sources.c, list(sources), {}
    for at in range(0, len(names), 500):
        query = sa.select(table.source, table.sealed).where(table.source.in_(names[at : at + 500]))
        found.update({row.source: row.sealed for row in connection.execute(query)})
    return found


def set_sealed(tx: Transaction, source: str, sealed: int, torn: int) -> None:
    """Record how far a capture file is sealed."""
    tx.upsert(capture_sources, {"source": source, "sealed": sealed, "torn": torn, "updated_at": tx.now})


def add_segment(tx: Transaction, segment: Segment, watermark: Moment) -> None:
    """Record a segment."""
    row = {**msgspec.structs.asdict(segment), "watermark": watermark, "counted": False}
    tx.execute(sa.insert(segments), row)


def uncounted(connection: sa.Connection, *, limit: int) -> list[Segment]:
    """Return segments that are in no window yet, oldest first."""
    table = segments.c
    query = sa.select(*_FIELDS).where(table.counted.is_(False)).order_by(table.sealed_at, table.id).limit(limit)
    return _convert(connection, query)


def set_counted(tx: Transaction, identifier: str) -> bool:
    """Mark a segment as counted; return whether it was not before."""
    table = segments.c
    change = sa.update(segments).where(table.id == identifier, table.counted.is_(False))
    return bool(tx.execute(change.values(counted=True)).rowcount)


def recount(tx: Transaction, *conditions: sa.ColumnElement[bool]) -> None:
    """Let segments be counted again."""
    tx.execute(sa.update(segments).where(*conditions).values(counted=False))


def holding(connection: sa.Connection, identifier: str) -> list[Segment]:
    """Return the segments whose range of ids holds an id."""
    table = segments.c
    query = sa.select(*_FIELDS).where(table.last_id >= identifier, table.first_id <= identifier, table.rows > 0)
    return _convert(connection, query.order_by(table.last_id))


def between_ids(connection: sa.Connection, endpoint: str, first: str, last: str) -> list[Segment]:
    """Return an endpoint's segments that overlap a range of ids."""
    table = segments.c
    query = sa.select(*_FIELDS).where(table.endpoint == endpoint, table.rows > 0)
    return _convert(connection, query.where(table.last_id >= first, table.first_id <= last))


def between_events(connection: sa.Connection, endpoint: str, start: Moment, end: Moment) -> list[Segment]:
    """Return an endpoint's segments that may hold an event of a stretch, its end left out."""
    table = segments.c
    query = sa.select(*_FIELDS).where(table.endpoint == endpoint, table.rows > 0)
    return _convert(connection, query.where(table.last_event >= start, table.first_event < end))


def since(connection: sa.Connection, endpoint: str, moment: Moment) -> list[Segment]:
    """Return an endpoint's segments that hold something that arrived at or after a moment."""
    table = segments.c
    query = sa.select(*_FIELDS).where(table.endpoint == endpoint, table.last_at >= moment)
    return _convert(connection, query.order_by(table.last_at))


def latest(connection: sa.Connection, endpoint: str, before: Moment | None) -> Iterable[Segment]:
    """Yield an endpoint's segments, those that ended last first, that begin before a moment."""
    table = segments.c
    query = sa.select(*_FIELDS).where(table.endpoint == endpoint, table.rows > 0)
    if before is not None:
        query = query.where(table.first_at < before)
    for row in connection.execute(query.order_by(table.last_at.desc(), table.id.desc())):
        yield msgspec.convert(record(row), Segment)


def watermark(connection: sa.Connection, endpoint: str) -> Moment | None:
    """Return the latest event of an endpoint."""
    query = sa.select(sa.func.max(segments.c.watermark)).where(segments.c.endpoint == endpoint)
    found: Moment | None = connection.execute(query).scalar_one()
    return found


def earliest(connection: sa.Connection, endpoint: str) -> Moment | None:
    """Return the earliest event of an endpoint."""
    table = segments.c
    query = sa.select(sa.func.min(table.first_event)).where(table.endpoint == endpoint, table.rows > 0)
    found: Moment | None = connection.execute(query).scalar_one()
    return found


def totals(connection: sa.Connection, endpoint: str) -> tuple[int, int, int]:
    """Return the answered rows of an endpoint, its failed requests, and those of them that were a fault of ours."""
    table = segments.c
    sums = [sa.func.coalesce(sa.func.sum(column), 0) for column in (table.rows, table.failures, table.faults)]
    rows, failures, faults = connection.execute(sa.select(*sums).where(table.endpoint == endpoint)).one()
    return int(rows), int(failures), int(faults)


def _convert(connection: sa.Connection, query: "sa.Select[tuple[object, ...]]") -> list[Segment]:
    return [msgspec.convert(record(row), Segment) for row in connection.execute(query)]


def is_measured(connection: sa.Connection, model: str, version: int) -> bool:
    """Return whether a model version answered, or is what live data is held against."""
    for table in (segments, monitor_references):
        query = sa.select(table.c.version).where(table.c.model == model, table.c.version == version).limit(1)
        if connection.execute(query).scalar() is not None:
            return True
    return False
