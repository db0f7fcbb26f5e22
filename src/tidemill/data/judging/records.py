"""What judging and suggesting give."""

import msgspec

from tidemill.checks.outcome import Cell
from tidemill.checks.quality.finding import Severity
from tidemill.data.records import Sample
from tidemill.data.report import QualityReport


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that breaks a rule.

    Args:
        rule: The rule, as its finding names it.
        row: The row's number, from 1, over all files.
        values: What the columns that the rule looks at hold there, as text.
    """

    rule: str
    row: int
    values: dict[str, str | None]


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What rules found in a version or in files; nothing is kept.

    Args:
        of: What was judged: a version such as `flights@3`, or the source as given.
        report: The rows, and what each rule found.
        examples: The first rows that break each rule.
    """

    of: str
    report: QualityReport
    examples: tuple[BadRow, ...] = ()


class RowsByRule(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the rows that break a rule of a version.

    Args:
        rule: The rule, as its finding names it.
        put_aside: Whether they were put aside; else they are rows of the version, and the rule only warns.
        sample: The rows, masked: the number of each, then the columns that the rule looks at, then others.
    """

    rule: str
    put_aside: bool
    sample: Sample


RuleValue = Cell | list[Cell] | dict[str, Cell | list[Cell]]
"""A rule's value, as it stands in a project file."""


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that a version keeps, and why it may be meant.

    Args:
        column: The column; empty for a rule of the table.
        rule: The word of the rule.
        value: What it is given.
        severity: What follows when it is broken.
        evidence: What was seen.
    """

    column: str
    rule: str
    value: RuleValue
    severity: Severity = Severity.FAIL
    evidence: str


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that a version keeps.

    Args:
        of: The version that they were found in.
        rows: Its rows.
        suggestions: The rules, by column in the table's order, those of the table last.
        yaml: The same as YAML, ready for `rules` of a project file, with the evidence beside each.
    """

    of: str
    rows: int
    suggestions: tuple[Suggestion, ...]
    yaml: str
