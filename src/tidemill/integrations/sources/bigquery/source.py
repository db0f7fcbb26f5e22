"""Reads BigQuery through Google's client: its ADBC driver cannot be pointed anywhere but at the service."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, SourceFailed, SourceNotFound
from tidemill.data.sources.lake import moment_of, told
from tidemill.data.sources.nested import flat_batches
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.sql import OPTIONS, SqlAsk, careful_literal, sql_ask
from tidemill.integrations.sources.bigquery.reaching import OWN, Warehouse, reach

if TYPE_CHECKING:
    import google.api_core.exceptions as faults
    import polars as pl
    from google.cloud import bigquery
else:
    faults = lazy("google.api_core.exceptions")
    bigquery = lazy("google.cloud.bigquery")
    pl = lazy("polars")

_REQUEST = re.compile(r"^[A-Z]+ https?://\S+ ")
_AS_TEXT = {
    "BIGNUMERIC": "CAST({} AS FLOAT64)",
    "BIGDECIMAL": "CAST({} AS FLOAT64)",
    "GEOGRAPHY": "ST_ASTEXT({})",
    "INTERVAL": "CAST({} AS STRING)",
    "JSON": "TO_JSON_STRING({})",
    "RANGE": "CAST({} AS STRING)",
}


class BigQuery:
    """Fills `tidemill.data.sources.ports.SourceIntegration`.

    Checked against an emulator of the service, not against the service; there, rows come through its Storage Read API,
    which the emulator does not offer for queries.

    Source:
        BigQuery documentation: Query syntax, FOR SYSTEM_TIME AS OF; Lexical structure, Quoted identifiers.
    """

    schemes = ("bigquery",)
    summary = "BigQuery: a table, also as of an earlier moment, or a query"
    library = "google.cloud.bigquery"

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Give the rows of a table or a query."""
        ask.check_options("at", *OWN, *OPTIONS)
        what = sql_ask(ask, "`")
        at = told(moment_of(ask.option("at"))) if ask.option("at") else ""
        if at and not what.table:
            raise InvalidOption(
                "at= goes with a table", hint="In a query, write FOR SYSTEM_TIME AS OF behind its table."
            )
        with reach(ask) as warehouse, _plain():
            piece = _piece(warehouse, what, at)
            yield [piece] if piece else []


def _piece(warehouse: Warehouse, what: SqlAsk, at: str) -> Piece | None:
    clause = f" FOR SYSTEM_TIME AS OF TIMESTAMP '{at}'" if at else ""
    fields = _fields(warehouse, what, clause)
    version = what.facts | ({"as_of": at} if at else _state(warehouse, what))
    through = ""
    if what.new_by:
        wanted = what.select([f"CAST({what.highest()} AS STRING)"], at=clause)
        (highest,) = next(iter(warehouse.run(wanted).result()))
        if highest is None and what.since:
            return None
        through = "" if highest is None else _literal(highest, fields[what.new_by])
        version["through"] = through
    columns = [
        f"{_AS_TEXT.get(kind, '{}').format(what.quoted(name))} AS {what.quoted(name)}" for name, kind in fields.items()
    ]
    sql = what.select(columns, through, at=clause, is_sorted=True)

    def batches() -> "Iterator[pl.DataFrame]":
        return flat_batches(_frames(warehouse, sql, version), what.label)

    return Piece(name=what.label, version=version, batches=batches)


def _fields(warehouse: Warehouse, what: SqlAsk, clause: str) -> dict[str, str]:
    """Return the columns with their types, from a dry run: it costs nothing."""
    try:
        job = warehouse.run(what.select(["*"], at=clause), is_dry=True)
    except faults.NotFound:
        if not what.table:
            raise
        hint = did_you_mean(what.table[-1], warehouse.tables(what.table))
        raise SourceNotFound(f"There is no table {shown(what.label)}", hint=hint) from None
    if job.statement_type not in {"SELECT", None}:
        raise InvalidOption(f"The query is a {job.statement_type}", hint="Write one SELECT.")
    fields = list(job.schema or ())
    what.check_columns([field.name for field in fields])
    return {field.name: str(field.field_type) if field.mode != "REPEATED" else "ARRAY" for field in fields}


def _state(warehouse: Warehouse, what: SqlAsk) -> dict[str, str]:
    """Return which state of the table it is; nothing for a query, whose state is not known before it is read."""
    if not what.table:
        return {}
    table = warehouse.table(what.table)
    return {"modified": told(table.modified), "etag": str(table.etag).strip('"')}


def _literal(text: str, kind: str) -> str:
    literal = careful_literal(text)
    if kind in {"INTEGER", "INT64", "FLOAT", "FLOAT64"}:
        return text
    return f"CAST({literal} AS {kind})" if kind in {"NUMERIC", "BIGNUMERIC"} else literal


def _frames(warehouse: Warehouse, sql: str, version: dict[str, str]) -> "Iterator[pl.DataFrame]":
    with _plain():
        job = warehouse.run(sql)
        rows = job.result()
        version.update(job=str(job.job_id), read=told(datetime.now(UTC)))
        is_empty = True
        for batch in rows.to_arrow_iterable(bqstorage_client=warehouse.storage, max_queue_size=4):
            is_empty = False
            yield pl.DataFrame(batch)
        if is_empty:
            yield pl.DataFrame(rows.to_arrow(create_bqstorage_client=False))


@contextmanager
def _plain() -> Iterator[None]:
    """Say an error of the service in one line."""
    try:
        yield
    except faults.NotFound as error:
        raise SourceNotFound(f"BigQuery says: {_said(error)}", hint="Look at the names of dataset and table.") from None
    except faults.GoogleAPIError as error:
        raise SourceFailed(f"BigQuery says: {_said(error)}", hint="Look at the query, and who may read it.") from None


def _said(error: Exception) -> str:
    message = str(getattr(error, "message", "") or error)
    return shown(_REQUEST.sub("", message.partition("\n")[0]).partition("; reason: ")[0], 300)
