"""All rules of a table, kept and judged together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.bounds import Bound
from tidemill.checks.errors import ColumnMissing, InvalidRule
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.counting import Counted, Question, count
from tidemill.checks.quality.drifting import DriftRule
from tidemill.checks.quality.finding import Decision, Finding, Severity
from tidemill.checks.quality.marks import Marking
from tidemill.checks.quality.references import References
from tidemill.checks.quality.rule import TABLE, Judged, Rule, Seen
from tidemill.checks.quality.surroundings import PREVIOUS, Alone, Surroundings
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_OURS = "_tidemill_"


class RuleEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it stands in a book.

    Args:
        column: The column; empty for a rule of the table.
        rule: What must hold of it.
        is_optional: Whether the table may lack the column.
        severity: What follows when it is broken.
        tolerated: The share of rows that may break it, so that none is put aside; None when none may.
    """

    column: str
    rule: Rule
    is_optional: bool = False
    severity: Severity = Severity.FAIL
    tolerated: Bound | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at, the one that is blamed first."""
        return self.rule.columns(self.column)

    def catches(self, judged: Judged) -> "pl.Expr | None":
        """Return which rows are put aside: none for a rule that only warns or tolerates some."""
        if self.severity is Severity.WARN or self.tolerated:
            return None
        return self.rule.catches(self.column, judged)


@dataclass(frozen=True, slots=True)
class Caught:
    """Rows that are to be put aside, by an expression that is true for them and never null.

    Args:
        rule: How they are marked.
        column: The column that is blamed.
        bad: The expression.
        sees_other_rows: Whether it looks at rows before.
        marking: What gives the expression for a long table, where this one would hold a column of it in memory.
    """

    rule: str
    column: str
    bad: "pl.Expr"
    sees_other_rows: bool = False
    marking: Marking | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What the rules found in a table.

    Args:
        rows: All rows.
        bad: Those that would be put aside, whichever rule catches them.
        findings: One a rule, in their order; those of further masks first.
    """

    rows: int
    bad: int
    findings: tuple[Finding, ...]


class RuleBook:
    """The rules of a table.

    Args:
        rules: In the order in which they were written.
    """

    def __init__(self, rules: Iterable[RuleEntry]) -> None:
        self.rules = tuple(rules)

    def datasets(self) -> tuple[str, ...]:
        """Return the other datasets whose values decide which rows are bad, as the rules name them."""
        return tuple(dict.fromkeys(one.rule.dataset for one in self.rules if isinstance(one.rule, References)))

    def named(self) -> frozenset[str]:
        """Return every other dataset, or version of one, that a rule names."""
        drifts = {one.rule.against for one in self.rules if isinstance(one.rule, DriftRule)}
        return frozenset(self.datasets()) | drifts - {PREVIOUS}

    def reads_again(self) -> bool:
        """Return whether a rule reads the rows a second time: drift, which does so in steps."""
        return any(isinstance(one.rule, DriftRule) for one in self.rules)

    def caught(self, schema: "pl.Schema", around: Surroundings | None = None) -> list[Caught]:
        """Return, for each rule that puts rows aside, which ones.

        The expressions can be evaluated together in one pass.

        Args:
            schema: The columns of the table.
            around: What the rules may look at beside it.

        Raises:
            ColumnMissing: If the table lacks a column that is not optional.
            InvalidRule: If a rule does not fit the columns.
        """
        judged = Judged(schema=schema, around=around or Alone())
        found = []
        for one in self._present(schema):
            bad = one.catches(judged)
            if bad is not None:
                marking = one.rule.marking(one.column)
                found.append(Caught(one.rule.label(), one.columns[0], bad, one.rule.sees_other_rows, marking))
        return found

    def judge(self, frame: "pl.DataFrame | pl.LazyFrame", around: Surroundings | None = None) -> list[Finding]:
        """Return what the rules find in a whole table, one finding a rule.

        An empty table breaks no rule, but one about its rows.

        Raises:
            ColumnMissing: If the table lacks a column that is not optional.
            InvalidRule: If a rule does not fit the columns.
        """
        return list(self.examine(frame, around).findings)

    def examine(
        self, frame: "pl.DataFrame | pl.LazyFrame", around: Surroundings | None = None, more: Sequence[Caught] = ()
    ) -> Examined:
        """Return what the rules find in a table and how many rows they would put aside, in one pass over it.

        Args:
            frame: The rows.
            around: What the rules may look at beside it.
            more: Further rows to put aside, each told as a finding too.

        Raises:
            ColumnMissing: If the table lacks a column that is not optional.
            InvalidRule: If a rule does not fit the columns.
        """
        judged = Judged(schema=_known(frame.collect_schema()), around=around or Alone(), frame=frame.lazy())
        rules = list(self._present(judged.schema))
        questions = [Question(one.bad, (), one.sees_other_rows, catches=True, marking=one.marking) for one in more]
        questions += [
            Question(
                one.rule.counted(one.column, judged),
                tuple(one.rule.facts(one.column, judged)),
                one.rule.sees_other_rows,
                one.catches(judged) is not None,
                one.rule.marking(one.column),
            )
            for one in rules
        ]
        rows, counted = count(frame, questions, judged.around.room)
        told = [_told(one, rows, each) for one, each in zip(more, counted, strict=False)]
        found = [_finding(one, judged, rows, each) for one, each in zip(rules, counted[len(more) :], strict=True)]
        return Examined(rows, sum(each.caught for each in counted), (*told, *found))

    def _present(self, schema: "pl.Schema") -> Iterable[RuleEntry]:
        columns = schema.names()
        for one in self.rules:
            missing = [column for column in one.columns if column not in schema]
            if not missing:
                if not one.rule.fits_nested and any(schema[column].is_nested() for column in one.columns):
                    raise _nested(one, schema)
                yield one
            elif not one.is_optional:
                hint = did_you_mean(missing[0], columns)
                raise ColumnMissing(
                    f"There is a rule for column {shown(missing[0])}, and the table has no such column",
                    hint=f"{hint} Or add `optional: true` to its rules." if one.column else hint,
                    where=f"rules.{one.column or TABLE}.{one.rule.word}",
                )


def _nested(one: RuleEntry, schema: "pl.Schema") -> InvalidRule:
    return InvalidRule(
        f"Column {shown(one.column)} is {str(schema[one.column]).lower()}, which {one.rule.word!r} cannot judge",
        hint="Only nulls and unique fit lists and structs.",
        where=f"rules.{one.column}.{one.rule.word}",
    )


def _known(schema: "pl.Schema") -> "pl.Schema":
    """Return a table's columns without those of our own, which no rule may name."""
    return pl.Schema({name: dtype for name, dtype in schema.items() if not name.startswith(_OURS)})


def _told(one: Caught, rows: int, counted: Counted) -> Finding:
    return Finding(
        rule=one.rule,
        columns=(one.column,),
        written=one.rule,
        severity=Severity.FAIL,
        verdict=Verdict.FAIL if counted.bad else Verdict.PASS,
        rows=rows,
        bad=counted.bad,
        put_aside=counted.caught,
        value=counted.bad / rows if rows else 0.0,
        threshold="<= 0",
        reason=f"{counted.bad:,} of {rows:,} rows of {one.column} break {one.rule!r}.",
        first=counted.first,
    )


def _finding(one: RuleEntry, judged: Judged, rows: int, counted: Counted) -> Finding:
    seen = Seen(rows=rows, bad=counted.bad, facts=counted.facts)
    decision = one.rule.decide(one.column, judged, seen)
    if one.tolerated and decision.by_rows:
        decision = _tolerating(decision, one.tolerated, seen)
    broken = Verdict.WARN if one.severity is Severity.WARN else Verdict.FAIL
    verdict = Verdict.INCONCLUSIVE if decision.holds is None else Verdict.PASS if decision.holds else broken
    return Finding(
        rule=one.rule.label(),
        columns=one.columns,
        written=one.rule.written(),
        severity=one.severity,
        verdict=verdict,
        rows=rows,
        bad=counted.bad if decision.by_rows else None,
        put_aside=counted.caught,
        value=decision.value,
        threshold=decision.threshold,
        reason=decision.reason,
        first=counted.first,
    )


def _tolerating(decision: Decision, bound: Bound, seen: Seen) -> Decision:
    share = seen.bad / seen.rows if seen.rows else 0.0
    holds = not seen.rows or bound.holds(share)
    return Decision(holds=holds, reason=decision.reason, value=share, threshold=str(bound))
