"""Reads a Delta table at one of its versions."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import InvalidOption, SourceNotFound
from tidemill.data.sources.lake import STORAGE, Lake, lake_of, moment_of, newer, told, write_rows
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.sql import held_end

if TYPE_CHECKING:
    import deltalake
    import deltalake.exceptions as faults
    import polars as pl
else:
    deltalake = lazy("deltalake")
    faults = lazy("deltalake.exceptions")
    pl = lazy("polars")


class Delta:
    """Fills `tidemill.data.sources.ports.SourceIntegration`.

    Source:
        Delta Transaction Log Protocol, sections Delta Log Entries and Reader Requirements.
    """

    schemes = ("delta", "delta+s3", "delta+gs", "delta+az", "delta+abfss")
    summary = "Delta tables (Databricks): at a version or as of a moment"
    library = "deltalake"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Give the rows of the table."""
        ask.check_options("version", "at", "new_by", *STORAGE)
        lake = lake_of(ask)
        table, committed = _table(ask, lake)
        lake.check_files(table.file_uris() if not lake.is_owner else (), ask)
        facts = {"version": str(table.version()), "committed": committed, "table_id": str(table.metadata().id)}
        name = table.metadata().name or lake.address.rstrip("/").rpartition("/")[2]
        new_by = ask.option("new_by") or ask.new_by
        if not new_by and ask.held and ask.held[-1].items() >= facts.items():
            yield []
            return
        held = held_end(ask, new_by)
        frame = _frame(table, lake)
        if new_by:
            found = newer(lambda: _frame(table, lake), new_by, held)
            if found is None:
                yield []
                return
            frame, limits = found
            facts |= limits

        def fetch(target: Path) -> None:
            write_rows(frame, target, name)

        yield [Piece(name=name, version=facts, is_pinned=True, fetch=fetch)]


def _table(ask: Ask, lake: Lake) -> "tuple[deltalake.DeltaTable, str]":
    """Return the table at the version that is asked for, and when that was committed."""
    version, at = ask.option("version"), ask.option("at")
    if version and at:
        raise InvalidOption("Both version and at are given", hint="Leave one of them out.")
    if version and not re.fullmatch(r"\d{1,18}", version):
        raise InvalidOption(f"version={shown(version)} is not a number", hint="Such as #version=3.")
    moment = moment_of(at) if at else None
    try:
        table = deltalake.DeltaTable(lake.address, storage_options=lake.storage or None)
    except faults.TableNotFoundError:
        raise SourceNotFound(
            f"There is no Delta table at {shown(ask.uri.shown)}", hint="Name the folder that holds _delta_log."
        ) from None
    if version:
        _go_back(table, int(version))
    elif moment:
        table.load_as_version(moment)
    committed = _committed(table.version(), lake)
    if moment and committed and committed > moment:
        raise SourceNotFound(
            f"The table did not exist at {at}", hint=f"Its version {table.version()} is of {told(committed)}."
        )
    return table, told(committed) if committed else ""


def _go_back(table: "deltalake.DeltaTable", version: int) -> None:
    newest = table.version()
    if version > newest:
        raise SourceNotFound(f"The table has no version {version}", hint=f"The newest is {newest}.")
    try:
        table.load_as_version(version)
    except faults.DeltaError as error:
        raise SourceNotFound(
            f"Version {version} of the table cannot be read: {shown(str(error).partition(chr(10))[0], 200)}",
            hint="It may have been cleaned up.",
        ) from None


def _committed(version: int, lake: Lake) -> datetime | None:
    """Return when a version was committed; None when its entry in the log was cleaned up after a checkpoint.

    The library's own history reads the whole log, and holds the interpreter's lock while it waits for a store.
    """
    entry = f"{lake.address.rstrip('/')}/_delta_log/{version:020}.json"
    try:
        lines = pl.scan_lines(entry, storage_options=lake.storage or None).collect(engine="streaming").to_series()
    except FileNotFoundError:
        return None
    actions = (json.loads(line) for line in lines if "commitInfo" in line)
    info: dict[str, int] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    stamp = info.get("inCommitTimestamp", info.get("timestamp"))
    return None if stamp is None else datetime.fromtimestamp(stamp / 1000, UTC)


def _frame(table: "deltalake.DeltaTable", lake: Lake) -> "pl.LazyFrame":
    """Return the rows: by Polars, or where a table needs more of its reader, by the engine of the library."""
    try:
        frame = pl.scan_delta(table, storage_options=lake.storage or None)
        frame.collect_schema()
        frame.head(0).collect()
    except faults.DeltaProtocolError:
        return pl.scan_arrow_c_stream(table.scan())
    return frame
