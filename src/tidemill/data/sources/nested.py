"""Columns that a table does not keep as they are: lists and records become JSON text, whole decimals integers."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import UnsupportedSource

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_WRAPPED = len('{"v":')


def flat_batches(frames: "Iterable[pl.DataFrame]", name: str) -> "Iterator[pl.DataFrame]":
    """Yield frames whose columns hold one value each.

    Args:
        frames: The frames, all of one schema.
        name: How messages call the table.

    Raises:
        UnsupportedSource: If a column cannot be kept.
    """
    conversions: list[pl.Expr] | None = None
    for frame in frames:
        if conversions is None:
            conversions = flat(frame.schema, name)
        yield frame.with_columns(conversions) if conversions else frame


def flat(schema: "pl.Schema", name: str) -> "list[pl.Expr]":
    """Return the conversions that a schema needs.

    Raises:
        UnsupportedSource: If a column cannot be kept.
    """
    return [
        found.alias(column) for column, dtype in schema.items() if (found := _flat(column, dtype, name)) is not None
    ]


def _flat(column: str, dtype: "pl.DataType", name: str) -> "pl.Expr | None":
    values = pl.col(column)
    if isinstance(dtype, pl.List | pl.Array | pl.Struct):
        if not _is_json(dtype):
            raise UnsupportedSource(
                f"Column {shown(column)} of {shown(name)} has the type {shown(str(dtype), 100)}, which no text holds",
                hint="Leave it out, or convert its inner bytes at the source.",
            )
        if isinstance(dtype, pl.Array):
            values = values.arr.to_list()
        wrapped = pl.struct(values.alias("v")).struct.json_encode().str.tail(-_WRAPPED).str.head(-1)
        return pl.when(pl.col(column).is_not_null()).then(wrapped)
    if isinstance(dtype, pl.Decimal) and not dtype.scale:
        return values.cast(pl.Int64)
    if isinstance(dtype, pl.Duration):
        return values.dt.total_microseconds() / 1_000_000
    if isinstance(dtype, pl.Int128 | pl.Object | pl.Unknown):
        raise UnsupportedSource(
            f"Column {shown(column)} of {shown(name)} has the type {dtype}", hint="Convert it to text at the source."
        )
    return None


def _is_json(dtype: "pl.DataType | pl.datatypes.DataTypeClass") -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _is_json(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(_is_json(field.dtype) for field in dtype.fields)
    return not isinstance(dtype, pl.Binary | pl.Object | pl.Unknown)
