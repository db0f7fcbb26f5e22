"""What the rules found when a version was made: each rule, the rows it put aside, and how those add up."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.finding import Finding, Severity
from tidemill.core.access import Actor
from tidemill.core.errors import MissingExtra
from tidemill.data.judging.records import RowsByRule
from tidemill.data.records import DatasetVersion
from tidemill.data.report import QualityReport
from tidemill.server.pages import words
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_ROWS = 8
_MOST_PASSED = 300
_SENTENCES = {
    Verdict.PASS: "Every rule holds.",
    Verdict.WARN: "The version was made, and some of what was read breaks a rule.",
    Verdict.INCONCLUSIVE: "Every rule holds that could be judged.",
    Verdict.FAIL: "Rules are broken.",
}


@dataclass(frozen=True, slots=True)
class FindingView:
    """A rule, what it found, and some of the rows that break it."""

    finding: Finding
    tone: str
    share: str
    rows: RowsByRule | None
    is_mild: bool


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""

    def show(request: Request, actor: Actor) -> Response:
        ref = f"{request.path_params['name']}@{request.path_params['number']}"
        version = workspace.data.get(actor, ref=ref)
        report = workspace.data.report(actor, ref=ref)
        return render(request, "dataset_report.html", _values(workspace, actor, version, report))

    return [page("/datasets/{name}/{number}/report", show)]


def _values(workspace: Workspace, actor: Actor, version: DatasetVersion, report: QualityReport) -> dict[str, object]:
    try:
        rows = {one.rule: one for one in workspace.rules.bad_rows(actor, ref=version.ref, rows=_ROWS)}
    except MissingExtra:
        rows = {}
    views = [_view(one, rows.get(one.name)) for one in report.findings]
    passed = [view for view in views if view.finding.verdict is Verdict.PASS]
    aside = sorted((one for one in report.findings if one.put_aside), key=lambda one: -one.put_aside)
    return {
        "here": "datasets",
        "title": f"Rules of {version.ref}",
        "version": version,
        "report": report,
        "tone": tone_of(report.verdict.value),
        "sentence": _SENTENCES[report.verdict] if report.findings else "No rules were given.",
        "found": [view for view in views if view.finding.verdict is not Verdict.PASS],
        "passed": passed[:_MOST_PASSED],
        "more": max(len(passed) - _MOST_PASSED, 0),
        "kept": len(passed),
        "aside": aside,
        "against": [(name, ref, _address(ref)) for name, ref in report.against.items()],
        "here_url": _address(version.ref),
    }


def _view(one: Finding, rows: RowsByRule | None) -> FindingView:
    share = f"{words.percent(one.bad / one.rows)} of rows" if one.bad and one.rows else ""
    return FindingView(one, tone_of(one.verdict.value), share, rows, one.severity is Severity.WARN)


def _address(ref: str) -> str:
    name, _, number = ref.partition("@")
    return f"/datasets/{name}/{number}"
