"""Which columns of a table a person should look at first, since nobody looks at ten thousand."""

from typing import NamedTuple, Protocol


class Measured(Protocol):
    """What of a column is needed for that."""

    @property
    def rows(self) -> int:
        """Rows of the table."""

    @property
    def nulls(self) -> int:
        """Rows without a value."""

    @property
    def distinct(self) -> int | None:
        """Different values."""

    @property
    def skewness(self) -> float | None:
        """Third standardised moment."""

    @property
    def not_finite(self) -> int:
        """Rows that hold NaN or an infinity."""


class Interest(NamedTuple):
    """How much a column is worth a look, from 0 to 1, and why."""

    score: float
    why: str


_SKEWED = 2.0
"""From this skewness on; an exponential distribution has it."""


def interest(column: Measured) -> Interest:
    """Return how much a column is worth a look: it holds nothing, one value, no numbers, few values, a long tail."""
    if not column.rows:
        return Interest(0.0, "")
    if column.nulls == column.rows:
        return Interest(1.0, "no values")
    if column.distinct == 1:
        return Interest(0.95, "one value")
    if column.not_finite:
        return Interest(0.9, "not finite")
    missing = column.nulls / column.rows
    found = Interest(0.1 + 0.7 * missing, "nulls") if missing else Interest(0.0, "")
    skewness = abs(column.skewness or 0.0)
    if skewness > _SKEWED:
        found = max(found, Interest(0.1 + 0.6 * (1 - _SKEWED / skewness), "skewed"))
    return found
