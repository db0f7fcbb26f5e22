"""What quality rules found, as JUnit XML, which test dashboards of CI systems read."""

from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.finding import Finding
from tidemill.cli.junit import clean
from tidemill.cli.output import write_file
from tidemill.data.judging.records import BadRow
from tidemill.data.report import QualityReport

_WORDS = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error", Verdict.WARN: "system-out"}


def write_junit(target: Path, of: str, report: QualityReport, examples: Iterable[BadRow] = ()) -> None:
    """Write a report as one test suite, a case a rule: what fails is a failure, what is undecided an error.

    A warning passes, with its words as the case's output.

    Args:
        target: The file.
        of: What was judged.
        report: What was found.
        examples: Some of the bad rows.

    Raises:
        UsageError: If the file cannot be written.

    Source:
        The schema of Apache Ant's JUnit task, junit.xsd.
    """
    verdicts = [one.verdict for one in report.findings]
    suite = Element(
        "testsuite",
        {
            "name": f"rules {of}",
            "tests": str(len(verdicts)),
            "failures": str(verdicts.count(Verdict.FAIL)),
            "errors": str(verdicts.count(Verdict.INCONCLUSIVE)),
            "skipped": "0",
        },
    )
    rows = list(examples)
    for one in report.findings:
        _case(suite, of, one, [row for row in rows if row.rule == one.name])
    whole = Element("testsuites")
    whole.append(suite)
    write_file(target, tostring(whole, encoding="utf-8", xml_declaration=True))


def _case(suite: Element, of: str, one: Finding, rows: Iterable[BadRow]) -> None:
    case = SubElement(suite, "testcase", {"classname": clean(f"rules.{of}"), "name": clean(one.name)})
    word = _WORDS.get(one.verdict)
    if word is None:
        return
    about = SubElement(case, word)
    if word != "system-out":
        about.set("message", clean(one.reason))
        about.set("type", one.verdict.value)
    about.text = clean("\n".join([one.reason, *(row_line(row) for row in rows)]))


def row_line(row: BadRow) -> str:
    """Return a bad row as a person reads it."""
    values = ", ".join(f"{name} = {'null' if value is None else value}" for name, value in row.values.items())
    return f"row {row.row}: {values}"
