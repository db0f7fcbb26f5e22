"""What a check says: a verdict, a number with its interval, and why."""

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

Cell = str | int | float | bool | None


class Verdict(StrEnum):
    """What follows from a check, from good to bad."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Where the true value lies.

    Args:
        low: Lower end, None when it has none.
        high: Upper end, None when it has none.
        confidence: The share of such intervals that hold the true value, such as 0.95.
    """

    low: float | None
    high: float | None
    confidence: float

    def holds(self, value: float) -> bool:
        """Return whether a value lies inside."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)

    @property
    def width(self) -> float:
        """How far its ends are apart; infinite when it lacks one."""
        return math.inf if self.low is None or self.high is None else self.high - self.low


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The details of an outcome, ready to be shown: a header and rows of plain cells."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found.

    Args:
        check: The check's name.
        verdict: What follows from it.
        value: The number that was judged; None when there is none.
        interval: Where the true number lies; None when the number is exact.
        threshold: What it was held against, such as `>= 0.6`.
        reason: One sentence for a person.
        error_rate: Which error is controlled and how often it may happen.
        table: Details by column, row, group or bin.
    """

    check: str
    verdict: Verdict
    value: float | None = None
    interval: Interval | None = None
    threshold: str = ""
    reason: str
    error_rate: str
    table: Table = Table()


EXACT = "none: every row was counted"
"""The error rate of a check that looks at all rows and infers nothing."""

_ORDER = list(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: fail, then inconclusive, then warn; pass when there is none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.PASS)


def finite(value: float) -> float | None:
    """Return the number, or None where JSON has no word for it (NaN and infinity)."""
    number = float(value)
    return number if math.isfinite(number) else None


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """Return a table whose cells JSON can carry."""
    plain = tuple(tuple(finite(cell) if isinstance(cell, float) else cell for cell in row) for row in rows)
    return Table(columns=tuple(columns), rows=plain)


def inconclusive(check: str, reason: str) -> Outcome:
    """Return the outcome of a check that could not decide."""
    return Outcome(
        check=check, verdict=Verdict.INCONCLUSIVE, reason=reason, error_rate="none: nothing was decided", table=Table()
    )
