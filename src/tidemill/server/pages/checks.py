"""Reports of checks before a training: what each check found, its number on a scale, and the rows behind it."""

from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.checks.outcome import Outcome, Verdict
from tidemill.core.access import Actor
from tidemill.data.checking.records import CheckReport, ReportHead
from tidemill.server.pages import words
from tidemill.server.pages.charts.intervals import Judged, interval
from tidemill.server.pages.gates import threshold
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_MOST_ROWS = 50
_MOST_REPORTS = 200
_ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.PASS)
_SENTENCES = {
    Verdict.PASS: "Nothing was found.",
    Verdict.WARN: "Some findings are worth a look.",
    Verdict.INCONCLUSIVE: "Some checks could not decide.",
    Verdict.FAIL: "This should not be trained or tested on as it is.",
}


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """What a check found, drawn."""

    outcome: Outcome
    tone: str
    drawing: Markup
    head: list[str]
    rows: list[list[object]]
    more: int


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    checks = workspace.checks

    def table(request: Request, actor: Actor) -> Response:
        ref = request.query_params.get("ref", "")
        found = [
            (head, tone_of(head.verdict.value)) for head in checks.list_reports(actor, ref=ref, limit=_MOST_REPORTS)
        ]
        return render(request, "checks.html", {"here": "datasets", "title": "Checks", "ref": ref, "rows": found})

    def show(request: Request, actor: Actor) -> Response:
        report = checks.get_report(actor, id=request.path_params["id"])
        return render(request, "check_report.html", _values(report))

    return [page("/checks", table), page("/checks/{id}", show)]


def version_address(ref: str) -> str:
    """Return where the page of a version such as `flights@3` is."""
    name, _, number = ref.partition("@")
    return f"/datasets/{name}/{number}"


def _values(report: CheckReport) -> dict[str, object]:
    ranked = sorted(report.findings.outcomes, key=lambda one: _ORDER.index(one.verdict))
    head: ReportHead = report.head
    return {
        "here": "datasets",
        "title": f"Checks of {head.version}",
        "head": head,
        "tone": tone_of(head.verdict.value),
        "sentence": _SENTENCES[head.verdict],
        "version_url": version_address(head.version),
        "against_url": version_address(head.against) if head.against else "",
        "found": [outcome_view(one) for one in ranked if one.verdict is not Verdict.PASS],
        "passed": [outcome_view(one) for one in ranked if one.verdict is Verdict.PASS],
        "skipped": report.findings.skipped,
        "error_rate": report.findings.error_rate,
        "settings": report.findings.settings,
    }


def outcome_view(outcome: Outcome) -> OutcomeView:
    """Return what a check found with its drawing and the rows behind it."""
    tone = tone_of(outcome.verdict.value)
    bound, is_above = threshold(outcome.threshold)
    low, high = (outcome.interval.low, outcome.interval.high) if outcome.interval else (None, None)
    judged = Judged(outcome.value, low, high, bound, is_above, None, tone)
    label = f"{words.number(outcome.value)}, threshold {outcome.threshold}"
    rows: list[list[object]] = [[words.number(cell) for cell in row] for row in outcome.table.rows[:_MOST_ROWS]]
    drawing = interval(judged, label) if outcome.threshold and bound is not None else Markup("")
    more = max(0, len(outcome.table.rows) - _MOST_ROWS)
    return OutcomeView(outcome, tone, drawing, list(outcome.table.columns), rows, more)
