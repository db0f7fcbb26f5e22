"""Reads PostgreSQL in one transaction that only reads and sees one moment."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import InvalidOption, PlainSecret, SourceRefused
from tidemill.data.sources.adbc import Link, linked
from tidemill.data.sources.nested import flat_batches
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.sql import OPTIONS, SqlAsk, sql_ask
from tidemill.integrations.sources.postgresql.columns import columns_of

if TYPE_CHECKING:
    import adbc_driver_postgresql as driver
    import polars as pl
else:
    driver = lazy("adbc_driver_postgresql")
    pl = lazy("polars")

_BATCH_BYTES = 8 << 20
_HARMLESS = {"sslmode", "connect_timeout", "application_name", "target_session_attrs", "channel_binding"}
_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_TABLES = (
    "SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema'"
    " AND n.nspname NOT LIKE 'pg|_%' ESCAPE '|'"
)
_STATE = (
    "SELECT pg_current_snapshot()::text, current_setting('server_version'),"
    " (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text,"
    " to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
)


class PostgreSQL:
    """Fills `tidemill.data.sources.ports.SourceIntegration`.

    Source:
        PostgreSQL documentation: 34.1.1 Connection Strings, 13.2.2 Repeatable Read Isolation Level, 9.27 System
        Information Functions.
    """

    schemes = ("postgresql", "postgres")
    summary = "PostgreSQL: a table or a query, as of one moment"
    library = "adbc_driver_postgresql"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Give the rows of a table or a query."""
        ask.check_options("password", *OPTIONS)
        what = sql_ask(ask)
        address = _address(ask)
        options = {"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
        with linked(lambda: driver.connect(address), options) as link:
            for statement in (_BEGIN, "SET LOCAL TimeZone = 'UTC'", "SET LOCAL DateStyle = 'ISO'"):
                link.run(statement)
            piece = _piece(link, what)
            yield [piece] if piece else []


def _piece(link: Link, what: SqlAsk) -> Piece | None:
    snapshot, server, lsn, at = link.rows(_STATE)[0]
    columns = columns_of(link.fields(what, _TABLES))
    version = what.facts | {"snapshot": snapshot, "server": f"PostgreSQL {server}"}
    through = ""
    if what.new_by:
        (highest,) = link.rows(what.select([f"{what.highest()}::text"]))[0]
        if highest is None and what.since:
            return None
        through = "" if highest is None else "'" + highest.replace("'", "''") + "'"
        version["through"] = through
    named = [f"{column.sql.format(what.quoted(column.name))} AS {what.quoted(column.name)}" for column in columns]
    sql = what.select(named, through, is_sorted=True)
    casts = [pl.col(column.name).cast(pl.Decimal(*column.decimal)) for column in columns if column.decimal]

    def batches() -> "Iterator[pl.DataFrame]":
        # Only now: a version that named them before would be another at each look, though nothing was written.
        version.update(lsn=lsn, at=at)
        frames = link.frames(sql)
        return flat_batches((frame.with_columns(casts) for frame in frames) if casts else frames, what.label)

    return Piece(name=what.label, version=version, batches=batches)


def _address(ask: Ask) -> str:
    """Return the connection string; others than the owner get one that takes nothing from the server's surroundings."""
    parts = urlsplit(ask.uri.address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in query:
        if name in {"password", "sslpassword", "oauth_client_secret"}:
            raise PlainSecret("The source holds a password", hint="Write it as #password=env:NAME.")
    if not ask.access.is_owner:
        others = sorted(set(query) - _HARMLESS)
        if others:
            raise SourceRefused(
                f"Only the owner may set {shown(others[0])} of a connection",
                hint=f"Others may set: {', '.join(sorted(_HARMLESS))}.",
            )
        if not parts.hostname or "," in parts.netloc:
            raise SourceRefused("Others than the owner name one host", hint="Write postgresql://USER@HOST/DATABASE.")
        query |= {"passfile": "/dev/null", "password": "", "service": "", "sslcert": "", "sslkey": ""}
    if not ask.access.is_owner and not parts.username:
        raise InvalidOption("The source names no user", hint="Write postgresql://USER@HOST/DATABASE.")
    for place in (parts.netloc.rpartition("@")[2] or "localhost").split(","):
        ask.access.check_host("postgresql", unquote(place))
    password = ask.secret("password")
    if password is not None:
        query["password"] = password
    query = {"connect_timeout": "30", "application_name": "tidemill"} | query
    told = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in query.items() if value or not ask.access.is_owner
    )
    return f"postgresql://{parts.netloc}{parts.path}?{told}"
