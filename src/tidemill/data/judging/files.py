"""Files as one table to be judged, in the types that an ingestion would give them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.checks.quality.marks import mark_repeats
from tidemill.checks.quality.rule_book import Caught
from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch
from tidemill.data.errors import EmptySource
from tidemill.data.prepare import Options, widened
from tidemill.data.quality import typed_schema
from tidemill.data.records import Column
from tidemill.data.rules import check_key, join_schemas
from tidemill.data.service.ingest import Input
from tidemill.data.sources.rows import read_rows
from tidemill.data.sources.table import Rows
from tidemill.data.types import dtype_of, from_text, joined, type_word

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_TEXT = "_tidemill_text:"
_ROUNDS = 3


def read_files(files: Sequence[Input], options: Options, scratch: Scratch) -> "tuple[pl.LazyFrame, list[Caught]]":
    """Return the rows of files as one table, and which of them no table may hold, whatever the rules say.

    Beside its columns, the table has those that hold the texts of mixed columns, as they were read.

    Raises:
        EmptySource: If there are no files.
        SchemaMismatch: If their columns differ.
    """
    if not files:
        raise EmptySource("There are no files", hint="Look at the path or the pattern.")
    read, unlike = _read(files, options, scratch), set[str]()
    for _ in range(_ROUNDS):
        unlike |= _texts_somewhere([columns for _, columns in _schemas(read)])
        options, before = widened(options, sorted(unlike)), options
        if options == before:
            break
        read = _read(files, options, scratch)
    columns = join_schemas(_schemas(read))
    check_key(options.key, options.time, [column.name for column in columns])
    mixed = sorted({name for _, rows in read for name in rows.mixed})
    frame = pl.concat([_typed(rows, columns, mixed) for _, rows in read], how="vertical")
    return frame, _always(frame.collect_schema(), columns, mixed, options.key)


def _read(files: Sequence[Input], options: Options, scratch: Scratch) -> list[tuple[str, Rows]]:
    return [(file.name, read_rows(file.here(), options.as_read, scratch)) for file in files]


def _schemas(read: Sequence[tuple[str, Rows]]) -> list[tuple[str, tuple[Column, ...]]]:
    return [(name, _columns(rows)) for name, rows in read]


def _columns(rows: Rows) -> tuple[Column, ...]:
    schema = typed_schema(rows.frame, rows.mixed)
    return tuple(Column(name=name, type=type_word(dtype), nullable=True) for name, dtype in schema.items())


def _texts_somewhere(schemas: Sequence[Sequence[Column]]) -> set[str]:
    """Return the columns that are text in one file and something else in another."""
    words: dict[str, set[str]] = {}
    for columns in schemas:
        for column in columns:
            words.setdefault(column.name, set()).add(column.type)
    return {
        name for name, found in words.items() if "text" in found and any(joined("text", one) is None for one in found)
    }


def _typed(rows: Rows, columns: Sequence[Column], mixed: Sequence[str]) -> "pl.LazyFrame":
    held = typed_schema(rows.frame, rows.mixed)
    chosen = []
    for column in columns:
        value = from_text(column.name, rows.mixed[column.name]) if column.name in rows.mixed else pl.col(column.name)
        target = dtype_of(column.type)
        fits = target is None or held[column.name] == target
        chosen.append((value if fits or target is None else value.cast(target)).alias(column.name))
    texts = [
        (pl.col(name) if name in rows.mixed else pl.lit(None, pl.String)).alias(f"{_TEXT}{name}") for name in mixed
    ]
    return rows.frame.select(*chosen, *texts)


def _always(schema: "pl.Schema", columns: Sequence[Column], mixed: Sequence[str], key: Sequence[str]) -> "list[Caught]":
    found = [Caught("type", name, pl.col(name).is_null() & pl.col(f"{_TEXT}{name}").is_not_null()) for name in mixed]
    found += [
        Caught("finite", column.name, pl.col(column.name).is_infinite().fill_null(value=False))
        for column in columns
        if schema[column.name].is_float()
    ]
    if key:
        whole = pl.struct(list(key)) if len(key) > 1 else pl.col(key[0])
        missing = pl.any_horizontal([pl.col(name).is_null() for name in key])
        repeated = ~whole.is_first_distinct() & ~missing
        first = pl.col(key[0]).is_null()

        def marking(frame: "pl.LazyFrame", row: str, folder: Path | None) -> "pl.Expr":
            return first | mark_repeats(frame, key, row, folder).among(row)

        found.append(Caught("key", key[0], first | repeated, sees_other_rows=True, marking=marking))
        found += [Caught("key", name, pl.col(name).is_null()) for name in key[1:]]
    return found
