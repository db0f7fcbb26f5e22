"""SQL on monitors, references and windows."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from tidemill.checks.drift.summary import Summary, merge
from tidemill.core.moments import Moment
from tidemill.ledger.rows import record
from tidemill.ledger.transaction import Transaction
from tidemill.monitoring import latency
from tidemill.monitoring.records import (
    Drift,
    Monitor,
    MonitorReferenceInfo,
    Performance,
    VersionTraffic,
    Window,
    WindowState,
)
from tidemill.monitoring.settings import MonitorSettings
from tidemill.monitoring.store.tables import monitor_references, monitors, window_parts, window_profiles, windows

_MOST_WINDOWS = 1000


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment contributed to a window."""

    endpoint: str
    start: Moment
    deployment: str
    model: str
    version: int
    rows: int
    failures: int
    faults: int = 0
    latency: list[int]
    summary: Summary | None = None


def find_monitor(connection: sa.Connection, endpoint: str) -> Monitor | None:
    """Return the monitor of an endpoint."""
    row = connection.execute(sa.select(monitors).where(monitors.c.endpoint == endpoint)).one_or_none()
    return msgspec.convert(record(row), Monitor) if row else None


def list_monitors(connection: sa.Connection) -> list[Monitor]:
    """Return the monitors by endpoint."""
    return [
        msgspec.convert(record(row), Monitor) for row in connection.execute(sa.select(monitors).order_by("endpoint"))
    ]


def set_monitor(tx: Transaction, endpoint: str, settings: MonitorSettings) -> None:
    """Write the settings of an endpoint's monitor."""
    tx.upsert(monitors, {"endpoint": endpoint, "settings": settings, "updated_at": tx.now})


def find_reference(connection: sa.Connection, model: str, version: int) -> MonitorReferenceInfo | None:
    """Return the reference of a model version."""
    table = monitor_references.c
    query = sa.select(monitor_references).where(table.model == model, table.version == version)
    row = connection.execute(query).one_or_none()
    return msgspec.convert(record(row), MonitorReferenceInfo) if row else None


def set_reference(tx: Transaction, info: MonitorReferenceInfo) -> None:
    """Write the reference of a model version."""
    tx.upsert(monitor_references, msgspec.structs.asdict(info))


def add_part(tx: Transaction, part: Part, end: Moment) -> None:
    """Add rows to a window, which is opened again by them."""
    table = window_parts.c
    same = (table.endpoint == part.endpoint, table.start == part.start, table.deployment == part.deployment)
    row = tx.connection.execute(sa.select(window_parts).where(*same)).one_or_none()
    whole = part if row is None else together(msgspec.convert(record(row), Part), part)
    tx.upsert(window_parts, msgspec.structs.asdict(whole))
    new = {
        "endpoint": part.endpoint,
        "start": part.start,
        "end": end,
        "state": WindowState.OPEN.value,
        "dirty": True,
        "reopened": 0,
        "is_ripe": True,
        "drift_verdict": "",
        "performance_verdict": "",
    }
    if not tx.insert_new(windows, new):
        mine = sa.and_(windows.c.endpoint == part.endpoint, windows.c.start == part.start)
        closed = sa.and_(mine, windows.c.state == WindowState.CLOSED.value)
        again = {"state": WindowState.OPEN.value, "reopened": windows.c.reopened + 1}
        tx.execute(sa.update(windows).where(closed).values(**again))
        tx.execute(sa.update(windows).where(mine).values(dirty=True))


def together(first: Part, second: Part) -> Part:
    """Return two parts of one window and one deployment added up."""
    summary = first.summary or second.summary
    if first.summary is not None and second.summary is not None:
        summary = merge(first.summary, second.summary)
    return msgspec.structs.replace(
        first,
        rows=first.rows + second.rows,
        failures=first.failures + second.failures,
        faults=first.faults + second.faults,
        latency=[one + other for one, other in zip(first.latency, second.latency, strict=True)],
        summary=summary,
    )


def set_dirty(tx: Transaction, endpoint: str, starts: Sequence[Moment]) -> None:
    """Let windows be judged again."""
    mine = sa.and_(windows.c.endpoint == endpoint, windows.c.start.in_(list(starts)))
    tx.execute(sa.update(windows).where(mine).values(dirty=True))


def all_dirty(tx: Transaction, endpoint: str) -> None:
    """Let every window of an endpoint be judged again."""
    tx.execute(sa.update(windows).where(windows.c.endpoint == endpoint).values(dirty=True))


def drop_windows(tx: Transaction, endpoint: str) -> None:
    """Forget the windows of an endpoint, and what was measured of them, to count its segments anew."""
    tx.execute(sa.delete(window_profiles).where(window_profiles.c.endpoint == endpoint))
    tx.execute(sa.delete(window_parts).where(window_parts.c.endpoint == endpoint))
    tx.execute(sa.delete(windows).where(windows.c.endpoint == endpoint))


def drop_parts(tx: Transaction, model: str, version: int) -> None:
    """Forget what a model version contributed to windows, to count its segments anew."""
    table = window_parts.c
    tx.execute(sa.delete(window_parts).where(table.model == model, table.version == version))


def due(connection: sa.Connection, endpoint: str, watermark: Moment, ripe: Moment) -> list[tuple[Moment, Moment]]:
    """Return start and end of the windows that are to be judged, oldest first.

    Args:
        connection: The database.
        endpoint: The endpoint.
        watermark: Windows that ended by then are complete.
        ripe: Windows that ended by then have had time for their truths.
    """
    table = windows.c
    is_new = sa.and_(table.dirty.is_(True), table.end <= watermark)
    is_ripe_now = sa.and_(table.is_ripe.is_(False), table.end <= ripe)
    query = sa.select(table.start, table.end).where(table.endpoint == endpoint, sa.or_(is_new, is_ripe_now))
    return [(row.start, row.end) for row in connection.execute(query.order_by(table.start))]


def set_judged(
    tx: Transaction, endpoint: str, start: Moment, *, drift: Drift | None, performance: Performance | None
) -> None:
    """Record the judgement of a window, which closes it."""
    mine = sa.and_(windows.c.endpoint == endpoint, windows.c.start == start)
    change = {
        "state": WindowState.CLOSED.value,
        "dirty": False,
        "judged_at": tx.now,
        "is_ripe": performance is None or performance.is_mature,
        "drift_verdict": drift.verdict if drift else "",
        "performance_verdict": performance.verdict if performance else "",
    }
    tx.execute(sa.update(windows).where(mine).values(drift=drift, performance=performance, **change))


def endpoints(connection: sa.Connection) -> list[str]:
    """Return the names of the endpoints that have windows."""
    return list(connection.execute(sa.select(windows.c.endpoint).distinct().order_by(windows.c.endpoint)).scalars())


def list_references(connection: sa.Connection, versions: Sequence[tuple[str, int]]) -> list[MonitorReferenceInfo]:
    """Return the references of those of the model versions that have one."""
    found = (find_reference(connection, model, version) for model, version in versions)
    return [info for info in found if info is not None]


def verdicts(connection: sa.Connection, endpoint: str, *, limit: int = 500) -> list[tuple[Moment, str, str]]:
    """Return start, verdict of drift and verdict of performance of the latest judged windows, oldest first."""
    table = windows.c
    query = sa.select(table.start, table.drift_verdict, table.performance_verdict)
    judged = query.where(table.endpoint == endpoint, table.judged_at.is_not(None))
    rows = connection.execute(judged.order_by(table.start.desc()).limit(limit)).all()
    return [(row.start, row.drift_verdict, row.performance_verdict) for row in reversed(rows)]


def find_window(connection: sa.Connection, endpoint: str, start: Moment) -> Window | None:
    """Return a window."""
    found = list_windows(connection, endpoint, limit=1, until=start)
    return found[0] if found and found[0].start == start else None


def parts_of(connection: sa.Connection, endpoint: str, start: Moment) -> list[Part]:
    """Return what each deployment contributed to a window, the largest first."""
    table = window_parts.c
    query = sa.select(window_parts).where(table.endpoint == endpoint, table.start == start)
    rows = connection.execute(query.order_by(table.rows.desc(), table.deployment))
    return [msgspec.convert(record(row), Part) for row in rows]


def latest_latencies(connection: sa.Connection, endpoint: str, deployment: str, rows: int) -> list[int]:
    """Return the counted latencies of a deployment in its newest windows, of as many as together hold so many rows."""
    table = window_parts.c
    query = sa.select(table.rows, table.latency).where(table.endpoint == endpoint, table.deployment == deployment)
    counts: list[int] = []
    taken = 0
    for row in connection.execute(query.where(table.rows > 0).order_by(table.start.desc()).limit(_MOST_WINDOWS)):
        counts = [one + other for one, other in zip(counts, row.latency, strict=True)] if counts else list(row.latency)
        taken += row.rows
        if taken >= rows:
            break
    return counts


def list_windows(
    connection: sa.Connection, endpoint: str, *, limit: int, until: Moment | None = None, parts: bool = True
) -> list[Window]:
    """Return the latest windows of an endpoint, oldest first.

    Args:
        connection: The database.
        endpoint: The endpoint.
        limit: The most windows.
        until: Only windows that start then or before.
        parts: Whether traffic and latency are wanted.
    """
    table = windows.c
    query = sa.select(windows).where(table.endpoint == endpoint)
    if until is not None:
        query = query.where(table.start <= until)
    rows = connection.execute(query.order_by(table.start.desc()).limit(limit)).all()[::-1]
    shares: dict[Moment, list[Part]] = {}
    if parts and rows:
        columns = [column for column in window_parts.c if column.name != "summary"]
        held = window_parts.c.start.between(rows[0].start, rows[-1].start)
        for row in connection.execute(sa.select(*columns).where(window_parts.c.endpoint == endpoint, held)):
            part = msgspec.convert(record(row), Part)
            shares.setdefault(part.start, []).append(part)
    return [_window(record(row), shares.get(row.start, [])) for row in rows]


def _window(fields: dict[str, object], parts: list[Part]) -> Window:
    rows = sum(part.rows for part in parts)
    failures, faults = sum(part.failures for part in parts), sum(part.faults for part in parts)
    counts = [sum(lot) for lot in zip(*(part.latency for part in parts), strict=True)] if parts else []
    versions = [
        VersionTraffic(
            deployment=part.deployment,
            model=part.model,
            version=part.version,
            rows=part.rows,
            share=part.rows / rows if rows else 0.0,
            failures=part.failures,
            faults=part.faults,
        )
        for part in sorted(parts, key=lambda part: -part.rows)
    ]
    for name in ("dirty", "is_ripe", "drift_verdict", "performance_verdict"):
        del fields[name]
    more = {"rows": rows, "failures": failures, "faults": faults, "versions": versions}
    more["latency"] = latency.quantiles(counts)
    return msgspec.convert({**fields, **more}, Window, from_attributes=True)
