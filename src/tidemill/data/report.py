"""What the quality rules found in a version, kept with it."""

from collections.abc import Mapping, Sequence

import msgspec

from tidemill.checks.outcome import Outcome
from tidemill.core.digests import Digest
from tidemill.data.records import Part, RuleCount

FORMAT = "tidemill.report.1"


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the quality rules found.

    Args:
        rows_read: Rows of the sources.
        rows: Rows accepted; with the quarantined ones they make up those read.
        quarantined: Rows put aside.
        broken: How many rows each rule put aside; a row counts under the first rule that it breaks.
        rules: The rules, as written.
        outcomes: What they found in the accepted rows as a whole.
        quarantine: The objects that hold the rows put aside.
        format: Which structure this is.
    """

    rows_read: int
    rows: int
    quarantined: int
    broken: tuple[RuleCount, ...]
    rules: dict[str, object]
    outcomes: tuple[Outcome, ...]
    quarantine: tuple[Digest, ...]
    format: str = FORMAT


def make_report(parts: Sequence[Part], rules: Mapping[str, object], outcomes: Sequence[Outcome]) -> QualityReport:
    """Return the report of a version's parts."""
    counts: dict[tuple[str, str], int] = {}
    for part in parts:
        for count in part.broken:
            counts[count.rule, count.column] = counts.get((count.rule, count.column), 0) + count.rows
    return QualityReport(
        rows_read=sum(part.rows_read for part in parts),
        rows=sum(part.rows for part in parts),
        quarantined=sum(part.quarantined for part in parts),
        broken=tuple(RuleCount(rule=rule, column=column, rows=rows) for (rule, column), rows in sorted(counts.items())),
        rules=dict(rules),
        outcomes=tuple(outcomes),
        quarantine=tuple(part.quarantine_digest for part in parts if part.quarantine_digest),
    )


def encode_report(report: QualityReport) -> bytes:
    """Return the bytes under whose digest a report is stored."""
    return msgspec.json.encode(report, order="sorted")


def decode_report(content: bytes) -> QualityReport:
    """Return the report that was stored."""
    return msgspec.json.decode(content, type=QualityReport)
