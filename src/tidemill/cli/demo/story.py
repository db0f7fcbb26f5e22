"""The story of the demo, act by act; each act is done once, however often the demo is killed and resumed."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tidemill.checks.performance.metric import estimate
from tidemill.checks.performance.roc_auc import ROC_AUC
from tidemill.cli.demo.flights import FIRST_MONTHS, INPUTS, LABEL, Flights, copy_project
from tidemill.cli.demo.journal import Journal
from tidemill.cli.demo.replay import Answers, Replay
from tidemill.cli.demo.server import Running, end, ensure
from tidemill.cli.demo.telling import Month, act, aside, progress_line, say, summary, trace_lines
from tidemill.client import Client
from tidemill.core.errors import Unavailable
from tidemill.core.lazy import lazy
from tidemill.delivery.records import GateReport, Rollout
from tidemill.models.loading import load_predictor
from tidemill.monitoring.records import Alert, Tick, Trigger
from tidemill.projects.records import Delivery, DeliveryState, Project
from tidemill.projects.reading import FILE_NAME
from tidemill.tracking.records import Run

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

PROJECT, ENDPOINT = "flight-delays", "delay"
FIRST_DAYS = 3
_DELIVERY_S = 300.0
_ROLLOUT_S = 10.0
_MONTHS = "January February March April May June July August September October November December".split()


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
            _Story(folder, journal, flights, api, replay).tell(last_month)
        say(f"Done in {time.monotonic() - started:.0f} s.")
        if not ends:
            _stay(running)
    except KeyboardInterrupt:
        aside("stopped; continue with --resume")
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
    """

    def __init__(self, folder: Path, journal: Journal, flights: Flights, api: Client, replay: Replay) -> None:
        self._folder = folder
        self._journal = journal
        self._flights = flights
        self._api = api
        self._replay = replay
        self._first: "Callable[[pl.DataFrame], list[object]] | None" = None

    def tell(self, last_month: int) -> None:
        """Tell all acts."""
        act(1, "Data: January and February, with the weather known an hour before departure")
        for month in FIRST_MONTHS:
            self._flights.give(month)
        act(2, "Pipeline, gate, endpoint: will this flight arrive more than 30 minutes late?")
        self._deliver_first()
        act(3, f"Live: March to {_MONTHS[last_month - 1]} as HTTP requests, outcomes later by prediction id")
        months = [self._month(month) for month in range(FIRST_MONTHS[-1] + 1, last_month + 1)]
        self._post("/api/v1/monitoring/tick", Tick)
        act(4, "What the loop was worth, month by month (ROC AUC)")
        summary(months)
        act(5, "Behind one prediction")
        last = months[-1]
        trace_lines(self._api.get(f"/api/v1/trace/prediction:{last.example}", dict[str, Any]), last.example)
        aside(f"the same: tidemill trace prediction:{last.example} --home {self._folder / '.tidemill'}")

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
        self._tell_run(found)
        self._tell_gate(found)
        if found.state is not DeliveryState.DEPLOYED:
            raise DemoStuck(f"The first delivery was {found.state.value}: {found.reason}", hint="See server.log.")
        self._settled(found)

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
        delivery, alerts, trigger = self._look_back(month, key)
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
        found = self._summary(name, table, both, told, delivery, ended, alerts, trigger)
        self._journal.finish(f"{key}/summary", found._asdict())
        return found

    def _look_back(self, month: int, key: str) -> tuple[Delivery | None, list[Alert], Trigger | None]:
        """Judge the month before, and follow what that starts."""
        if month == FIRST_MONTHS[-1] + 1:
            return None, [], None
        before = self._journal.done(f"{key}/delivery")
        if before is not None:
            delivery = self._api.get(f"/api/v1/deliveries/{before}", Delivery)
            return delivery, [], None
        self._post("/api/v1/monitoring/tick", Tick)
        alerts = self._api.get("/api/v1/alerts", list[Alert], endpoint=ENDPOINT, state="open")
        for alert in alerts:
            aside(f"  alert ({alert.kind.value}): {alert.reason}")
        delivery = self._latest_delivery(since=self._journal.done("delivery-before"))
        trigger = None
        if delivery is None:
            body = {"cause": "new_data", "reason": f"the outcomes of {_MONTHS[month - 2]} are in", "key": _key(key)}
            trigger = self._api.post(f"/api/v1/endpoints/{ENDPOINT}/triggers", Trigger, body)
            self._post("/api/v1/monitoring/tick", Tick)
            delivery = self._latest_delivery(since=self._journal.done("delivery-before"), wait=True)
        if delivery is None:
            aside("  no retraining: " + (trigger.reason if trigger else "nothing asked for one"))
            return None, alerts, trigger
        aside(f"  retraining ({delivery.cause})")
        delivery = self._follow(delivery.id)
        self._tell_gate(delivery)
        self._journal.finish("delivery-before", delivery.id)
        self._journal.finish(f"{key}/delivery", delivery.id)
        return delivery, alerts, trigger

    def _latest_delivery(self, *, since: str | None, wait: bool = False) -> Delivery | None:
        deadline = time.monotonic() + (5.0 if wait else 0.5)
        while True:
            found = self._api.get("/api/v1/deliveries", list[Delivery], project=PROJECT, limit=1)
            if found and found[0].id not in {since, _key("first")}:
                return found[0]
            if time.monotonic() > deadline:
                return None
            time.sleep(0.1)

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
        alerts: list[Alert],
        trigger: Trigger | None,
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
        elif trigger is not None:
            decision, reason = "no retraining", trigger.reason
        return Month(
            name=name,
            flights=table.height,
            told=told,
            versions=sorted(set(answers.versions)),
            as_is=kept.value,
            loop=loop.value,
            loop_low=loop.low,
            loop_high=loop.high,
            alerts=len(alerts),
            decision=decision,
            reason=reason,
            example=answers.ids[-1],
        )

    def _as_is(self, table: "pl.DataFrame") -> list[object]:
        """Return the scores of the first model, kept as it is."""
        if self._first is None:
            bundles = self._folder / ".tidemill" / "serving" / "bundles"
            deployments = self._api.get(f"/api/v1/endpoints/{ENDPOINT}/deployments", list[dict[str, Any]])
            predictor = load_predictor(bundles / deployments[-1]["digest"])
            self._first = lambda rows: predictor.predict_columns(
                rows.select(INPUTS).to_dict(as_series=False), rows.height
            )["probability"]
        return self._first(table)

    def _post(self, path: str, kind: type[Any]) -> None:
        self._api.post(path, kind)


def _key(name: str) -> str:
    """Return a fixed id for an act that must happen once."""
    return f"demo{name}".encode().hex().ljust(32, "0")[:32]

