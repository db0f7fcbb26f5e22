"""Types of text columns that come from files which know types, and of columns whose values are of several."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import MixedTypes, UnknownColumn
from tidemill.data.quoting import personal_kinds, quoted
from tidemill.data.types import Reading, check_asked, from_text, settle, tally

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_ROW = "_source_row"


def asked_types(types: Mapping[str, str], columns: Collection[str], name: str) -> dict[str, str]:
    """Return the types that a person ordered, if the columns are there.

    Raises:
        UnknownColumn: If one is not.
    """
    asked = check_asked(types)
    for column in asked:
        if column not in columns:
            raise UnknownColumn(f"{shown(name)} has no column {shown(column)}", hint=did_you_mean(column, columns))
    return asked


def find_readings(
    frame: "pl.LazyFrame", texts: Collection[str], several: Collection[str], asked: Mapping[str, str]
) -> dict[str, Reading]:
    """Return how columns of text are read, where that is not as text.

    Args:
        frame: The rows.
        texts: Columns in which every value was a text: dates and moments are found, numbers in quotes stay text.
        several: Columns whose values were of several types: found as in a CSV file.
        asked: Types that a person ordered.
    """
    wanted = [column for column in (*texts, *several) if asked.get(column) != "text"]
    readings = {}
    for column, counts in tally(frame, wanted).items():
        if column in several or column in asked:
            found = settle(counts, asked.get(column))
        else:
            is_moment = bool(counts.format) and counts.as_moment == counts.present
            found = Reading(counts.best[1], counts.format) if is_moment else Reading("text")
        if found.type not in {"text", "null"}:
            readings[column] = replace(found, texts=True)
    return readings


def refuse_mixed(frame: "pl.LazyFrame", readings: Mapping[str, Reading], name: str) -> None:
    """Raise for the first value that does not fit its column.

    Raises:
        MixedTypes: If a column is mixed.
    """
    for column, reading in readings.items():
        if not reading.is_mixed:
            continue
        fits = from_text(column, replace(reading, texts=True)).is_not_null()
        strays = frame.with_row_index(_ROW, offset=1).filter(pl.col(column).is_not_null() & ~fits)
        row, value = strays.select(_ROW, column).head(1).collect(engine="streaming").row(0)
        value = quoted(value, column, personal_kinds(frame, [column]).get(column, ()))
        raise MixedTypes(
            f"Column {shown(column)} of {shown(name)} holds {reading.type}, but row {row} has {shown(str(value))}",
            where=f"{name}, row {row}, column {column}",
            hint=f"Correct it, quarantine bad rows, or take the column as text: --type {column}=text.",
            details={"column": column, "row": row, "value": value, "type": reading.type},
        )


def converted(frame: "pl.LazyFrame", readings: Mapping[str, Reading]) -> "pl.LazyFrame":
    """Return the rows with the columns converted that are not mixed."""
    plain = {column: reading for column, reading in readings.items() if not reading.is_mixed}
    return frame.with_columns(from_text(column, reading).alias(column) for column, reading in plain.items())
