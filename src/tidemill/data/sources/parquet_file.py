"""Parquet files: read lazily, their types brought to the ones that versions hold."""

from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import EmptySource, InvalidColumns, MalformedTable, UnsupportedSource
from tidemill.data.quoting import told
from tidemill.data.sources.dialect import check_columns
from tidemill.data.sources.parquet_shape import check_shape

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

MAGIC = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet files do."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def scan_parquet(path: Path, name: str) -> "pl.LazyFrame":
    """Return a Parquet file in plain types.

    Categories become text, NaN becomes null, zoned moments become UTC.

    Raises:
        MalformedTable: If it is truncated or damaged.
        SourceTooLarge: If it would take far more memory than it has bytes.
        InvalidColumns: If a column's name cannot be used.
        EmptySource: If it has no rows or no columns.
        UnsupportedSource: If a column has a type that is not kept.
    """
    with path.open("rb") as file:
        check_shape(file, name)
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        rows = frame.select(pl.len()).collect().item()
    except pl.exceptions.DuplicateError as error:
        raise InvalidColumns(
            f"{shown(name)} has two columns of one name", where=name, hint="Rename one of them in the source."
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(name, error) from error
    if not rows or not schema:
        raise EmptySource(f"{shown(name)} has no rows", where=name, hint="Look at how the file was exported.")
    return in_plain_types(frame, name)


def in_plain_types(frame: "pl.LazyFrame", name: str) -> "pl.LazyFrame":
    """Return rows in the types that versions hold.

    Raises:
        InvalidColumns: If a column's name cannot be used.
        UnsupportedSource: If a column has a type that is not kept.
    """
    schema = frame.collect_schema()
    check_columns(list(schema), name)
    return frame.with_columns(
        conversion.alias(column)
        for column, dtype in schema.items()
        if (conversion := _plain(column, dtype, name)) is not None
    )


def _plain(column: str, dtype: "pl.DataType", name: str) -> "pl.Expr | None":
    values = pl.col(column)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return values.cast(pl.String)
    if isinstance(dtype, pl.Float32 | pl.Float64):
        return values.fill_nan(None)
    if isinstance(dtype, pl.Datetime) and (dtype.time_unit != "us" or dtype.time_zone not in {None, "UTC"}):
        zone = "UTC" if dtype.time_zone else None
        moved = values.dt.convert_time_zone("UTC") if zone else values
        return moved.cast(pl.Datetime("us", zone))
    if isinstance(dtype, pl.Object | pl.Unknown):
        raise UnsupportedSource(
            f"Column {shown(column)} of {shown(name)} has the type {dtype}",
            hint="Export it as numbers, text or moments.",
        )
    return None


def damaged(name: str, error: Exception) -> MalformedTable:
    """Return the error for a Parquet file that cannot be read."""
    first = str(error).partition("\n")[0].removeprefix("parquet: ")
    return MalformedTable(
        f"{shown(name)} is truncated or damaged: {told(first)}", where=name, hint="Fetch it again and compare its size."
    )
