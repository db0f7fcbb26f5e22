"""Avro container files: records as rows, in batches, logical types kept."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.errors import TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, is_full
from tidemill.data.errors import MalformedTable, UnsupportedSource
from tidemill.data.quoting import told
from tidemill.data.sources.avro_blocks import check_blocks
from tidemill.data.sources.dialect import check_columns
from tidemill.data.sources.frames import write_frames
from tidemill.data.sources.parquet_file import in_plain_types
from tidemill.data.sources.table import Rows
from tidemill.data.sources.telling import Share, unheard

if TYPE_CHECKING:
    import fastavro
    import polars as pl
else:
    fastavro = lazy("fastavro")
    pl = lazy("polars")

_BATCH = 20_000
_LOGICAL = {
    "date": "date",
    "timestamp-millis": "utc",
    "timestamp-micros": "utc",
    "local-timestamp-millis": "local",
    "local-timestamp-micros": "local",
    "time-millis": "time",
    "time-micros": "time",
    "uuid": "uuid",
    "decimal": "decimal",
}
_PLAIN = {"int", "long", "float", "double", "boolean", "string", "enum", "bytes", "fixed", "null"}


def read_avro(path: Path, name: str, scratch: Scratch, told: Share = unheard) -> Rows:
    """Return the rows of an Avro file; records, arrays and maps in a field become JSON text.

    Raises:
        MalformedTable: If it is truncated or damaged.
        SourceTooLarge: If a block unpacks to far more than its bytes.
        UnsupportedSource: If it holds no records, or a field's type is not kept.
        EmptySource: If it has no rows.
    """
    raw = scratch.new(".parquet")
    try:
        with path.open("rb") as file:
            check_blocks(file, name)
            file.seek(0)
            reader = fastavro.reader(file)
            fields = _fields(reader.writer_schema, name)
            check_columns(list(fields), name)
            size = max(1, path.stat().st_size)
            write_frames(_frames(reader, fields, lambda: told(file.tell() / size)), raw, name, scratch)
        frame = in_plain_types(pl.scan_parquet(raw, glob=False), name)
    except TidemillError:
        raise
    except Exception as error:  # a hostile file makes the reader fail in many ways, none of them its own class
        if is_full(error):
            raise
        raise _damaged(name, error) from error
    return Rows(frame, None, {})


def _damaged(name: str, error: Exception) -> MalformedTable:
    said = told(str(error).partition("\n")[0] or type(error).__name__)
    return MalformedTable(
        f"{shown(name)} is truncated or damaged: {shown(said)}",
        where=name,
        hint="Fetch it again and compare its size.",
    )


def _fields(schema: object, name: str) -> dict[str, str]:
    if not isinstance(schema, Mapping) or schema.get("type") != "record":
        raise UnsupportedSource(f"{shown(name)} holds no records", hint="Write it with a record as its schema.")
    return {str(field["name"]): _kind(field["type"]) for field in schema["fields"]}


def _kind(declared: object) -> str:
    """Return the word for a field's type; `nested` for what is kept as JSON text."""
    if isinstance(declared, list):
        kinds = {_kind(each) for each in declared} - {"null"}
        if kinds <= {"int", "long"}:
            return "long" if kinds else "null"
        if kinds <= {"int", "long", "float", "double"}:
            return "double"
        return kinds.pop() if len(kinds) == 1 else "nested"
    if isinstance(declared, Mapping):
        logical = _LOGICAL.get(str(declared.get("logicalType")))
        if logical == "decimal":
            return f"decimal {declared.get('precision', 38)} {declared.get('scale', 0)}"
        return logical or _kind(declared["type"])
    return str(declared) if declared in _PLAIN else "nested"


def _dtype(kind: str) -> "pl.DataType":
    if kind.startswith("decimal"):
        _, precision, scale = kind.split()
        return pl.Decimal(min(int(precision), 38), int(scale))
    known: dict[str, pl.DataType] = {
        "int": pl.Int64(),
        "long": pl.Int64(),
        "float": pl.Float64(),
        "double": pl.Float64(),
        "boolean": pl.Boolean(),
        "bytes": pl.Binary(),
        "fixed": pl.Binary(),
        "date": pl.Date(),
        "utc": pl.Datetime("us", "UTC"),
        "local": pl.Datetime("us"),
        "time": pl.Time(),
    }
    return known.get(kind, pl.String())


def _frames(
    reader: "Iterator[object]", fields: Mapping[str, str], tell: Callable[[], None]
) -> "Iterator[pl.DataFrame]":
    schema = {name: _dtype(kind) for name, kind in fields.items()}
    texts = [name for name, kind in fields.items() if kind in {"nested", "uuid"}]
    rows: list[dict[str, object]] = []
    for record in reader:
        row: dict[str, object] = dict(record)  # type: ignore[call-overload]
        for name in texts:
            value = row[name]
            row[name] = value if value is None or isinstance(value, str) else _as_text(value)
        rows.append(row)
        if len(rows) == _BATCH:
            yield pl.DataFrame(rows, schema=schema, orient="row")
            rows = []
            tell()
    if rows:
        yield pl.DataFrame(rows, schema=schema, orient="row")


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)
