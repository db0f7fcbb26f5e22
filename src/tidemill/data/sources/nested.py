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
    found = (
        (column, _flat(pl.col(column), dtype, f"{shown(column)} of {shown(name)}")) for column, dtype in schema.items()
    )
    return [values.alias(column) for column, values in found if values is not None]


def _flat(values: "pl.Expr", dtype: "pl.DataType | pl.datatypes.DataTypeClass", name: str) -> "pl.Expr | None":
    if isinstance(dtype, pl.BaseExtension):  # what a driver calls its own types, such as `google:sqlType:datetime`
        plain = values.ext.storage()
        inner = _flat(plain, dtype.ext_storage(), name)
        return plain if inner is None else inner
    if isinstance(dtype, pl.List | pl.Array | pl.Struct):
        if not _is_json(dtype):
            raise UnsupportedSource(
                f"Column {name} has the type {shown(str(dtype), 100)}, which no text holds",
                hint="Leave it out, or convert its inner bytes at the source.",
            )
        lists = values.arr.to_list() if isinstance(dtype, pl.Array) else values
        wrapped = pl.struct(lists.alias("v")).struct.json_encode().str.tail(-_WRAPPED).str.head(-1)
        return pl.when(values.is_not_null()).then(wrapped)
    if isinstance(dtype, pl.Decimal) and not dtype.scale:
        return values.cast(pl.Int64)
    if isinstance(dtype, pl.Duration):
        return values.dt.total_microseconds() / 1_000_000
    if isinstance(dtype, pl.Int128 | pl.Object | pl.Unknown):
        raise UnsupportedSource(f"Column {name} has the type {dtype}", hint="Convert it to text at the source.")
    return None


def _is_json(dtype: "pl.DataType | pl.datatypes.DataTypeClass") -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _is_json(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(_is_json(field.dtype) for field in dtype.fields)
    return not isinstance(dtype, pl.Binary | pl.Object | pl.Unknown)
