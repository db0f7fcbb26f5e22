"""What is known of a suite that was run over dataset versions."""

import msgspec

from tidemill.checks.outcome import Outcome, Verdict
from tidemill.core.digests import Digest
from tidemill.core.moments import Moment


class SuiteInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A suite and its checks.

    Args:
        name: Its name.
        check: One of its checks.
        asks: What that asks, in a sentence.
        severity: What a finding of it is: `fail` or `warn`.
        params: Its parameters with their defaults.
    """

    name: str
    check: str
    asks: str
    severity: str
    params: dict[str, object]


class ReportHead(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says, without what each check says.

    Args:
        id: Its id.
        suite: Which suite was run.
        dataset: The dataset under test.
        version: Its version, such as `flights@3`.
        version_id: The identifier of that version.
        against: The version that it was held against, the training; None without one.
        against_id: The identifier of that version.
        label: The column that holds the truth; None without one.
        verdict: The worst of the checks.
        counts: How many checks came to each verdict.
        rows: Rows under test.
        rows_against: Rows of the version that it was held against.
        digest: Names the object that holds the outcomes.
        created_at: When.
        created_by: Who asked.
    """

    id: str
    suite: str
    dataset: str
    version: str
    version_id: str
    against: str | None
    against_id: str | None
    label: str | None
    verdict: Verdict
    counts: dict[str, int]
    rows: int
    rows_against: int | None
    digest: Digest
    created_at: Moment
    created_by: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What each check of a suite says.

    Args:
        outcomes: One a check that had something to say, in the suite's order.
        skipped: Why the others had not, by the check's name.
        error_rate: How often any of them fails though nothing is wrong.
        settings: What was set otherwise than the suite has it.
    """

    outcomes: tuple[Outcome, ...]
    skipped: dict[str, str]
    error_rate: str
    settings: dict[str, object] = {}


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report: its head, and what each check says."""

    head: ReportHead
    findings: Findings
