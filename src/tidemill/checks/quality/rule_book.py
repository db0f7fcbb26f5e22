"""All rules of a table, kept and judged together."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.errors import ColumnMissing
from tidemill.checks.outcome import EXACT, Outcome, Verdict, table
from tidemill.checks.quality.missing_values import Nulls
from tidemill.checks.quality.reading import is_missing
from tidemill.checks.quality.rule import Rule, count_bad
from tidemill.checks.quality.schema import Type, is_of_type, type_word
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class ColumnRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of one column.

    Args:
        column: The column.
        rule: What must hold of it.
        is_optional: Whether the table may lack the column.
    """

    column: str
    rule: Rule
    is_optional: bool = False


class RuleBook:
    """The rules of a table.

    Args:
        rules: In the order in which they were written.
    """

    def __init__(self, rules: Iterable[ColumnRule]) -> None:
        self.rules = tuple(rules)

    def row_masks(self, columns: Sequence[str]) -> "list[tuple[str, str, pl.Expr]]":
        """Return, for each rule that judges rows, its word, its column and an expression that is true for bad rows.

        The expressions are false and never null for other rows, and can be evaluated together in one pass.

        Args:
            columns: The columns of the table.

        Raises:
            ColumnMissing: If the table lacks a column that is not optional.
        """
        found: list[tuple[str, str, pl.Expr]] = []
        for one in self._present(columns):
            mask = one.rule.mask(one.column)
            if mask is not None:
                found.append((one.rule.word, one.column, mask))
        return found

    def judge(self, frame: "pl.DataFrame | pl.LazyFrame") -> list[Outcome]:
        """Return what the rules find in a whole table, one outcome a rule, in one pass over it.

        An empty table breaks no rule.

        Raises:
            ColumnMissing: If the table lacks a column that is not optional.
        """
        schema = frame.collect_schema()
        rules = list(self._present(schema.names()))
        masks = [(one.column, _counted(one)) for one in rules]
        counts, rows, first = count_bad(frame, masks)
        return [
            _outcome(one, schema[one.column], count, rows, where)
            for one, count, where in zip(rules, counts, first, strict=True)
        ]

    def _present(self, columns: Sequence[str]) -> Iterable[ColumnRule]:
        known = set(columns)
        for one in self.rules:
            if one.column in known:
                yield one
            elif not one.is_optional:
                raise ColumnMissing(
                    f"There is a rule for column {shown(one.column)}, and the table has no such column",
                    hint=f"{did_you_mean(one.column, columns)} Or add `optional: true` to its rules.",
                    where=f"rules.{one.column}",
                )


def _counted(one: ColumnRule) -> "pl.Expr | None":
    """Return which rows are counted: the bad ones, or the missing ones for a share of them."""
    return is_missing(one.column) if isinstance(one.rule, Nulls) else one.rule.mask(one.column)


def _is_other(dtype: "pl.DataType", word: str, count: int) -> bool:
    """Return whether a column as a whole is of another type; text may hold any, and its rows were judged."""
    if type_word(dtype) == "text" or is_of_type(dtype, word):
        return False
    return not (word == "integer" and dtype.is_numeric() and count == 0)


def _outcome(one: ColumnRule, dtype: "pl.DataType", count: int, rows: int, first: Sequence[int]) -> Outcome:
    share = count / rows if rows else 0.0
    holds, threshold, reason = count == 0, "<= 0", f"{count} of {rows} rows of {one.column} break {one.rule.written()}."
    if isinstance(one.rule, Nulls):
        reason = f"{count} of {rows} values of {one.column} are missing."
        if one.rule.bound:
            holds, threshold = not rows or one.rule.bound.holds(share), str(one.rule.bound)
    elif isinstance(one.rule, Type) and _is_other(dtype, one.rule.type, count):
        holds, reason = False, f"{one.column} should be {one.rule.type} and is {type_word(dtype)}."
    return Outcome(
        check=f"{one.rule.word}({one.column})",
        verdict=Verdict.PASS if holds else Verdict.FAIL,
        value=share,
        threshold=threshold,
        reason=reason,
        error_rate=EXACT,
        table=table(("row",), [(row,) for row in first]),
    )
