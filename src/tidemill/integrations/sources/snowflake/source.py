"""Reads Snowflake through ADBC."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, UnsupportedSource
from tidemill.data.sources.adbc import Link, linked
from tidemill.data.sources.lake import moment_of, told
from tidemill.data.sources.nested import flat_batches
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.sql import OPTIONS, SqlAsk, careful_literal, sql_ask

if TYPE_CHECKING:
    import adbc_driver_snowflake as driver
    import polars as pl
else:
    driver = lazy("adbc_driver_snowflake")

_BY_QUERY = {
    "warehouse": "adbc.snowflake.sql.warehouse",
    "role": "adbc.snowflake.sql.role",
    "host": "adbc.snowflake.sql.uri.host",
    "port": "adbc.snowflake.sql.uri.port",
    "protocol": "adbc.snowflake.sql.uri.protocol",
}
_BY_SECRET = {
    "password": {"password": "{}"},
    "token": {"adbc.snowflake.sql.auth_type": "auth_pat", "adbc.snowflake.sql.client_option.auth_token": "{}"},
    "private_key": {
        "adbc.snowflake.sql.auth_type": "auth_jwt",
        "adbc.snowflake.sql.client_option.jwt_private_key_pkcs8_value": "{}",
    },
}
_STATEMENT = {"adbc.rpc.result_queue_size": "8", "adbc.snowflake.rpc.prefetch_concurrency": "4"}
_TABLES = (
    "SELECT CASE WHEN table_schema = CURRENT_SCHEMA() THEN table_name ELSE table_schema || '.' || table_name END"
    " FROM information_schema.tables WHERE table_schema <> 'INFORMATION_SCHEMA' LIMIT 1000"
)


class Snowflake:
    """Fills `tidemill.data.sources.ports.SourceIntegration`.

    Checked against an emulator of the service, not against the service.

    Source:
        Snowflake documentation: AT | BEFORE, Identifier requirements.
    """

    schemes = ("snowflake",)
    summary = "Snowflake: a table, also as of an earlier moment, or a query"
    library = "adbc_driver_snowflake"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Give the rows of a table or a query."""
        ask.check_options("at", *_BY_SECRET, *OPTIONS)
        what = sql_ask(ask, folded=str.upper)
        at = told(moment_of(ask.option("at"))) if ask.option("at") else ""
        if at and not what.table:
            raise InvalidOption("at= goes with a table", hint="In a query, write AT(TIMESTAMP => …) behind its table.")
        options = _connection_options(ask)
        with linked(lambda: driver.connect(db_kwargs=options), _STATEMENT, is_one=False) as link:
            piece = _piece(link, what, at)
            yield [piece] if piece else []


def _piece(link: Link, what: SqlAsk, at: str) -> Piece | None:
    names = [field.name for field in link.fields(what, _TABLES)]
    clause = f" AT(TIMESTAMP => '{at}'::TIMESTAMP_TZ)" if at else ""
    version = what.facts | ({"as_of": at} if at else _altered(link, what))
    through = ""
    if what.new_by:
        (highest,) = link.rows(what.select([f"{what.highest()}::VARCHAR"], at=clause))[0]
        if highest is None and what.since:
            return None
        through = "" if highest is None else careful_literal(str(highest))
        version["through"] = through
    sql = what.select([what.quoted(name) for name in names], through, at=clause, is_sorted=True)

    def batches() -> "Iterator[pl.DataFrame]":
        version["read"] = told(datetime.now(UTC))
        return flat_batches(link.frames(sql), what.label)

    return Piece(name=what.label, version=version, batches=batches)


def _altered(link: Link, what: SqlAsk) -> dict[str, str]:
    """Return when a table was last altered; nothing for a query, whose state is not known before it is read."""
    if not what.table:
        return {}
    *database, schema, name = ("", *what.table) if len(what.table) == 1 else what.table
    place = "".join(f"{what.quoted(each)}." for each in database)
    wanted = careful_literal(schema) if schema else "CURRENT_SCHEMA()"
    rows = link.rows(
        f"SELECT last_altered::VARCHAR FROM {place}information_schema.tables"  # noqa: S608 - quoted
        f" WHERE table_schema = {wanted} AND table_name = {careful_literal(name)}"
    )
    return {"altered": str(rows[0][0])} if rows else {}


def _connection_options(ask: Ask) -> dict[str, str]:
    parts = urlsplit(ask.uri.address)
    place = [unquote(each) for each in parts.path.strip("/").split("/") if each]
    account = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    if not account or not parts.username or len(place) > 2 or not place:
        raise UnsupportedSource(
            "The address names no user, account or database",
            hint="Write snowflake://USER@ACCOUNT/DATABASE/SCHEMA?warehouse=NAME#table=TABLE&password=env:VARIABLE.",
        )
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in query:
        if name not in _BY_QUERY:
            raise InvalidOption(f"A Snowflake address has no {shown(name)}", hint=did_you_mean(name, sorted(_BY_QUERY)))
    ask.access.check_host("snowflake", f"{query['host']}:{query.get('port', '443')}" if "host" in query else account)
    given = [name for name in _BY_SECRET if name in ask.uri.options]
    if len(given) != 1:
        raise InvalidOption(
            "The source names no credential" if not given else "The source names more than one credential",
            hint="Such as #password=env:SNOWFLAKE_PASSWORD, #token=… or #private_key=file:….",
        )
    secret = ask.secret(given[0]) or ""
    return {
        "username": unquote(parts.username),
        "adbc.snowflake.sql.account": account,
        "adbc.snowflake.sql.db": place[0],
        "adbc.snowflake.sql.client_option.app_name": "tidemill",
        "adbc.snowflake.sql.client_option.disable_telemetry": "true",
        "adbc.snowflake.sql.client_option.login_timeout": "60s",
        **({"adbc.snowflake.sql.schema": place[1]} if len(place) == 2 else {}),
        **{_BY_QUERY[name]: value for name, value in query.items()},
        **{name: value.replace("{}", secret) for name, value in _BY_SECRET[given[0]].items()},
    }
