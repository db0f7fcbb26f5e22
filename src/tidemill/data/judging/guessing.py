"""Guesses of rules from a column's profile; each is tried on the rows before anybody sees it."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tidemill.checks.drift.reference import CategoryReference
from tidemill.checks.quality.expression.tokens import WORDS
from tidemill.checks.quality.finding import Finding, Severity
from tidemill.checks.quality.rule import TABLE
from tidemill.core.lazy import lazy
from tidemill.core.moments import format_duration
from tidemill.data.judging.records import Suggestion
from tidemill.data.profile.records import ColumnProfile
from tidemill.data.records import DatasetVersion

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

MOST_COLUMNS = 2_000
_MOST_VALUES = 25
_ROWS_A_VALUE = 20
_LONGEST_VALUE = 80
_LEAST_UNIQUE = 100
_NEARLY = 0.9
_DENSE = 100
_MOST_MOMENTS = 8
_LEAST_PAIRS = 50
_FRESH = timedelta(days=30)
_WORDS = {"text": "text", "bool": "boolean", "date": "date", "datetime": "time", "datetime_utc": "time"}


def guess_column(column: ColumnProfile, version: DatasetVersion) -> list[Suggestion]:
    """Return what a column's profile lets one guess."""
    known = column.rows - column.nulls
    if not known:
        return []
    found = [*_type(column), *_nulls(column)]
    if _is_unique(column, known):
        evidence = f"no value occurs twice in {known:,} rows"
        found.append(Suggestion(column=column.name, rule="unique", value=True, evidence=evidence))
    found += _values(column, known) or _range(column)
    return found + (_freshness(column, version) if column.name == version.time else [])


def _type(column: ColumnProfile) -> list[Suggestion]:
    number = "integer" if column.type.startswith(("int", "uint")) else "number"
    word = number if column.type.startswith(("int", "uint", "float")) else _WORDS.get(column.type)
    if word is None:
        return []
    evidence = f"all {column.rows - column.nulls:,} values"
    return [Suggestion(column=column.name, rule="type", value=word, evidence=evidence)]


def _nulls(column: ColumnProfile) -> list[Suggestion]:
    if not column.nulls:
        evidence = f"0 of {column.rows:,} rows are null"
        return [Suggestion(column=column.name, rule="nulls", value="never", evidence=evidence)]
    share = column.nulls / column.rows
    bound = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75) if 1.5 * share < step), None)
    if bound is None:
        return []
    evidence = f"{column.nulls:,} of {column.rows:,} rows are null ({share:.2%})"
    return [Suggestion(column=column.name, rule="nulls", value=f"< {100 * bound:g}%", evidence=evidence)]


def _is_unique(column: ColumnProfile, known: int) -> bool:
    """Return whether the values may all differ; measurements that happen to are no key."""
    if known < _LEAST_UNIQUE or column.distinct is None or not column.type.startswith(("int", "uint", "text")):
        return False
    return column.distinct == known if column.is_distinct_exact else column.distinct >= _NEARLY * known


def _values(column: ColumnProfile, known: int) -> list[Suggestion]:
    bins = column.bins
    if column.type != "text" or not isinstance(bins, CategoryReference) or bins.other:
        return []
    fits = 1 < len(bins.values) <= _MOST_VALUES and known >= _ROWS_A_VALUE * len(bins.values)
    if not fits or column.distinct != len(bins.values) or any(len(value) > _LONGEST_VALUE for value in bins.values):
        return []
    evidence = f"{len(bins.values)} values cover all {known:,} rows{' that have one' if column.nulls else ''}"
    return [Suggestion(column=column.name, rule="in", value=[*sorted(bins.values)], evidence=evidence)]


def _range(column: ColumnProfile) -> list[Suggestion]:
    if column.low is None or column.high is None or column.type == "bool":
        return []
    if column.is_moment:
        first = str(column.low)[: len("2013-01-01")]
        evidence = f"from {_spoken(column.low)} to {_spoken(column.high)}"
        return [Suggestion(column=column.name, rule="between", value=[first, None], evidence=evidence)]
    if isinstance(column.low, str) or isinstance(column.high, str):
        return []
    low, high = column.low, column.high
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        return []
    evidence = f"from {low:,} to {high:,}"
    width = high - low + 1
    if column.type.startswith(("int", "uint")) and column.is_distinct_exact and column.distinct == width <= _DENSE:
        evidence = f"each whole number from {low:,} to {high:,} occurs"
        return [Suggestion(column=column.name, rule="between", value=[low, high], evidence=evidence)]
    ends = [0 if low >= 0 else -_round_up(-low), _round_up(high) if high > 0 else 0]
    return [Suggestion(column=column.name, rule="between", value=list(ends), evidence=evidence)]


def _round_up(value: float) -> int | float:
    """Return the least of 1, 2, 5, 10, ... that is larger by a little at least, so that new rows have room."""
    if value <= 0:
        return 0
    power = math.floor(math.log10(value))
    for step in (1, 2, 5, 10, 20):
        rounded = step * 10.0**power
        if not math.isfinite(rounded):
            return value  # no number is larger
        if rounded >= 1.1 * value:
            return int(rounded) if rounded >= 1 else float(f"{rounded:.6g}")
    return float(f"{2 * value:.3g}")


def _freshness(column: ColumnProfile, version: DatasetVersion) -> list[Suggestion]:
    if not column.is_moment or not isinstance(column.high, str):
        return []
    newest = datetime.fromisoformat(column.high)
    age = version.created_at - (newest if newest.tzinfo else newest.replace(tzinfo=UTC))
    if not timedelta(0) <= age <= _FRESH:
        return []
    within = timedelta(days=max(1, math.ceil(2 * age / timedelta(days=1))))
    evidence = f"the newest row was {format_duration(age)} old when {version.ref} was made"
    return [
        Suggestion(column=column.name, rule="fresh", value=f"{within.days}d", severity=Severity.WARN, evidence=evidence)
    ]


def guess_pairs(columns: Sequence[ColumnProfile], near: "pl.DataFrame") -> list[Suggestion]:
    """Return which moments never come before which others, as far as some rows tell.

    Args:
        columns: The columns.
        near: Some rows.
    """
    names = [column.name for column in columns if column.is_moment and column.nulls < column.rows][:_MOST_MOMENTS]
    found = []
    for at, first in enumerate(names):
        for second in names[at + 1 :]:
            both = near.select(a=pl.col(first).dt.epoch("us"), b=pl.col(second).dt.epoch("us")).drop_nulls()
            for later, earlier, in_order in (
                (second, first, both["b"] >= both["a"]),
                (first, second, both["a"] >= both["b"]),
            ):
                if len(both) >= _LEAST_PAIRS and in_order.all() and (both["a"] != both["b"]).any():
                    condition = f"{name_of(later)} >= {name_of(earlier)}"
                    evidence = "holds in every row that has both"
                    found.append(Suggestion(column="", rule="expect", value=condition, evidence=evidence))
    return found


def name_of(column: str) -> str:
    """Return a column as a condition names it."""
    plain = column.isidentifier() and column.lower() not in WORDS
    return column if plain else "`" + column.replace("`", "``") + "`"


def quoted(column: str) -> str:
    """Return a column as the rules name it, `table` for the table."""
    if not column:
        return TABLE
    return f"`{column}`" if column == TABLE or (len(column) > 2 and column[0] == column[-1] == "`") else column


def key_of(one: Finding) -> tuple[str, str]:
    """Return what tells a finding from others."""
    return one.rule, one.column


def _spoken(value: float | str) -> str:
    return str(value)[:16].replace("T", " ")
