"""The story of the demo, act by act; each act is done once, however often the demo is killed and resumed."""

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import httpx

from tidemill.checks.outcome import Verdict
from tidemill.checks.performance.metric import estimate
from tidemill.checks.performance.roc_auc import ROC_AUC
from tidemill.cli.demo.ancestry import ancestry
from tidemill.cli.demo.flights import FIRST_MONTHS, INPUTS, LABEL, Flights, copy_project
from tidemill.cli.demo.journal import Journal
from tidemill.cli.demo.replay import Answers, Replay
from tidemill.cli.demo.server import Running, end, ensure
from tidemill.cli.demo.telling import Month, act, aside, progress_line, say, summary
from tidemill.client import Client
from tidemill.client.client import ServerUnreachable
from tidemill.core.errors import NotFound, Unavailable
from tidemill.core.lazy import lazy
from tidemill.data.records import DatasetVersion
from tidemill.delivery.records import Deployment, GateReport, Rollout
from tidemill.models.loading import load_predictor
from tidemill.models.ports import Predictor
from tidemill.monitoring.records import Alert, FeedbackReport, Status, Tick, Trigger, TriggerState
from tidemill.pipelines.records import PipelineRun, PipelineStatus, StepExecution, StepStatus
from tidemill.projects.reading import FILE_NAME
from tidemill.projects.records import Delivery, DeliveryState, Project
from tidemill.tracking.records import Run

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

PROJECT, ENDPOINT, PIPELINE = "flight-delays", "delay", "pipeline.py:delays"
FIRST_DAYS = 3
_DELIVERY_S = 300.0
_ROLLOUT_S = 10.0
_TRIGGER_S = 60.0
_PARAMS = {"train_days": 60, "holdout_days": 14}  # as in tidemill.yaml
_INTERRUPTED = 130
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class DemoStuck(Unavailable):
    """Something of the demo did not end in time."""

    code = "demo_stuck"


def tell(folder: Path, *, port: int, ends: bool, resume: bool, last_month: int) -> None:
    """Run the story in a folder; leave the server up, or end it."""
    started = time.monotonic()
    journal = Journal(folder, resume=resume)
    running: Running | None = None
    try:
        say("Tidemill: the whole loop on the flights that left New York in 2013.")
        copy_project(folder)
        flights = Flights(folder)
        running = ensure(folder / ".tidemill", port)
        aside(f"the server is up: {running.url}   its log: {folder / 'server.log'}")
        with (
            httpx.Client(base_url=running.url, timeout=600) as http,
            httpx.Client(base_url=running.serving_url, timeout=60) as serving,
        ):
            api = Client(http)
            replay = Replay(journal, api, serving, ENDPOINT)
            _Story(folder, journal, flights, api, replay, running.url).tell(last_month)
        say(f"Done in {time.monotonic() - started:.0f} s.")
        if not ends:
            _stay(running)
    except ServerUnreachable as error:
        raise DemoStuck(
            f"The demo's server does not answer any more; its log is {folder / 'server.log'}",
            hint=f"Continue with: tidemill demo --resume --folder {folder}",
        ) from error
    except KeyboardInterrupt:
        click.echo()
        aside(f"stopped; continue with: tidemill demo --resume --folder {folder}")
        sys.exit(_INTERRUPTED)
    finally:
        journal.close()
        if running is not None:
            end(running)


def _stay(running: Running) -> None:
    say(f"Look around: {running.url}   (end with Ctrl-C)")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    while True:
        signal.pause()


class _Story:
    """The acts.

    Args:
        folder: The project's folder.
        journal: What is done already.
        flights: The year's flights.
        api: The server.
        replay: Sends flights and outcomes.
        url: Where the pages are.
    """

    def __init__(self, folder: Path, journal: Journal, flights: Flights, api: Client, replay: Replay, url: str) -> None:
        self._folder = folder
        self._journal = journal
        self._flights = flights
        self._api = api
        self._replay = replay
        self._url = url
        self._first: Predictor | None = None

    def tell(self, last_month: int) -> None:
        """Tell all acts."""
        with act(1, "Data: January and February, with the weather known an hour before departure"):
            for month in FIRST_MONTHS:
                self._flights.give(month)
                aside(f"{_MONTHS[month - 1]}: {self._flights.month(month).height:,} flights")
        with act(2, "Pipeline, gate, endpoint: will this flight arrive more than 30 minutes late?"):
            self._deliver_first()
        with act(3, f"Live: March to {_MONTHS[last_month - 1]} as HTTP requests, outcomes later by prediction id"):
            months = [self._month(month) for month in range(FIRST_MONTHS[-1] + 1, last_month + 1)]
            self._api.post("/api/v1/monitoring/tick", Tick)
            self._tell_counts(months)
            self._tell_growth()
        with act(4, "What the loop was worth, month by month (ROC AUC)"):
            summary(months)
        with act(5, "Behind one prediction"):
            last = months[-1]
            for line in ancestry(self._api, last.example):
                aside(line)
            aside(f"all of it: tidemill trace prediction:{last.example} --home {self._folder / '.tidemill'}")

    def _tell_counts(self, months: list[Month]) -> None:
        report = self._api.get(f"/api/v1/endpoints/{ENDPOINT}/feedback", FeedbackReport)
        aside(
            f"{sum(month.flights for month in months):,} flights sent, {report.predictions:,} predictions captured; "
            f"{sum(month.told for month in months):,} outcomes told, {report.matched:,} matched"
        )

    def _tell_growth(self) -> None:
        latest = self._api.get("/api/v1/dataset-versions/flights", DatasetVersion)
        aside(f"the data by now: {latest.ref}, {len(latest.parts)} months in {latest.rows or 0:,} rows")
        self._tell_data(latest.ref)
        if latest.number > 1:
            stored = {
                part.segments for part in self._api.get("/api/v1/dataset-versions/flights@1", DatasetVersion).parts
            }
            kept = sum(part.segments in stored for part in latest.parts)
            aside(f"{kept} of them stand as in flights@1: neither read nor stored again")
            aside(f"what changed: {self._url}/datasets/flights/diff?before=1&after={latest.number}")

    # Act 2

    def _deliver_first(self) -> None:
        text = (self._folder / FILE_NAME).read_text()
        body = {"text": text, "folder": str(self._folder)}
        project = self._api.post("/api/v1/projects/apply", Project, body)
        aside(f"applied tidemill.yaml, revision {project.revision}")
        started = self._api.post(
            f"/api/v1/projects/{PROJECT}/deliveries", Delivery, {"cause": "apply", "key": _key("first")}
        )
        found = self._follow(started.id)
        self._tell_data("flights@1")
        self._tell_run(found)
        self._tell_gate(found)
        if found.state is not DeliveryState.DEPLOYED:
            raise DemoStuck(f"The first delivery was {found.state.value}: {found.reason}", hint="See server.log.")
        self._settled(found)
        self._run_again()

    def _tell_data(self, version: str) -> None:
        data = self._api.get(f"/api/v1/dataset-versions/{version}", DatasetVersion)
        broken: dict[str, int] = {}
        for piece in data.parts:
            for each in piece.broken:
                broken[f"{each.rule}({each.column})"] = broken.get(f"{each.rule}({each.column})", 0) + each.rows
        why = ", ".join(f"{rule} {rows:,}" for rule, rows in broken.items())
        aside(f"quarantined: {data.quarantined:,} of {data.rows_read or 0:,} rows{f' ({why})' if why else ''}")

    def _run_again(self) -> None:
        """Run the same pipeline on the same data once more, as anyone may: all steps come from the cache."""
        if self._journal.done("cached") is not None:
            return
        started = time.monotonic()
        body = {"pipeline": PIPELINE, "folder": str(self._folder), "params": _PARAMS}
        run = self._api.post("/api/v1/pipelines/runs", PipelineRun, body)
        while run.status in {PipelineStatus.RUNNING, PipelineStatus.PENDING}:
            if time.monotonic() - started > _DELIVERY_S:
                raise DemoStuck(f"Run {run.run_id} does not end", hint="See server.log.")
            time.sleep(0.02)
            run = self._api.get(f"/api/v1/pipelines/runs/{run.run_id}", PipelineRun)
        elapsed = time.monotonic() - started
        steps = self._api.get(f"/api/v1/pipelines/runs/{run.run_id}/steps", list[StepExecution])
        cached = sum(step.status is StepStatus.CACHED for step in steps)
        aside(f"the same pipeline again: {cached} of {len(steps)} steps cached in {elapsed:.2f} s")
        self._journal.finish("cached")

    def _tell_run(self, delivery: Delivery) -> None:
        run = self._api.get(f"/api/v1/runs/{delivery.run_id}", Run)
        metrics = run.metrics
        if "roc_auc_random_holdout" in metrics:
            aside(
                f"a random hold-out flatters: {metrics['roc_auc_random_holdout']:.3f}; "
                f"the days after training tell the truth: {metrics['roc_auc']:.3f}"
            )

    def _tell_gate(self, delivery: Delivery) -> None:
        if delivery.gate_report is None:
            return
        report = self._api.get(f"/api/v1/gate-reports/{delivery.gate_report}", GateReport)
        for result in report.results:
            mark = {"pass": "+", "waiting": "?"}.get(result.verdict, "-")
            aside(f"  {mark} {result.rule}: {result.reason}")

    # Act 3

    def _month(self, month: int) -> Month:
        name = _MONTHS[month - 1]
        key = f"month-{month:02d}"
        finished = self._journal.done(f"{key}/summary")
        if finished is not None:
            aside(f"{name}: done before")
            return Month(**finished)
        early, rest = self._flights.parts(month, FIRST_DAYS)
        total = early.height + rest.height
        with progress_line(f"{name}", total) as progress:
            answers = self._replay.send(f"{key}/early", early, progress)
        delivery, alerts, why = self._look_back(month, key)
        with progress_line(f"{name}", total) as progress:
            later = self._replay.send(f"{key}/rest", rest, lambda sent: progress(early.height + sent))
        both = Answers(
            ids=answers.ids + later.ids,
            scores=answers.scores + later.scores,
            versions=answers.versions + later.versions,
        )
        table = pl.concat([early, rest])
        told = self._replay.tell(key, table, both.ids)
        self._flights.give(month)
        ended = self._settled(delivery) if delivery else None
        found = self._summary(name, table, both, told, delivery, ended, alerts, why)
        self._journal.finish(f"{key}/summary", found._asdict())
        return found

    def _look_back(self, month: int, key: str) -> tuple[Delivery | None, list[str], str]:
        """Judge the month before, follow what that starts; return it, the kinds of open alerts, and why nothing was."""
        if month == FIRST_MONTHS[-1] + 1:
            return None, [], ""
        before = self._journal.done(f"{key}/back")
        if before is None:
            before = self._judge(month, key)
            self._journal.finish(f"{key}/back", before)
        if before["delivery"] is None:
            return None, before["alerts"], before["reason"]
        return self._api.get(f"/api/v1/deliveries/{before['delivery']}", Delivery), before["alerts"], before["reason"]

    def _judge(self, month: int, key: str) -> dict[str, Any]:
        self._api.post("/api/v1/monitoring/tick", Tick)
        alerts = self._api.get("/api/v1/alerts", list[Alert], endpoint=ENDPOINT, state="open")
        for alert in alerts:
            last = alert.last_window.isoformat()
            if self._journal.done(f"alert/{alert.id}") != last:
                aside(f"  alert ({alert.kind.value}): {alert.reason}")
                self._journal.finish(f"alert/{alert.id}", last)
        kinds = sorted({alert.kind.value for alert in alerts})
        self._tell_performance()
        path = f"/api/v1/endpoints/{ENDPOINT}/triggers"
        reason = f"the outcomes of {_MONTHS[month - 2]} are in"
        trigger = self._started_since()
        if trigger is None:
            body = {"cause": "new_data", "reason": reason, "key": _key(key)}
            trigger = self._api.post(path, Trigger, body)
        delivery = self._delivery_of(trigger)
        if delivery is None:
            aside(f"  no retraining: {trigger.reason}")
            return {"delivery": None, "alerts": kinds, "reason": trigger.reason}
        aside(f"  retraining ({delivery.cause})")
        delivery = self._follow(delivery.id)
        self._tell_gate(delivery)
        return {"delivery": delivery.id, "alerts": kinds, "reason": trigger.reason}

    def _tell_performance(self) -> None:
        """Say how the month before compares with what the gate measured, unless an alert has just said so."""
        status = self._api.get(f"/api/v1/endpoints/{ENDPOINT}/status", Status, windows=3)
        judged = [found.performance for found in status.windows if found.performance is not None]
        known = [found for found in judged if found.difference is not None]
        if known and known[-1].verdict != Verdict.FAIL.value:
            aside(f"  performance: {known[-1].reason}")

    def _started_since(self) -> Trigger | None:
        """Return the trigger that an alert has fired since the month before was judged."""
        told = {each["delivery"] for each in self._journal.values("/back")}
        for trigger in self._api.get("/api/v1/triggers", list[Trigger], endpoint=ENDPOINT):
            if trigger.state is not TriggerState.SUPPRESSED and trigger.id not in told:
                return trigger
        return None

    def _delivery_of(self, trigger: Trigger) -> Delivery | None:
        """Return the delivery that a trigger started, which has the trigger's id."""
        if trigger.state is TriggerState.SUPPRESSED:
            return None
        deadline = time.monotonic() + _TRIGGER_S
        while time.monotonic() < deadline:
            try:
                return self._api.get(f"/api/v1/deliveries/{trigger.id}", Delivery)
            except NotFound:
                self._api.post("/api/v1/monitoring/tick", Tick)
                time.sleep(0.1)
        raise DemoStuck(f"Trigger {trigger.id} started no delivery", hint="See server.log.")

    def _follow(self, identifier: str) -> Delivery:
        deadline, told = time.monotonic() + _DELIVERY_S, 0
        while True:
            found = self._api.get(f"/api/v1/deliveries/{identifier}", Delivery)
            for event in found.events[told:]:
                aside(f"  {event.act}: {event.message}")
            told = len(found.events)
            if found.state is not DeliveryState.RUNNING:
                return found
            if time.monotonic() > deadline:
                raise DemoStuck(f"Delivery {identifier} does not end", hint="See server.log.")
            time.sleep(0.1)

    def _settled(self, delivery: Delivery) -> Rollout | None:
        """Return how a delivery's rollout ended, waiting for it."""
        if delivery.rollout is None:
            return None
        deadline = time.monotonic() + _ROLLOUT_S
        while True:
            found = self._api.get(f"/api/v1/rollouts/{delivery.rollout}", Rollout)
            if found.state.value != "running":
                aside(f"  rollout {found.state.value}: {found.reason}")
                return found
            if time.monotonic() > deadline:
                aside(f"  rollout at {found.share:.0%}: it wants more traffic and goes on")
                return found
            time.sleep(0.1)

    def _summary(
        self,
        name: str,
        table: "pl.DataFrame",
        answers: Answers,
        told: int,
        delivery: Delivery | None,
        rollout: Rollout | None,
        alerts: list[str],
        why: str,
    ) -> Month:
        days = table["date"].cast(pl.String).to_list()
        truth = table[LABEL].cast(pl.Float64).to_list()
        loop = estimate(ROC_AUC, truth, answers.scores, clusters=days)
        kept = estimate(ROC_AUC, truth, self._as_is(table), clusters=days)
        decision, reason = "first model", ""
        if delivery is not None:
            decision, reason = delivery.state.value, delivery.reason
            if rollout is not None:
                decision, reason = rollout.state.value, rollout.reason
        elif why:
            decision, reason = "no retraining", why
        return Month(
            name=name,
            flights=table.height,
            told=told,
            versions=sorted(set(answers.versions)),
            as_is=kept.value,
            loop=loop.value,
            loop_low=loop.low,
            loop_high=loop.high,
            alerts=alerts,
            decision=decision,
            reason=reason,
            example=answers.ids[-1],
        )

    def _as_is(self, table: "pl.DataFrame") -> list[float]:
        """Return the scores of the first model, kept as it is."""
        if self._first is None:
            bundles = self._folder / ".tidemill" / "serving" / "bundles"
            deployments = self._api.get(f"/api/v1/endpoints/{ENDPOINT}/deployments", list[Deployment])
            first = min(deployments, key=lambda each: each.number)
            self._first = load_predictor(bundles / first.digest)
        scored = self._first.predict_columns(table.select(INPUTS).to_dict(as_series=False), table.height)
        return [float(score) for score in scored["probability"]]  # type: ignore[arg-type]  # a probability is a number


def _key(name: str) -> str:
    """Return a fixed id for an act that must happen once."""
    return f"demo{name}".encode().hex().ljust(32, "0")[:32]
