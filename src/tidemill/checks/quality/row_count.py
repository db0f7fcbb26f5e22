"""How many rows a table has."""

from collections.abc import Mapping
from typing import ClassVar

from tidemill.checks.bounds import Bound, parse_bound
from tidemill.checks.errors import InvalidBound
from tidemill.checks.quality.finding import Decision
from tidemill.checks.quality.rule import Judged, Rule, RuleProblem, Seen

_HINT = "Write {between: [1000, null]}, {change: '< 30%'}, or both."


class RowCount(Rule, frozen=True, kw_only=True):
    """The number of rows lies between two ends, and is near that of the version before.

    Args:
        low: The fewest rows.
        high: The most rows.
        change: The bound of the change, up or down, as a share of the rows before.
    """

    word: ClassVar[str] = "rows"
    fits_nested: ClassVar[bool] = True

    low: int | None = None
    high: int | None = None
    change: Bound | None = None

    @classmethod
    def parse(cls, value: object, problem: RuleProblem) -> "RowCount":
        """Return the rule that ends, a bound of change, or both order.

        Raises:
            InvalidRule: If it orders none.
        """
        if not isinstance(value, Mapping) or not value or not set(value) <= {"between", "change"}:
            raise problem.error(value, _HINT)
        low, high = _ends(value["between"], problem) if "between" in value else (None, None)
        change = None
        if "change" in value:
            try:
                change = parse_bound(str(value["change"]))
            except InvalidBound as error:
                raise problem.error(value["change"], _HINT) from error
            if change.is_floor:
                raise problem.error(value["change"], "Bound the change from above, such as '< 30%'.")
        return cls(low=low, high=high, change=change)

    def decide(self, column: str, judged: Judged, seen: Seen) -> Decision:
        """Return whether there are enough rows, not too many, and about as many as before."""
        del column
        rows, faults = seen.rows, []
        if self.low is not None and rows < self.low:
            faults.append(f"fewer than {self.low:,}")
        if self.high is not None and rows > self.high:
            faults.append(f"more than {self.high:,}")
        before = judged.around.before() if self.change else None
        share, told = None, f"{rows:,} rows"
        if self.change and before and before.rows:
            share = abs(rows - before.rows) / before.rows
            told += f", {(rows - before.rows) / before.rows:+.1%} against the {before.rows:,} of {before.ref}"
            if not self.change.holds(share):
                faults.append(f"a change that is not {self.change.sign} {self.change.value:.4g} of the rows")
        elif self.change:
            told += "; there is no version before"
        reason = f"{told}: {' and '.join(faults)}." if faults else f"{told}."
        value = share if self.change else float(rows)
        return Decision(holds=not faults, reason=reason, value=value, threshold=self.written(), by_rows=False)

    def written(self) -> str:
        """Return the rule as a person writes it."""
        parts = [f"between [{self.low}, {self.high}]"] if self.low is not None or self.high is not None else []
        parts += [f"change {self.change.sign} {self.change.value:.4g}"] if self.change else []
        return f"rows {', '.join(parts)}".replace("None", "null")


def _ends(value: object, problem: RuleProblem) -> tuple[int | None, int | None]:
    if not isinstance(value, list | tuple) or len(value) != 2 or value[0] is value[1] is None:
        raise problem.error(value, _HINT)
    for end in value:
        if end is not None and (not isinstance(end, int) or isinstance(end, bool) or end < 0):
            raise problem.error(value, "The ends are whole numbers of rows, or null for none.")
    low, high = value
    if low is not None and high is not None and low > high:
        raise problem.error(value, "The lower end stands first.")
    return low, high
