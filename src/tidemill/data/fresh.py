"""Incremental ingestion: which rows of a file the version before does not hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, UnknownColumn
from tidemill.data.reading import Reader
from tidemill.data.records import DatasetVersion
from tidemill.data.types import dtype_of, joined, type_word

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Which rows are new: those beyond the highest value of a column, or those whose key is absent.

    Args:
        column: The column.
        base: The version that they are compared with, such as `flights@3`; empty when there is none.
        type: The type of the column there.
        after: The highest value there, where rows are in its order.
        held: The keys there, where the column is the key.
        is_key: Whether the column is the key, which needs no order.
    """

    column: str
    base: str = ""
    type: str = ""
    after: "date | datetime | float | None" = None
    held: "pl.LazyFrame | None" = None
    is_key: bool = False

    @property
    def since(self) -> str | None:
        """The highest value that is held, as text."""
        if self.after is None:
            return None
        return self.after.isoformat() if isinstance(self.after, date) else str(self.after)

    def only(self, rows: "pl.LazyFrame", name: str) -> "pl.LazyFrame":
        """Return the rows that are new, in their order; those without a value are not.

        Args:
            rows: All rows of a file.
            name: How messages call the file.

        Raises:
            UnknownColumn: If they lack the column.
            InvalidOption: If it has no order, or another type than before.
        """
        schema = rows.collect_schema()
        if self.column not in schema:
            raise UnknownColumn(
                f"{shown(name)} has no column {shown(self.column)}", hint=did_you_mean(self.column, list(schema))
            )
        dtype = schema[self.column]
        if self.base and joined(self.type, type_word(dtype)) is None:
            raise InvalidOption(
                f"Column {shown(self.column)} is {type_word(dtype)} in {shown(name)}, and {self.type} in {self.base}",
                hint=f"Order its type: --type {self.column}=TYPE.",
            )
        if self.held is not None:
            form = dtype_of(joined(self.type, type_word(dtype)) or self.type)
            mine = pl.col(self.column).cast(form) if form else pl.col(self.column)
            held = self.held.with_columns(mine).rename({self.column: "_tidemill_held"})
            return rows.join(held, left_on=mine, right_on="_tidemill_held", how="anti", maintain_order="left")
        if not self.is_key:
            _check_order(self.column, dtype)
        return rows if self.after is None else rows.filter(pl.col(self.column) > pl.lit(self.after))


def find_fresh(reader: Reader, column: str, key: Sequence[str], base: DatasetVersion | None) -> Fresh:
    """Return which rows are new to a version.

    Args:
        reader: Reads its rows.
        column: The column that tells: the key, or else one by which rows come.
        key: Columns that together name a row.
        base: The version; None for the first.
    """
    is_key = tuple(key) == (column,)
    if base is None:
        return Fresh(column=column, is_key=is_key)
    types = {each.name: each.type for each in base.columns}
    if column not in types:
        raise UnknownColumn(f"{base.ref} has no column {shown(column)}", hint=did_you_mean(column, list(types)))
    frame = reader.scan(base)
    if is_key:
        return Fresh(column=column, base=base.ref, type=types[column], held=frame.select(column), is_key=True)
    dtype = frame.collect_schema()[column]
    _check_order(column, dtype)
    seen = [frame]
    for part in base.parts:
        if part.quarantine_digest:
            # Rows that were put aside were read too: they are not to come again. But where the value itself is what
            # is wrong, such as a date in the year 9999, all rows after it would be taken for old.
            is_wrong = pl.col("_rules").str.contains(f"({column})", literal=True)
            seen.append(reader.scan_objects([part.quarantine_digest]).filter(~is_wrong))
    highest = [each.select(pl.col(column).cast(dtype, strict=False).max()).collect().item() for each in seen]
    after = max((value for value in highest if value is not None), default=None)
    return Fresh(column=column, base=base.ref, type=types[column], after=after)


def _check_order(column: str, dtype: "pl.DataType") -> None:
    if not (dtype.is_numeric() or isinstance(dtype, pl.Date | pl.Datetime | pl.Null)):
        raise InvalidOption(
            f"Rows have no order by {shown(column)}, which is {type_word(dtype)}",
            hint="Name a number, a date or a moment, or the key.",
        )
