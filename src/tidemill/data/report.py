"""What the quality rules found in a version, kept with it."""

from collections.abc import Mapping, Sequence

import msgspec

from tidemill.checks.outcome import Verdict, worst
from tidemill.checks.quality.finding import Finding, Severity
from tidemill.core.digests import Digest
from tidemill.data.records import Part, RuleCount

FORMAT = "tidemill.report.2"

ALWAYS = {
    "type": "a value that fits the type of its column",
    "finite": "a number that is finite",
    "key": "a key that is there, and was not there before",
}
"""The rules that hold of every table, and what each asks for."""


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the quality rules found.

    Args:
        verdict: The worst of the findings; `warn` also where rows were put aside.
        rows_read: Rows of the sources.
        rows: Rows accepted; with the quarantined ones they make up those read.
        quarantined: Rows put aside, or that would be.
        broken: How many rows each rule put aside; a row counts under the first rule that it breaks.
        rules: The rules, as written.
        against: The versions of other datasets that were looked at, by the name in the rules.
        findings: One a rule, in their order.
        quarantine: The objects that hold the rows put aside.
        format: Which structure this is.
    """

    verdict: Verdict
    rows_read: int
    rows: int
    quarantined: int
    broken: tuple[RuleCount, ...]
    rules: dict[str, object]
    against: dict[str, str] = {}
    findings: tuple[Finding, ...]
    quarantine: tuple[Digest, ...]
    format: str = FORMAT


def make_report(
    parts: Sequence[Part],
    rules: Mapping[str, object],
    findings: Sequence[Finding],
    against: Mapping[str, str] | None = None,
) -> QualityReport:
    """Return the report of a version's parts.

    Args:
        parts: The parts, with the counts of their rows.
        rules: The rules, as written.
        findings: What they found in the accepted rows.
        against: The versions of other datasets that were looked at.
    """
    counts: dict[tuple[str, str], int] = {}
    for part in parts:
        for count in part.broken:
            counts[count.rule, count.column] = counts.get((count.rule, count.column), 0) + count.rows
    rows_read = sum(part.rows_read for part in parts)
    told = [_aside(one, counts.get((one.rule, one.column), 0), rows_read) for one in findings]
    known = {(one.rule, one.column) for one in findings}
    others = [_of_always(name, aside, rows_read) for name, aside in sorted(counts.items()) if name not in known]
    found = (*others, *told)
    return QualityReport(
        verdict=worst(one.verdict for one in found),
        rows_read=rows_read,
        rows=sum(part.rows for part in parts),
        quarantined=sum(part.quarantined for part in parts),
        broken=tuple(RuleCount(rule=rule, column=column, rows=rows) for (rule, column), rows in sorted(counts.items())),
        rules=dict(rules),
        against=dict(against or {}),
        findings=found,
        quarantine=tuple(part.quarantine_digest for part in parts if part.quarantine_digest),
    )


def _aside(one: Finding, aside: int, rows_read: int) -> Finding:
    """Return a finding with the rows that were put aside before the rest was judged."""
    if not aside:
        return one
    bad = aside + (one.bad or 0)
    return msgspec.structs.replace(
        one,
        verdict=worst([one.verdict, Verdict.WARN]),
        rows=rows_read,
        bad=bad,
        put_aside=aside,
        value=bad / rows_read,
        reason=f"{aside:,} of {rows_read:,} rows break {one.written} and were put aside.",
    )


def _of_always(name: tuple[str, str], aside: int, rows_read: int) -> Finding:
    rule, column = name
    return Finding(
        rule=rule,
        columns=(column,),
        written=ALWAYS.get(rule, rule),
        severity=Severity.FAIL,
        verdict=Verdict.WARN,
        rows=rows_read,
        bad=aside,
        put_aside=aside,
        value=aside / rows_read,
        threshold="<= 0",
        reason=f"{aside:,} of {rows_read:,} rows lack {ALWAYS.get(rule, rule)} and were put aside.",
    )


def encode_report(report: QualityReport) -> bytes:
    """Return the bytes under whose digest a report is stored."""
    return msgspec.json.encode(report, order="sorted")


def decode_report(content: bytes) -> QualityReport:
    """Return the report that was stored."""
    return msgspec.json.decode(content, type=QualityReport)
