"""Data that must not be old."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.quality.finding import Decision
from tidemill.checks.quality.reading import as_moments
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem, Seen
from tidemill.core.lazy import lazy
from tidemill.core.moments import InvalidDuration, format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
else:
    pl = lazy("polars")


_LONGEST = timedelta(days=36_500)


class Fresh(Rule, frozen=True, kw_only=True):
    """The newest moment of a column is not long ago; moments without a zone are UTC, a day lasts until its end.

    What lies ahead of the clock tells nothing of freshness, and is passed over.

    Args:
        within: How long ago it may be.
    """

    word: ClassVar[str] = "fresh"

    within: timedelta

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "Fresh":
        """Return the rule that a duration orders.

        Raises:
            InvalidRule: If it is none.
        """
        hint = "Write how old the newest row may be, such as 2d or 12h."
        if not isinstance(value, str):
            raise problem.error(value, hint)
        try:
            within = parse_duration(value)
        except InvalidDuration as error:
            raise problem.error(value, hint) from error
        if not timedelta(0) < within <= _LONGEST:
            raise problem.error(value, hint)
        return cls(within=within)

    def facts(self, column: str, judged: Judged) -> "Sequence[pl.Expr]":
        """Return the newest moment that is not ahead."""
        moments = as_moments(column)
        now = judged.around.now.astimezone(UTC).replace(tzinfo=None)
        return (pl.when(moments <= now).then(moments).max(),)  # a filter would keep the column in memory

    def decide(self, column: str, judged: Judged, seen: Seen) -> Decision:
        """Return whether the newest moment is near enough; what is told does not change while it is."""
        newest = seen.facts[0]
        limit = format_duration(self.within)
        if not isinstance(newest, datetime):
            reason = f"No row of {column} holds a moment that has passed; the newest must be within {limit}."
            return Decision(holds=not seen.rows, reason=reason, threshold=f"within {limit}", by_rows=False)
        end = newest.replace(tzinfo=UTC) + (timedelta(days=1) if judged.schema[column] == pl.Date else timedelta())
        holds = end >= judged.around.now - self.within
        shown = f"{newest:%Y-%m-%d}" if judged.schema[column] == pl.Date else f"{newest:%Y-%m-%d %H:%M} UTC"
        reason = f"The newest {column} is {shown}"
        if not holds:
            reason += f", and may be {limit} old at {judged.around.now:%Y-%m-%d %H:%M} UTC"
        return Decision(holds=holds, reason=f"{reason}.", threshold=f"within {limit}", by_rows=False)

    def written(self) -> str:
        """Return the rule as a person writes it."""
        return f"fresh {format_duration(self.within)}"
