"""The stations of the loop, each with its latest state, a number and a link."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import MissingExtra, NotFound
from tidemill.delivery.records import Endpoint, GateStatus
from tidemill.models.records import ModelVersion
from tidemill.monitoring.records import FeedbackReport, Status
from tidemill.projects.records import Delivery, DeliveryState
from tidemill.projects.spec import ProjectSpec
from tidemill.server.pages import words
from tidemill.server.pages.addresses import version_url
from tidemill.server.pages.charts.lines import spark
from tidemill.server.pages.endpoints import status_of, targets_of
from tidemill.server.pages.tones import tone_of
from tidemill.server.pages.watches import health, last_performance
from tidemill.tracking.records import Run


@dataclass(frozen=True, slots=True)
class Station:
    """One station.

    Args:
        stage: Its word.
        name: What stands there now.
        href: Where it is shown.
        fact: The number that counts.
        unit: Of the number.
        state: How it does, in a few words.
        tone: good, info, warn, bad or idle.
        drawing: A small line, where there is a history.
    """

    stage: str
    name: str
    href: str
    fact: str = ""
    unit: str = ""
    state: str = ""
    tone: str = "idle"
    drawing: Markup = Markup("")  # noqa: RUF009 - texts do not change


@dataclass(frozen=True, slots=True)
class _Seen:
    workspace: Workspace
    actor: Actor
    spec: ProjectSpec
    deliveries: Sequence[Delivery]
    endpoint: Endpoint | None
    status: Status | None
    feedback: FeedbackReport | None
    run: Run | None
    version: ModelVersion | None


def stations(workspace: Workspace, actor: Actor, spec: ProjectSpec, deliveries: Sequence[Delivery]) -> list[Station]:
    """Return the eleven stations in the order of the loop."""
    endpoint = _endpoint(workspace, actor, spec)
    status = status_of(workspace, actor, endpoint.name) if endpoint else None
    seen = _Seen(
        workspace,
        actor,
        spec,
        deliveries,
        endpoint,
        status,
        _feedback(workspace, actor, endpoint),
        _run(workspace, actor, deliveries),
        _version(workspace, actor, spec),
    )
    return [
        _data(seen),
        _pipeline(seen),
        _run_station(seen),
        _model(seen),
        _gate(seen),
        _deployment(seen),
        _predictions(seen),
        _feedback_station(seen),
        _monitor(seen),
        _alert(seen),
        _retraining(seen),
    ]


def _endpoint(workspace: Workspace, actor: Actor, spec: ProjectSpec) -> Endpoint | None:
    known = {each.name: each for each in workspace.delivery.list_endpoints(actor)}
    if spec.deploy is not None:
        return known.get(spec.deploy.endpoint)
    return next(iter(known.values()), None)


def _feedback(workspace: Workspace, actor: Actor, endpoint: Endpoint | None) -> FeedbackReport | None:
    if endpoint is None:
        return None
    try:
        return workspace.monitoring.feedback_report(actor, endpoint=endpoint.name)
    except (MissingExtra, NotFound):
        return None


def _run(workspace: Workspace, actor: Actor, deliveries: Sequence[Delivery]) -> Run | None:
    latest = next((each.run_id for each in deliveries if each.run_id), None)
    if latest:
        return workspace.tracking.get_run(actor, run_id=latest)
    found = workspace.tracking.search_runs(actor, max_results=1).runs
    return found[0] if found else None


def _version(workspace: Workspace, actor: Actor, spec: ProjectSpec) -> ModelVersion | None:
    names = {each.name for each in workspace.models.list(actor)}
    name = spec.model.name if spec.model else next(iter(sorted(names)), "")
    return workspace.models.get(actor, ref=name) if name in names else None


def _data(seen: _Seen) -> Station:
    known = {each.name: each for each in seen.workspace.data.list(seen.actor)}
    name = next((each for each in seen.spec.datasets if each in known), next(iter(known), ""))
    if not name:
        return Station("Data", "No dataset yet", "/datasets")
    version = seen.workspace.data.get(seen.actor, ref=name)
    aside = f"{words.count(version.quarantined)} put aside" if version.quarantined else "none put aside"
    share = version.quarantined / version.rows_read if version.rows_read else 0
    return Station(
        "Data",
        version.ref,
        f"/datasets/{quote(name, safe='')}/{version.number}",
        words.count(version.rows),
        "rows",
        aside,
        "warn" if share > 0.05 else "good",
    )


def _pipeline(seen: _Seen) -> Station:
    found = seen.spec.pipeline_spec()
    if found is None:
        return Station("Pipeline", "No pipeline named", "/runs")
    active = seen.deliveries[0] if seen.deliveries else None
    running = active is not None and active.state is DeliveryState.RUNNING and active.run_id is None
    name = found.run.rpartition(":")[2]
    experiment = quote(found.experiment or seen.spec.project, safe="")
    state = "running now" if running else found.run.rpartition(":")[0]
    return Station("Pipeline", name, f"/runs?experiment={experiment}", state=state, tone="info" if running else "good")


def _run_station(seen: _Seen) -> Station:
    run = seen.run
    if run is None:
        return Station("Run", "No run yet", "/runs")
    wanted = _metric_word(seen.spec)
    key = next((each for each in run.metrics if each == wanted), None) or next(
        (each for each in run.metrics if wanted in each), next(iter(run.metrics), "")
    )
    status = run.status.value.lower()
    took = words.between(run.start_time, run.end_time)
    fact = words.fixed(run.metrics[key]) if key else ""
    return Station("Run", run.name, f"/runs/{run.run_id}", fact, key, f"{status}, {took}", tone_of(status))


def _metric_word(spec: ProjectSpec) -> str:
    if spec.monitor and spec.monitor.performance:
        return spec.monitor.performance.metric
    return "roc_auc"


def _model(seen: _Seen) -> Station:
    version = seen.version
    if version is None:
        return Station("Model", "No version yet", "/models")
    model = next(each for each in seen.workspace.models.list(seen.actor) if each.name == version.model)
    champion = model.aliases.get("champion")
    state = f"champion is version {champion}" if champion else "no champion yet"
    tone = "good" if champion else "idle"
    count = words.count(model.latest)
    unit = "version" if model.latest == 1 else "versions"
    return Station("Model", version.ref, version_url(version.model, version.number), count, unit, state, tone)


def _gate(seen: _Seen) -> Station:
    version = seen.version
    reports = seen.workspace.delivery.list_gate_reports(seen.actor, model=version.model, limit=1) if version else []
    if not reports:
        return Station("Gate", "Nothing judged yet", "/models")
    report = reports[0]
    passed = sum(each.verdict == "pass" for each in report.results)
    tone = {GateStatus.OPEN: "good", GateStatus.SHUT: "warn", GateStatus.WAITING: "warn"}[report.status]
    word = {GateStatus.OPEN: "open", GateStatus.SHUT: "shut: kept back", GateStatus.WAITING: "waits for a person"}
    return Station(
        "Gate",
        f"{report.model}@{report.version}",
        f"/gates/{report.id}",
        f"{passed} of {len(report.results)}",
        "rules passed",
        word[report.status],
        tone,
    )


def _deployment(seen: _Seen) -> Station:
    if seen.endpoint is None:
        return Station("Deployment", "No endpoint yet", "/endpoints")
    targets = targets_of(seen.workspace, seen.actor, seen.endpoint)
    href = f"/endpoints/{quote(seen.endpoint.name, safe='')}"
    if not targets:
        return Station("Deployment", seen.endpoint.name, href, state="nothing deployed yet")
    served = " and ".join(f"{each.deployment.model}@{each.deployment.version}" for each in targets)
    canary = next((each for each in targets if each.route == "canary"), None)
    if canary and len(targets) > 1:
        return Station(
            "Deployment",
            seen.endpoint.name,
            href,
            words.percent(canary.share),
            "canary",
            f"rolling out {served}",
            "info",
        )
    return Station("Deployment", seen.endpoint.name, href, words.percent(1.0), "stable", f"serves {served}", "good")


def _predictions(seen: _Seen) -> Station:
    href = f"/endpoints/{quote(seen.endpoint.name, safe='')}#predictions" if seen.endpoint else "/endpoints"
    status = seen.status
    if status is None or not status.rows + status.fresh_rows:
        return Station("Predictions", "None yet", href)
    total = status.rows + status.fresh_rows
    share = status.faults / (total + status.failures)
    latest = next((each.latency for each in reversed(status.windows) if each.latency), None)
    fast = f"p99 {words.millis(latest.p99)}, " if latest else ""
    tone = "bad" if share > 0.05 else "warn" if share > 0.01 else "good"
    state = f"{fast}{words.percent(share)} errors"
    return Station("Predictions", "Answered", href, words.count(total), "rows", state, tone)


def _feedback_station(seen: _Seen) -> Station:
    href = f"/endpoints/{quote(seen.endpoint.name, safe='')}#performance" if seen.endpoint else "/endpoints"
    found = seen.feedback
    if found is None or not found.truths:
        return Station("Feedback", "No truth yet", href)
    if not found.predictions:
        return Station(
            "Feedback", "Truths", href, words.count(found.truths), "so far", "before the first window", "good"
        )
    share = found.matched / found.predictions
    unknown = f"{words.count(found.unknown)} for unknown ids" if found.unknown else "every id known"
    return Station("Feedback", "Truths", href, words.percent(share), "of predictions", unknown, "good")


def _monitor(seen: _Seen) -> Station:
    href = f"/endpoints/{quote(seen.endpoint.name, safe='')}#performance" if seen.endpoint else "/endpoints"
    status = seen.status
    if status is None or not status.windows:
        return Station("Monitor", "No window yet", href)
    tone, state = health(status)
    values = [each.performance.value if each.performance else None for each in status.windows]
    judged = last_performance(status.windows)
    fact, unit = "", ""
    if judged and judged.performance:
        fact, unit = words.fixed(judged.performance.value), f"{judged.performance.metric}, latest window"
    drawing = spark(values, "Performance by window")
    return Station("Monitor", f"{len(status.windows)} windows", href, fact, unit, state, tone, drawing)


def _alert(seen: _Seen) -> Station:
    status = seen.status
    if status is None:
        return Station("Alert", "Nothing watched yet", "/alerts")
    if not status.alerts:
        return Station("Alert", "None open", "/alerts", "0", "open", "quiet", "good")
    newest = status.alerts[0]
    state = words.clip(newest.reason, 90)
    return Station("Alert", newest.kind.value.capitalize(), "/alerts", str(len(status.alerts)), "open", state, "bad")


def _retraining(seen: _Seen) -> Station:
    triggers = seen.status.triggers if seen.status else []
    caused = [each for each in seen.deliveries if each.trigger]
    if not triggers:
        return Station("Retraining", "No trigger yet", "/alerts#triggers")
    newest = triggers[0]
    delivery = next((each for each in caused if each.trigger == newest.id), None)
    href = f"/deliveries/{delivery.id}" if delivery else "/alerts#triggers"
    state = f"{newest.state.value.replace('_', ' ')}, {words.ago(newest.created_at)}"
    tones = {"helped": "good", "started": "info", "pending": "info", "failed": "bad"}
    tone = tones.get(newest.state.value, "warn")
    return Station(
        "Retraining",
        f"by {newest.cause.replace('_', ' ')}",
        href,
        words.count(len(triggers)),
        "triggers lately",
        state,
        tone,
    )
