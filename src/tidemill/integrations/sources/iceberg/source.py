"""Reads an Iceberg table at one of its snapshots."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import EmptySource, InvalidOption, SourceNotFound
from tidemill.data.sources.lake import STORAGE, moment_of, newer, told, write_rows
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.sql import held_end
from tidemill.integrations.sources.iceberg.tables import CATALOG_OPTIONS, Found, find_table

if TYPE_CHECKING:
    import polars as pl
    from pyiceberg.table.snapshots import Snapshot
else:
    pl = lazy("polars")


class Iceberg:
    """Fills `tidemill.data.sources.ports.SourceIntegration`.

    Source:
        Apache Iceberg Table Spec, sections Snapshots and Point in Time Reads.
    """

    schemes = (
        "iceberg",
        "iceberg+s3",
        "iceberg+gs",
        "iceberg+abfss",
        "iceberg+rest",
        "iceberg+rest+http",
        "iceberg+sqlite",
    )
    summary = "Iceberg tables: at a snapshot or as of a moment"
    library = "pyiceberg"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Give the rows of the table."""
        ask.check_options("snapshot", "at", "new_by", *CATALOG_OPTIONS, *STORAGE)
        found = find_table(ask)
        snapshot = _snapshot(ask, found)
        found.check_files(ask, snapshot)
        facts = {
            "snapshot": str(snapshot.snapshot_id),
            "committed": told(_moment(snapshot)),
            "table_id": str(found.table.metadata.table_uuid),
        }
        held = ask.held[-1] if ask.held else None
        if held and held.items() >= facts.items():
            yield []
            return
        new_by = ask.option("new_by") or ask.new_by
        frame = _frame(found, snapshot, None if new_by else held)
        if new_by:
            limited = newer(lambda: _frame(found, snapshot, None), new_by, held_end(ask, new_by))
            if limited is None:
                yield []
                return
            frame, limits = limited
            facts |= limits
        elif held:
            facts["since"] = held["snapshot"]

        def fetch(target: Path) -> None:
            write_rows(frame, target, found.name)

        yield [Piece(name=found.name, version=facts, is_pinned=True, fetch=fetch)]


def _snapshot(ask: Ask, found: Found) -> "Snapshot":
    """Return the snapshot that is asked for."""
    wanted, at = ask.option("snapshot"), ask.option("at")
    if wanted and at:
        raise InvalidOption("Both snapshot and at are given", hint="Leave one of them out.")
    if wanted and not (wanted.isascii() and wanted.isdigit()):
        raise InvalidOption(f"snapshot={shown(wanted)} is not a number", hint="Such as #snapshot=6550845374350636094.")
    if wanted:
        snapshot = found.table.snapshot_by_id(int(wanted))
    elif at:
        snapshot = found.table.snapshot_as_of_timestamp(int(moment_of(at).timestamp() * 1000))
    else:
        snapshot = found.table.current_snapshot()
        if snapshot is None:
            raise EmptySource("The table has no snapshot yet", hint="Write rows to it first.")
    if snapshot is None:
        newest = found.table.metadata.snapshots[-5:]
        known = ", ".join(f"{each.snapshot_id} of {told(_moment(each))}" for each in reversed(newest))
        raise SourceNotFound(
            "The table has no such snapshot", hint=f"Its newest: {known}." if known else "It has none."
        )
    return snapshot


def _moment(snapshot: "Snapshot") -> datetime:
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def _frame(found: Found, snapshot: "Snapshot", held: Mapping[str, str] | None) -> "pl.LazyFrame":
    """Return the rows of a snapshot, or those that were added to the ones that are held.

    Raises:
        InvalidOption: If rows were changed since, and not only added.
    """
    storage = found.storage or None
    if held is None:
        return pl.scan_iceberg(found.table, snapshot_id=snapshot.snapshot_id, storage_options=storage)
    since = held.get("snapshot", "")
    each: Snapshot | None = snapshot
    while each is not None and str(each.snapshot_id) != since:
        if each.summary is None or each.summary.operation.value != "append":
            break
        each = found.table.snapshot_by_id(each.parent_snapshot_id) if each.parent_snapshot_id else None
    if each is None or str(each.snapshot_id) != since:
        raise InvalidOption(
            f"Since snapshot {since or '(not known)'} rows of the table were changed or removed, not only added",
            hint="Ingest without --append, or name a column that grows with #new_by=COLUMN.",
        )
    return pl.scan_iceberg(
        found.table,
        from_snapshot_id_exclusive=int(since),
        to_snapshot_id_inclusive=snapshot.snapshot_id,
        storage_options=storage,
    )
