"""A gate report: each rule's value, interval and threshold, the verdict in a sentence, and what persons said."""

import re
from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import OWNER, Actor, Permission
from tidemill.delivery.records import GateReport, GateStatus, RuleResult
from tidemill.server.pages import forms, words
from tidemill.server.pages.addresses import link_to, version_url
from tidemill.server.pages.charts.intervals import Judged, interval
from tidemill.server.pages.run import input_name
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_BOUND = re.compile(r"(>=|<=|>|<|=)\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)
STATUS_TONE = {GateStatus.OPEN: "good", GateStatus.SHUT: "bad", GateStatus.WAITING: "warn"}
"""Which colour a gate has."""

_SENTENCES = {
    GateStatus.OPEN: "The gate is open: this version may be delivered.",
    GateStatus.SHUT: "The gate is shut: this version is not delivered.",
    GateStatus.WAITING: "Every measured rule passed; the gate waits for a person.",
}


@dataclass(frozen=True, slots=True)
class RuleView:
    """How a rule was judged, drawn."""

    result: RuleResult
    tone: str
    drawing: Markup
    head: list[str]
    rows: list[list[object]]


@dataclass(frozen=True, slots=True)
class GateView:
    """A gate report as pages show it."""

    report: GateReport
    tone: str
    sentence: str
    rules: list[RuleView]
    passed: int
    holdout: Markup
    model_url: str
    can_decide: bool
    why_not: str


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    delivery = workspace.delivery

    def show(request: Request, actor: Actor) -> Response:
        report = delivery.get_gate_report(actor, id=request.path_params["id"])
        values = {
            "here": "models",
            "title": f"Gate of {report.model}@{report.version}",
            "gate": gate_view(workspace, actor, report),
        }
        return render(request, "gate.html", values)

    def decide(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        approved = forms.need(fields, "decision") == "approve"
        decision = delivery.approve if approved else delivery.reject
        report = decision(actor, id=request.path_params["id"], comment=fields.get("reason", "").strip())
        said = "Approved" if approved else "Rejected"
        return back_to(f"/gates/{report.id}?said={said}.")

    return [page("/gates/{id}", show), page("/gates/{id}/decide", decide, Permission.APPROVE, "POST")]


def gate_view(workspace: Workspace, actor: Actor, report: GateReport) -> GateView:
    """Return a gate report as pages show it."""
    version = workspace.models.get(actor, ref=f"{report.model}@{report.version}")
    own_work = version.created_by == actor.name and actor != OWNER
    waits = report.status is GateStatus.WAITING
    return GateView(
        report=report,
        tone=STATUS_TONE[report.status],
        sentence=_SENTENCES[report.status],
        rules=[rule_view(result) for result in report.results],
        passed=sum(result.verdict == "pass" for result in report.results),
        holdout=link_to(report.holdout, input_name(workspace, actor, report.holdout)),
        model_url=version_url(report.model, report.version),
        can_decide=waits and not own_work,
        why_not="You registered this version, so somebody else has to decide." if waits and own_work else "",
    )


def rule_view(result: RuleResult) -> RuleView:
    """Return a rule's result with its drawing and the rows behind it."""
    tone = tone_of(result.verdict)
    bound, is_above = threshold(result.threshold)
    judged = Judged(result.value, result.low, result.high, bound, is_above, None, tone)
    label = f"{words.number(result.value)}, interval {words.number(result.low)} to {words.number(result.high)}"
    head = list(dict.fromkeys(key for row in result.details for key in row))
    rows: list[list[object]] = [[words.number(row.get(key)) for key in head] for row in result.details[:50]]
    return RuleView(result, tone, interval(judged, f"{label}, threshold {result.threshold}"), head, rows)


def threshold(text: str) -> tuple[float | None, bool]:
    """Return the number of a threshold such as `>= 0.6`, and whether good is above it."""
    found = _BOUND.search(text.replace(words.MINUS, "-"))
    return (float(found[2]), found[1].startswith(">")) if found else (None, True)
