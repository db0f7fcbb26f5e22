"""The types of columns: their words, how they are found in text, and which of them fit together."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

MISSING = ("NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan")
"""Words that stand for a missing value in text files, beside the empty field."""

ASKED = {"text": "text", "int": "int64", "float": "float64", "bool": "bool", "date": "date", "datetime": "datetime"}
"""Types that a person may order for a column of a text file."""

_ZONE = "%#z"
_DATES = {
    r"\d{4}-\d{1,2}-\d{1,2}": "%Y-%m-%d",
    r"\d{4}/\d{1,2}/\d{1,2}": "%Y/%m/%d",
    r"\d{1,2}\.\d{1,2}\.\d{4}": "%d.%m.%Y",
}
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ])\d{2}:\d{2}(:\d{2})?(\.\d+)?(Z|[+-]\d{2}:?\d{2})?")
_MOSTLY = 0.8
_WHOLE = 2**53
_AT_ONCE = 20_000  # expressions of one query, which take memory each


@dataclass(frozen=True, slots=True)
class Reading:
    """How one column of a text file is read.

    Args:
        type: The word of the type it becomes.
        format: How its dates or moments are written.
        texts: Whether it is taken as text and converted then, because not every value converts or some have blanks
            around them.
        is_mixed: Whether some values do not convert.
    """

    type: str
    format: str | None = None
    texts: bool = False
    is_mixed: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How many values of a column of text could be of each type."""

    present: int
    as_int: int
    as_float: int
    as_bool: int = 0
    as_moment: int = 0
    format: str | None = None

    @property
    def best(self) -> tuple[int, str]:
        """How many values convert to the type that most convert to, and which that is."""
        moment = "date"
        if self.format and "%H" in self.format:
            moment = "datetime_utc" if is_zoned(self.format) else "datetime"
        return max((self.as_float, "float64"), (self.as_bool, "bool"), (self.as_moment, moment))


def type_word(dtype: "pl.DataType") -> str:
    """Return the word for a Polars type: `int64`, `float64`, `bool`, `text`, `date`, `datetime`, `datetime_utc`, ..."""
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if isinstance(dtype, pl.Boolean):
        return "bool"
    if isinstance(dtype, pl.Datetime):
        return "datetime_utc" if dtype.time_zone else "datetime"
    return str(dtype).partition("(")[0].lower() if not isinstance(dtype, pl.Decimal) else "decimal"


def dtype_of(word: str) -> "pl.DataType | None":
    """Return the Polars type of a simple type's word, None for the others."""
    simple: dict[str, pl.DataType] = {
        "text": pl.String(),
        "bool": pl.Boolean(),
        "date": pl.Date(),
        "datetime": pl.Datetime("us"),
        "datetime_utc": pl.Datetime("us", "UTC"),
        "null": pl.Null(),
        "float32": pl.Float32(),
        "float64": pl.Float64(),
        "time": pl.Time(),
        "binary": pl.Binary(),
    }
    numbers = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
    return simple.get(word) or next((kind() for kind in numbers if kind.__name__.lower() == word), None)


def as_text(column: str, dtype: "pl.DataType") -> "pl.Expr":
    """Return a column of any type as text, the same for equal numbers of unlike types."""
    values = pl.col(column)
    if dtype.is_float():
        is_whole = (values == values.round(0)) & (values.abs() < _WHOLE)
        return (
            pl.when(is_whole)
            .then(values.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(values.cast(pl.String))
        )
    if dtype.is_decimal():
        return values.cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".")
    if dtype == pl.Binary:
        return values.bin.encode("hex")
    if dtype.is_nested() or dtype == pl.Duration:
        return values.map_batches(_written_out, return_dtype=pl.String, is_elementwise=True)
    return values.cast(pl.String)


def _written_out(values: "pl.Series") -> "pl.Series":
    return pl.Series([None if value is None else _json(value) for value in values.to_list()], dtype=pl.String)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)


def joined(first: str, second: str) -> str | None:
    """Return the type that holds the values of both, None when there is none short of text."""
    if second in {first, "null"}:
        return first
    if first == "null":
        return second
    numbers = [word for word in (first, second) if word.startswith(("int", "uint", "float"))]
    if len(numbers) == 2:
        return "float64" if any(word.startswith("float") for word in numbers) else "int64"
    if {first, second} == {"date", "datetime"}:
        return "datetime"
    return None


def check_asked(types: Mapping[str, str]) -> dict[str, str]:
    """Return the types that a person orders, in the words of schemas.

    Raises:
        InvalidOption: If one is no type.
    """
    for column, word in types.items():
        if word not in ASKED and word not in ASKED.values() and word != "datetime_utc":
            raise InvalidOption(f"{shown(word)} is no type for {shown(column)}", hint=did_you_mean(word, ASKED))
    return {column: ASKED.get(word, word) for column, word in types.items()}


def tally(frame: "pl.LazyFrame | pl.DataFrame", columns: Iterable[str], *, narrow: bool = False) -> dict[str, Tally]:
    """Count, over all rows, how many values of columns of text could be of each type.

    Args:
        frame: The columns of text.
        columns: Which of them.
        narrow: Whether moments must be written exactly like the first one: with `Z`, without parts of a second.
            Such moments are read several times faster.
    """
    names = list(columns)
    if not names:
        return {}
    lazy_frame = frame.lazy().select(pl.col(names).str.strip_chars())
    counts = _first_row(
        lazy_frame,
        [
            *(pl.col(name).count().alias(f"n{i}") for i, name in enumerate(names)),
            *(pl.col(name).cast(pl.Int64, strict=False).count().alias(f"i{i}") for i, name in enumerate(names)),
            *(pl.col(name).cast(pl.Float64, strict=False).count().alias(f"f{i}") for i, name in enumerate(names)),
            *(pl.col(name).drop_nulls().first().alias(f"v{i}") for i, name in enumerate(names)),
        ],
    )
    found = {}
    others = {}
    for i, name in enumerate(names):
        found[name] = Tally(int(counts[f"n{i}"] or 0), int(counts[f"i{i}"] or 0), int(counts[f"f{i}"] or 0))
        if found[name].present and not found[name].as_float:
            others[name] = format_of(str(counts[f"v{i}"]), narrow=narrow)
    if others:
        found |= _tally_others(lazy_frame, others, found)
    return found


def _first_row(frame: "pl.LazyFrame", expressions: "Sequence[pl.Expr]") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for start in range(0, len(expressions), _AT_ONCE):
        asked = frame.select(expressions[start : start + _AT_ONCE])
        found |= asked.collect(engine="streaming").row(0, named=True)
    return found


def _tally_others(
    frame: "pl.LazyFrame", formats: Mapping[str, str | None], found: Mapping[str, Tally]
) -> dict[str, Tally]:
    expressions = []
    for i, (name, form) in enumerate(formats.items()):
        if form:
            expressions.append(
                from_text(name, Reading("date" if "%H" not in form else "datetime", form)).count().alias(f"m{i}")
            )
        expressions.append(pl.col(name).str.to_lowercase().is_in(["true", "false"]).sum().alias(f"b{i}"))
    counts = _first_row(frame, expressions)
    return {
        name: Tally(found[name].present, 0, 0, int(counts[f"b{i}"] or 0), int(counts.get(f"m{i}") or 0), form)
        for i, (name, form) in enumerate(formats.items())
    }


def format_of(value: str, *, narrow: bool = False) -> str | None:
    """Return how a date or a moment is written, None when the text is neither.

    Args:
        value: The text.
        narrow: Whether the format fits only what is written exactly alike.
    """
    for pattern, form in _DATES.items():
        if re.fullmatch(pattern, value):
            return form
    match = _MOMENT.fullmatch(value)
    if not match:
        return None
    seconds = (":%S" if narrow and not match[3] else ":%S%.f") if match[2] else ""
    zone = ("Z" if narrow and match[4] == "Z" else _ZONE) if match[4] else ""
    return f"%Y-%m-%d{match[1]}%H:%M{seconds}{zone}"


def is_zoned(form: str) -> bool:
    """Return whether moments of a format say their zone."""
    return form.endswith(("Z", _ZONE))


def choose(counts: Tally) -> Reading:
    """Return how a column is read, given all its values.

    A column is mixed when most of its values, four of five, are of one type and some are not; with a smaller share
    it is text.
    """
    if not counts.present:
        return Reading("null")
    if counts.as_int == counts.present:
        return Reading("int64")
    best, word = counts.best
    if best == counts.present:
        return Reading(word, counts.format if word.startswith("date") else None)
    if best >= _MOSTLY * counts.present or (best >= 2 and best == counts.present - 1):
        if word == "float64" and counts.as_int == counts.as_float:
            word = "int64"
        return Reading(word, counts.format if word.startswith("date") else None, texts=True, is_mixed=True)
    return Reading("text")


def settle(counts: Tally, asked: str | None) -> Reading:
    """Return how a column is read, given all its values and the type that a person ordered, if any."""
    if asked is None:
        return choose(counts)
    if asked == "text" or not counts.present:
        return Reading(asked)
    fitting = {"int64": counts.as_int, "float64": counts.as_float, "bool": counts.as_bool}.get(asked, counts.as_moment)
    form = counts.format if asked.startswith("date") else None
    return Reading(asked, form, texts=fitting < counts.present, is_mixed=fitting < counts.present)


def from_text(name: str, reading: Reading, *, strict: bool = False) -> "pl.Expr":  # noqa: PLR0911 - one a type
    """Return the expression that converts a column of text.

    Args:
        name: The column.
        reading: What it becomes.
        strict: Whether a value that does not convert is an error; else it becomes null, and blanks around values
            are dropped first.
    """
    column = pl.col(name) if strict else pl.col(name).str.strip_chars()
    match reading.type:
        case "int64":
            return column.cast(pl.Int64, strict=strict)
        case "float64":
            return column.cast(pl.Float64, strict=strict)
        case "bool":
            lower = column.str.to_lowercase()
            return pl.when(lower.is_in(["true", "false"])).then(lower == "true")
        case "date" if reading.format:
            return column.str.to_date(reading.format, strict=strict)
        case "datetime" | "datetime_utc" if reading.format:
            zone = "UTC" if is_zoned(reading.format) else None
            return column.str.to_datetime(reading.format, time_unit="us", time_zone=zone, strict=strict)
        case "date" | "datetime" | "datetime_utc":
            return pl.when(pl.lit(value=False)).then(pl.lit(None, dtype_of(reading.type)))
        case _:
            return pl.col(name)
