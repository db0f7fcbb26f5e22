"""Segments are added to windows: each is read once, and a window's cost does not grow with history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.drift.summary import Summary, summarise
from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.calendar import Calendar, parse_window
from tidemill.monitoring.frames import FAULT, INPUT
from tidemill.monitoring.latency import count_latencies
from tidemill.monitoring.records import Problem, Segment
from tidemill.monitoring.reference import MonitorReference
from tidemill.monitoring.service.references import References
from tidemill.monitoring.settings import MonitorSettings
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as store
from tidemill.monitoring.store.windows import Part

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_AT_ONCE = 200


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass counted."""

    segments: int = 0
    problems: list[Problem] = []


class Counter:
    """Adds segments to windows.

    Args:
        ledger: Where both are.
        archive: Where the rows are.
        references: Whose bins the rows are counted over.
    """

    def __init__(self, ledger: Ledger, archive: Archive, references: References) -> None:
        self._ledger = ledger
        self._archive = archive
        self._references = references

    def count(self, actor: Actor) -> Counted:
        """Add every segment that is in no window yet."""
        done, problems = 0, list[Problem]()
        damaged: set[str] = set()
        while True:
            with self._ledger.read() as connection:
                found = segment_store.uncounted(connection, limit=_AT_ONCE + len(damaged))
                monitors = {monitor.endpoint: monitor.settings for monitor in store.list_monitors(connection)}
            lot = [segment for segment in found if segment.id not in damaged][:_AT_ONCE]
            if not lot:
                return Counted(segments=done, problems=problems)
            parts: dict[str, list[Part]] = {}
            for segment in lot:
                try:
                    parts[segment.id] = self._parts(segment, monitors.get(segment.endpoint, MonitorSettings()))
                except TidemillError as error:
                    damaged.add(segment.id)
                    what = f"count segment {segment.id}"
                    problems.append(Problem(what=what, code=error.code, message=error.message))
            done += self._add(actor, lot, parts, monitors)

    def _parts(self, segment: Segment, settings: MonitorSettings) -> list[Part]:
        calendar = parse_window(settings.window)
        reference = self._references.find(segment.model, segment.version) if segment.deployment else None
        rows = self._archive.read(segment)
        starts = calendar.starts_between(segment.first_event, segment.last_event)
        if len(starts) == 1:
            return [_part(segment, starts[0], rows, reference)]
        return [_part(segment, start, lot, reference) for start, lot in split(rows, calendar)]

    def _add(
        self, actor: Actor, lot: Sequence[Segment], parts: dict[str, list[Part]], monitors: dict[str, MonitorSettings]
    ) -> int:
        """Add the parts of segments to windows in one transaction, each window written once."""

        def work(tx: Transaction) -> int:
            taken = [segment for segment in lot if segment.id in parts and segment_store.set_counted(tx, segment.id)]
            for part in together([part for segment in taken for part in parts[segment.id]]):
                calendar = parse_window(monitors.get(part.endpoint, MonitorSettings()).window)
                store.add_part(tx, part, calendar.end_of(part.start))
            return len(taken)

        return self._ledger.write(actor, work) if parts else 0


def split(rows: "pl.DataFrame", calendar: Calendar) -> "list[tuple[Moment, pl.DataFrame]]":
    """Return the rows of each window with its start."""
    low, high = rows["event_time"].min(), rows["event_time"].max()
    lots = []
    start = calendar.start_of(low)  # type: ignore[arg-type]  # the column holds moments
    while start <= high:  # type: ignore[operator]  # as above
        end = calendar.end_of(start)
        lot = rows.filter((pl.col("event_time") >= start) & (pl.col("event_time") < end))
        if lot.height:
            lots.append((start, lot))
            start = end
        else:
            later = rows.filter(pl.col("event_time") >= end)["event_time"].min()
            start = calendar.start_of(later)  # type: ignore[arg-type]  # as above
    return lots


def _part(segment: Segment, start: Moment, rows: "pl.DataFrame", reference: MonitorReference | None) -> Part:
    answered = rows.filter(pl.col("prediction_id").is_not_null())
    return Part(
        endpoint=segment.endpoint,
        start=start,
        deployment=segment.deployment,
        model=segment.model,
        version=segment.version,
        rows=answered.height,
        failures=rows.height - answered.height,
        faults=rows.filter(pl.col("prediction_id").is_null() & (pl.col("status") >= FAULT)).height,
        latency=count_latencies(answered["latency_ms"].to_numpy()),
        summary=summarise_rows(answered, reference) if reference is not None and answered.height else None,
    )


def summarise_rows(rows: "pl.DataFrame", reference: MonitorReference) -> Summary:
    """Return captured rows as counts over the bins of a reference."""
    given = []
    for column in reference.reference.columns:
        if column.name in rows.columns:
            given.append(pl.col(column.name))
        elif INPUT + column.name in rows.columns:
            given.append(pl.col(INPUT + column.name).alias(column.name))
    return summarise(rows.select(given) if given else rows.select("at"), reference.reference)


def together(parts: Sequence[Part]) -> list[Part]:
    """Return parts with those of one window and one deployment added up."""
    found: dict[tuple[str, Moment, str], Part] = {}
    for part in parts:
        key = (part.endpoint, part.start, part.deployment)
        found[key] = store.together(found[key], part) if key in found else part
    return list(found.values())
