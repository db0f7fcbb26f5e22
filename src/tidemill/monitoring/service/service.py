"""What one can do about monitoring."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from tidemill.core.access import SYSTEM, Actor
from tidemill.core.errors import TidemillError
from tidemill.core.limits import check_limit
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.delivery.ports import Arms, Latencies
from tidemill.delivery.rules import EndpointNotFound
from tidemill.delivery.store import find_endpoint
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.records import Edge
from tidemill.monitoring import rules
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.ports import Notifier, OnTrigger, Registry, TrainingRows
from tidemill.monitoring.records import (
    Alert,
    AlertState,
    FeedbackReceipt,
    FeedbackReport,
    FeedbackRow,
    Monitor,
    MonitorReferenceInfo,
    Notification,
    Prediction,
    Problem,
    Status,
    Tick,
    Trigger,
)
from tidemill.monitoring.service.counting import Counter
from tidemill.monitoring.service.feedback import Feedback
from tidemill.monitoring.service.judging import Judge, watermark_of
from tidemill.monitoring.service.observing import Observations
from tidemill.monitoring.service.outbox import Outbox, installed
from tidemill.monitoring.service.predictions import Predictions
from tidemill.monitoring.service.references import References
from tidemill.monitoring.service.sealing import Sealer, fresh_frames
from tidemill.monitoring.service.timetable import CRON_TICK, Timetable
from tidemill.monitoring.service.triggers import Triggers
from tidemill.monitoring.settings import MonitorSettings
from tidemill.monitoring.store import alerts as alert_store
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as window_store
from tidemill.monitoring.store.tables import segments
from tidemill.objects import ObjectStore
from tidemill.workflows.ports import Flow, Workflows

TICK = "monitoring.tick"


class MonitoringService:
    """The verbs of monitoring.

    Args:
        ledger: Where the rows are.
        objects: Where segments, lots of truths and references are.
        capture: The folder in which the data plane captures.
        training: Gives the rows of dataset versions, for references.
        registry: Knows and asks model versions, for references.
        on_trigger: Starts retrainings; triggers wait while there is none.
        notifiers: Gives the notifiers by name.
    """

    local = frozenset({"observe", "latencies", "prediction_ref_edges", "define", "take_up", "schedule", "offer"})

    def __init__(
        self,
        ledger: Ledger,
        objects: ObjectStore,
        capture: Path,
        *,
        training: TrainingRows | None = None,
        registry: Registry | None = None,
        on_trigger: OnTrigger | None = None,
        notifiers: Callable[[], Mapping[str, Notifier]] = installed,
    ) -> None:
        self._ledger = ledger
        self._archive = Archive(objects, capture)
        self._references = References(ledger, objects, training, registry)
        self._feedback = Feedback(ledger, self._archive)
        self._predictions = Predictions(ledger, self._archive, self._feedback)
        self._sealer = Sealer(ledger, self._archive)
        self._counter = Counter(ledger, self._archive, self._references)
        self._judge = Judge(ledger, self._archive, self._references, self._feedback)
        self._observations = Observations(ledger, self._archive)
        self._triggers = Triggers(ledger)
        self._timetable = Timetable(ledger, self._triggers)
        self._outbox = Outbox(ledger, notifiers)
        self.on_trigger = on_trigger
        self._turn = threading.RLock()

    # Monitors

    def configure_monitor(self, actor: Actor, *, endpoint: str, settings: MonitorSettings) -> Monitor:
        """Say what is watched at an endpoint; windows that are there are judged anew.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            InvalidInput: If a setting cannot be meant.
        """
        rules.check_settings(settings)
        self._outbox.check(settings.notify)

        def work(tx: Transaction) -> Monitor:
            _need_endpoint(tx, endpoint)
            there = window_store.find_monitor(tx.connection, endpoint)
            before = there.settings if there else MonitorSettings()
            if there is not None and before == settings:
                return there
            window_store.set_monitor(tx, endpoint, settings)
            if before.window != settings.window:
                window_store.drop_windows(tx, endpoint)
                segment_store.recount(tx, segments.c.endpoint == endpoint)
            else:
                window_store.all_dirty(tx, endpoint)
            tx.audit("monitor.configure", Ref("endpoint", endpoint), window=settings.window)
            return Monitor(endpoint=endpoint, settings=settings, updated_at=tx.now)

        with self._turn:
            configured = self._ledger.write(actor, work)
            self._timetable.bring_in_line()
        return configured

    def get_monitor(self, actor: Actor, *, endpoint: str) -> Monitor:
        """Return what is watched at an endpoint; the defaults when nothing was said.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        del actor
        with self._ledger.read() as connection:
            if find_endpoint(connection, endpoint) is None:
                raise _no_endpoint(endpoint)
            found = window_store.find_monitor(connection, endpoint)
        return found or Monitor(endpoint=endpoint, settings=MonitorSettings())

    def set_reference(
        self, actor: Actor, *, model: str, rows: str, holdout: str = "", time: str | None = None
    ) -> MonitorReferenceInfo:
        """Say what a model version was trained on, so that live data can be compared with it.

        Args:
            actor: Who says it.
            model: The version, such as `delay@3`.
            rows: Its training rows: `artifact:DIGEST` of a Parquet file, or `dataset_version:ID`.
            holdout: Rows that it did not see, for what its score was like; the training rows when left out.
            time: The column that says when a row happened, for how much the data varies by itself.

        Raises:
            InvalidReferenceSource: If rows cannot be read from what is named.
            TimeNotMoments: If the time column holds no moments.
        """
        name, version = self._references.resolve(model)
        table = self._references.read_rows(rows)
        unseen = self._references.read_rows(holdout) if holdout else None
        found = self._references.build(name, version, rows=table, holdout=unseen, time=time)
        with self._turn:
            return self._references.keep(actor, name, version, found, rows)

    # Predictions and feedback

    def prediction(self, actor: Actor, *, id: str) -> Prediction:  # noqa: A002 - the word of the API
        """Return a prediction: where it was answered, by what, from which inputs, and what became true.

        Raises:
            PredictionNotFound: If no captured prediction has that id.
        """
        del actor
        return self._predictions.find(id)

    def predictions(
        self, actor: Actor, *, endpoint: str, limit: int = 50, before: Moment | None = None
    ) -> list[Prediction]:
        """Return the latest predictions of an endpoint, newest first.

        Args:
            actor: Who asks.
            endpoint: The endpoint.
            limit: The most predictions; 1 to 1,000.
            before: Only those that arrived before this moment.

        Raises:
            InvalidLimit: If the limit is not from 1 to 1000.
        """
        del actor
        return self._predictions.latest(endpoint, check_limit(limit, "predictions"), before)

    def prediction_ref_edges(self, ref: Ref) -> list[Edge]:
        """Return the edges that end at a prediction; predictions are too many for rows of their own.

        Returns:
            The deployment that answered; nothing when there is no such prediction.
        """
        try:
            return self._predictions.edges(ref.id)
        except rules.PredictionNotFound:
            return []

    def add_feedback(self, actor: Actor, *, endpoint: str, rows: list[FeedbackRow]) -> FeedbackReceipt:
        """Say what became true of predictions: at any time, late, twice or corrected; the latest truth counts.

        Ids that are not known are taken too, because truths may come before their predictions are sealed.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            InvalidFeedback: If a truth cannot be taken; then none is.
        """
        with self._ledger.read() as connection:
            if find_endpoint(connection, endpoint) is None:
                raise _no_endpoint(endpoint)
        return self._feedback.add(actor, endpoint, rows)

    def feedback_report(self, actor: Actor, *, endpoint: str) -> FeedbackReport:
        """Return how the truths of an endpoint meet its predictions, and which ids are unknown."""
        del actor
        return self._feedback.report(endpoint)

    # The pass

    def tick(self, actor: Actor, *, fresh: bool = True) -> Tick:
        """Seal, count, judge, alert, fire, notify: one pass that may be done at any time and again.

        Args:
            actor: On whose order.
            fresh: Whether what is captured and not in a closed file yet is taken too.
        """
        with self._turn:
            sealed = self._sealer.seal(actor, fresh=fresh)
            counted = self._counter.count(actor)
            problems = [*sealed.problems, *counted.problems]
            try:
                self._feedback.join(actor)
            except TidemillError as error:
                problems.append(Problem(what="join feedback", code=error.code, message=error.message))
            judged = self._judge.judge(actor)
            problems += judged.problems + self._triggers.follow(actor, self.on_trigger)
            sent, failed = self._outbox.deliver(actor)
        return Tick(
            segments=sealed.segments,
            rows=sealed.rows,
            summarised=counted.segments,
            windows=judged.windows,
            alerts=judged.alerts,
            triggers=judged.triggers,
            notifications=sent,
            problems=[*problems, *failed],
        )

    def define(self, workflows: Workflows) -> None:
        """Name the pass and the ticks of cron lines as durable workflows; before `launch`."""
        workflows.define(TICK, self._tick_flow)
        workflows.define(CRON_TICK, self._timetable.run)

    def take_up(self, workflows: Workflows) -> None:
        """Keep the cron lines of the monitors; after `launch`."""
        self._timetable.take_up(workflows)

    def schedule(self, workflows: Workflows, *, every_s: float = 5.0) -> None:
        """Let the pass be done every so many seconds; after `launch`."""
        workflows.schedule(TICK, workflow=TICK, every_s=every_s)

    def _tick_flow(self, flow: Flow) -> int:
        return flow.step("pass", self._scheduled)

    def _scheduled(self) -> int:
        return self.tick(SYSTEM, fresh=False).rows

    # Status

    def status(self, actor: Actor, *, endpoint: str, windows: int = 60) -> Status:
        """Return an endpoint at a glance: traffic, drift and performance by window, open alerts, triggers.

        Args:
            actor: Who asks.
            endpoint: The endpoint.
            windows: The most windows; 1 to 1,000.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            InvalidLimit: If the number of windows is not from 1 to 1000.
        """
        check_limit(windows, "windows")
        monitor = self.get_monitor(actor, endpoint=endpoint)
        fresh = sum(
            len(frame.ids)
            for _, frames in fresh_frames(self._ledger, self._archive)
            for _, frame in frames
            if frame.endpoint == endpoint
        )
        with self._ledger.read() as connection:
            rows, failures, faults = segment_store.totals(connection, endpoint)
            found = window_store.list_windows(connection, endpoint, limit=windows)
            versions = sorted({(one.model, one.version) for window in found for one in window.versions})
            return Status(
                endpoint=endpoint,
                settings=monitor.settings,
                watermark=watermark_of(connection, endpoint),
                rows=rows,
                fresh_rows=fresh,
                failures=failures,
                faults=faults,
                windows=found,
                alerts=alert_store.list_alerts(connection, endpoint=endpoint, state=AlertState.OPEN),
                triggers=alert_store.list_triggers(connection, endpoint=endpoint, limit=20),
                references=window_store.list_references(connection, versions),
            )

    def observe(
        self, *, endpoint: str, stable: str, canary: str, since_ms: int, watch: list[str], slow_ms: float
    ) -> Arms:
        """Return the counts of both deployments of a rollout since a moment; see `delivery.ports.Observer`."""
        return self._observations.observe(
            endpoint=endpoint, stable=stable, canary=canary, since_ms=since_ms, watch=watch, slow_ms=slow_ms
        )

    def latencies(self, *, endpoint: str, deployment: str, share: float) -> Latencies:
        """Return how long the latest answers of a deployment took; see `delivery.ports.Observer`."""
        return self._observations.latencies(endpoint=endpoint, deployment=deployment, share=share)

    # Alerts

    def list_alerts(
        self, actor: Actor, *, endpoint: str = "", state: AlertState | None = None, limit: int = 100
    ) -> list[Alert]:
        """Return alerts, newest first.

        Raises:
            InvalidLimit: If the limit is not from 1 to 1000.
        """
        del actor
        check_limit(limit, "alerts")
        with self._ledger.read() as connection:
            return alert_store.list_alerts(connection, endpoint=endpoint, state=state, limit=limit)

    def get_alert(self, actor: Actor, *, id: str) -> Alert:  # noqa: A002 - the word of the API
        """Return an alert.

        Raises:
            AlertNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            found = alert_store.find_alert(connection, id)
        if found is None:
            raise rules.AlertNotFound(f"There is no alert {shown(id)}", hint="List them with `tidemill alerts list`.")
        return found

    def acknowledge(self, actor: Actor, *, id: str) -> Alert:  # noqa: A002 - the word of the API
        """Say that a person has seen an alert; the first one to say so stays on record.

        Raises:
            AlertNotFound: If there is none of that id.
        """
        self.get_alert(actor, id=id)

        def work(tx: Transaction) -> Alert:
            found = alert_store.find_alert(tx.connection, id)
            assert found is not None  # noqa: S101 - alerts are never removed
            if found.acknowledged_at is None:
                found = msgspec.structs.replace(found, acknowledged_by=actor.name, acknowledged_at=tx.now)
                alert_store.write_alert(tx, found)
                tx.audit("alert.acknowledge", Ref("alert", id))
            return found

        return self._ledger.write(actor, work)

    def list_notifications(self, actor: Actor, *, alert: str = "", limit: int = 100) -> list[Notification]:
        """Return what was or is to be sent of alerts, newest first.

        Raises:
            InvalidLimit: If the limit is not from 1 to 1000.
        """
        del actor
        check_limit(limit, "notifications")
        with self._ledger.read() as connection:
            return alert_store.list_notifications(connection, alert=alert, limit=limit)

    # Triggers

    def fire(self, actor: Actor, *, endpoint: str, cause: str = "manual", reason: str = "", key: str = "") -> Trigger:
        """Ask for a retraining of what an endpoint serves; the answer says if it is not followed, and why.

        Args:
            actor: Who asks.
            endpoint: The endpoint.
            cause: `manual`, `new_data` or `schedule`; alerts, cron lines and watched sources fire by themselves.
            reason: Why, for the record.
            key: Firing again with the same key returns the same trigger.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        return self._triggers.fire(actor, endpoint, cause, reason, key)

    def offer(self, actor: Actor, *, endpoint: str, cause: str, reason: str, key: str) -> Trigger:
        """Fire for a state that lasts, once; and again when what kept the first from being followed is over.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        return self._triggers.offer(actor, endpoint, cause, reason, key)

    def list_triggers(self, actor: Actor, *, endpoint: str = "", limit: int = 100) -> list[Trigger]:
        """Return triggers, newest first.

        Raises:
            InvalidLimit: If the limit is not from 1 to 1000.
        """
        del actor
        check_limit(limit, "triggers")
        with self._ledger.read() as connection:
            return alert_store.list_triggers(connection, endpoint=endpoint, limit=limit)

    def settle_trigger(self, actor: Actor, *, id: str, outcome: str, detail: str = "") -> Trigger:  # noqa: A002
        """Say what came of the retraining that a trigger started: `helped`, `no_help` or `failed`.

        Raises:
            TriggerNotFound: If there is none of that id.
            TriggerSettled: If another outcome was told before.
        """
        return self._triggers.settle(actor, id, outcome, detail)


def _need_endpoint(tx: Transaction, endpoint: str) -> None:
    if find_endpoint(tx.connection, endpoint) is None:
        raise _no_endpoint(endpoint)


def _no_endpoint(endpoint: str) -> EndpointNotFound:
    return EndpointNotFound(f"There is no endpoint {shown(endpoint)}", hint="List them with `tidemill endpoints list`.")
