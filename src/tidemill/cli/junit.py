"""A check report as JUnit XML, which test dashboards of CI systems read."""

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from tidemill.checks.outcome import Outcome, Verdict
from tidemill.data.checking.records import CheckReport

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_ROWS = 20


def junit_xml(report: CheckReport) -> bytes:
    """Return a report as one test suite: a failed check is a failure, an inconclusive one an error.

    A warning passes, with its words as the test's output; a check that was left out is skipped.

    Source:
        The schema of Apache Ant's JUnit task, junit.xsd.
    """
    head, outcomes = report.head, report.findings.outcomes
    name = f"{head.suite} {head.version}" + (f" against {head.against}" if head.against else "")
    suite = Element(
        "testsuite",
        {
            "name": name,
            "tests": str(len(outcomes) + len(report.findings.skipped)),
            "failures": str(sum(one.verdict is Verdict.FAIL for one in outcomes)),
            "errors": str(sum(one.verdict is Verdict.INCONCLUSIVE for one in outcomes)),
            "skipped": str(len(report.findings.skipped)),
            "timestamp": head.created_at.strftime("%Y-%m-%dT%H:%M:%S"),
            "id": head.id,
        },
    )
    for outcome in outcomes:
        _case(suite, name, outcome)
    for check, why in report.findings.skipped.items():
        SubElement(SubElement(suite, "testcase", {"classname": name, "name": check}), "skipped", {"message": why})
    whole = Element("testsuites")
    whole.append(suite)
    written: bytes = tostring(whole, encoding="utf-8", xml_declaration=True)
    return written


def _case(suite: Element, name: str, outcome: Outcome) -> None:
    case = SubElement(suite, "testcase", {"classname": name, "name": outcome.check})
    words = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error", Verdict.WARN: "system-out"}
    word = words.get(outcome.verdict)
    if word is None:
        return
    about = SubElement(case, word)
    if word != "system-out":
        about.set("message", clean(outcome.reason))
        about.set("type", outcome.verdict.value)
    about.text = clean("\n".join([outcome.reason, *_lines(outcome)]))


def _lines(outcome: Outcome) -> list[str]:
    rows = [outcome.table.columns, *outcome.table.rows[:_MOST_ROWS]] if outcome.table.rows else []
    return ["\t".join("" if cell is None else str(cell) for cell in row) for row in rows]


def clean(text: str) -> str:
    """Return a text with what XML cannot say replaced."""
    return _NOT_XML.sub("\ufffd", text)
