"""Reads a SQLite file in one transaction, opened so that nothing can be written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import UnsupportedSource
from tidemill.data.sources.adbc import Link, linked
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.sql import OPTIONS, SqlAsk, sql_ask
from tidemill.integrations.sources.sqlite.columns import look_at

if TYPE_CHECKING:
    import adbc_driver_sqlite as driver
    import polars as pl
else:
    driver = lazy("adbc_driver_sqlite")
    pl = lazy("polars")

_BATCH_ROWS = 16_384
_MAGIC = b"SQLite format 3\0"
_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
_SETTINGS = ("PRAGMA busy_timeout = 60000", "PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")


class SQLite:
    """Fills `tidemill.data.sources.ports.SourceIntegration`.

    Source:
        SQLite documentation: Database File Format, section 1.3 (the header); Datatypes In SQLite.
    """

    schemes = ("sqlite",)
    summary = "SQLite: a table or a query of a file, as of one moment"
    library = "adbc_driver_sqlite"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Give the rows of a table or a query."""
        ask.check_options(*OPTIONS)
        what = sql_ask(ask)
        path = _path(ask)
        options = {"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)}
        with linked(lambda: driver.connect(f"{path.as_uri()}?mode=ro"), options) as link:
            for setting in _SETTINGS:
                link.run(setting)
            piece = _piece(link, what, path)
            yield [piece] if piece else []


def _piece(link: Link, what: SqlAsk, path: Path) -> Piece | None:
    names = [field.name for field in link.fields(what, _TABLES)]
    version = what.facts | _state(link, path)
    through = ""
    if what.new_by:
        (highest,) = link.rows(what.select([f"quote({what.highest()})"]))[0]
        if highest == "NULL" and what.since:
            return None
        through = "" if highest == "NULL" else highest
        version["through"] = through
    columns = look_at(link, what, names, through)
    named = [f"{column.sql} AS {what.quoted(column.name)}" for column in columns]
    types = ", ".join(f"{column.example} AS {what.quoted(column.name)}" for column in columns)
    # The driver takes the types from the first rows, which may hold only nulls: so a row of examples comes first.
    sql = f"SELECT {types} UNION ALL SELECT * FROM ({what.select(named, through, is_sorted=True)})"  # noqa: S608 - quoted
    casts = [column.converted for column in columns]

    def batches() -> "Iterator[pl.DataFrame]":
        for number, frame in enumerate(link.frames(sql)):
            yield (frame[1:] if number == 0 else frame).select(casts)

    return Piece(name=what.label, version=version, batches=batches, modified_at=_modified(path))


def _path(ask: Ask) -> Path:
    parts = urlsplit(ask.uri.address)
    if parts.netloc or parts.query or not parts.path.strip("/"):
        raise UnsupportedSource(
            "The address names no file of SQLite",
            hint="Write sqlite:///relative.db#table=NAME, or sqlite:////absolute.db.",
        )
    path = ask.access.path(unquote(parts.path)[1:])
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise UnsupportedSource(f"{shown(path.name)} is not a file of SQLite", hint="Look at its path.")
    return path


def _state(link: Link, path: Path) -> dict[str, str]:
    """Return what tells one state of the file from another: how often it was changed, and when."""
    with path.open("rb") as file:
        header = file.read(100)
    ((schema,),) = link.rows("PRAGMA schema_version")
    return {
        "changes": str(int.from_bytes(header[24:28], "big")),
        "schema": str(schema),
        "modified": _modified(path).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def _modified(path: Path) -> datetime:
    """Return when the file or its log was last written."""
    log = path.with_name(f"{path.name}-wal")
    latest = max(each.stat().st_mtime for each in (path, log) if each.exists())
    return datetime.fromtimestamp(latest, UTC)
