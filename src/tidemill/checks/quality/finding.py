"""What a rule found in a table."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tidemill.checks.outcome import Verdict


class Severity(StrEnum):
    """What follows when a rule is broken."""

    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found.

    Args:
        rule: The rule, as its bad rows are marked: its word, and what follows a colon where that is more.
        columns: The columns that it looks at; the first one is blamed. Empty for the table itself.
        written: The rule as a person writes it.
        severity: What follows when it is broken.
        verdict: `pass`, `warn`, `fail`, or `inconclusive` where there was too little to judge.
        rows: Rows that it looked at.
        bad: Rows among them that break it; None for a rule about the table as a whole.
        put_aside: Rows that were put aside, or would be, because they break this rule before any other.
        value: What was measured: the share of bad rows, or what the rule is about.
        threshold: What that was held against.
        reason: One sentence for a person.
        first: The numbers of the first bad rows, from 1.
    """

    rule: str
    columns: tuple[str, ...] = ()
    written: str
    severity: Severity
    verdict: Verdict
    rows: int
    bad: int | None = None
    put_aside: int = 0
    value: float | None = None
    threshold: str = ""
    reason: str
    first: tuple[int, ...] = ()

    @property
    def column(self) -> str:
        """The column that is blamed, empty for the table itself."""
        return self.columns[0] if self.columns else ""

    @property
    def name(self) -> str:
        """How a person names it, such as `between(distance)` or `expect: arrival >= departure`."""
        return self.rule if ":" in self.rule or not self.columns else f"{self.rule}({self.column})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a rule says of what was counted.

    Args:
        holds: Whether it holds; None when there is too little to judge.
        reason: One sentence.
        value: What was measured.
        threshold: What it was held against.
        by_rows: Whether it is about rows, so that their number tells something.
    """

    holds: bool | None
    reason: str
    value: float | None = None
    threshold: str = ""
    by_rows: bool = True
