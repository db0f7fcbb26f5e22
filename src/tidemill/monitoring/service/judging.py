"""Windows are judged when they are complete, and again when late rows or truths change them."""

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, parse_duration, utc_now
from tidemill.delivery.store import find_endpoint
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring.archive import Archive, labels
from tidemill.monitoring.calendar import parse_window
from tidemill.monitoring.drift import judge_window
from tidemill.monitoring.frames import score_column
from tidemill.monitoring.performance import Answers, judge_performance
from tidemill.monitoring.records import Alert, Drift, Monitor, Performance, Problem, Trigger
from tidemill.monitoring.service.alerting import follow
from tidemill.monitoring.service.baselines import Baselines
from tidemill.monitoring.service.feedback import Feedback
from tidemill.monitoring.service.references import References
from tidemill.monitoring.settings import MonitorSettings, Scalar
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as store
from tidemill.monitoring.store.windows import Part

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_LATE_START = 0.1
_MOST_OF_IT = 0.6
_KEPT = ("prediction_id", "event_time")


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass judged."""

    windows: dict[str, list[Moment]] = {}
    alerts: list[Alert] = []
    triggers: list[Trigger] = []
    problems: list[Problem] = []


class Judge:
    """Judges windows, and lets alerts and triggers follow.

    Args:
        ledger: Where windows are.
        archive: Where the rows are.
        references: What they are compared with.
        feedback: The truths.
    """

    def __init__(self, ledger: Ledger, archive: Archive, references: References, feedback: Feedback) -> None:
        self._ledger = ledger
        self._archive = archive
        self._references = references
        self._feedback = feedback
        self._baselines = Baselines(ledger)

    def judge(self, actor: Actor) -> Judged:
        """Judge every window that is complete and new or changed, oldest first."""
        with self._ledger.read() as connection:
            monitors = {monitor.endpoint: monitor for monitor in store.list_monitors(connection)}
            endpoints = store.endpoints(connection)
        windows: dict[str, list[Moment]] = {}
        alerts: list[Alert] = []
        triggers: list[Trigger] = []
        problems: list[Problem] = []
        for endpoint in endpoints:
            monitor = monitors.get(endpoint) or Monitor(endpoint=endpoint, settings=MonitorSettings())
            for start, end, is_ripe in self._due(monitor):
                try:
                    changed, fired = self._judge(actor, monitor, start, end, is_ripe=is_ripe)
                except TidemillError as error:
                    what = f"judge {endpoint} from {start.isoformat()}"
                    problems.append(Problem(what=what, code=error.code, message=error.message))
                    continue
                windows.setdefault(endpoint, []).append(start)
                alerts += changed
                triggers += fired
        return Judged(windows=windows, alerts=alerts, triggers=triggers, problems=problems)

    def _due(self, monitor: Monitor) -> list[tuple[Moment, Moment, bool]]:
        with self._ledger.read() as connection:
            now = watermark_of(connection, monitor.endpoint)
            if now is None:
                return []
            complete = now - parse_duration(monitor.settings.lateness)
            delay = monitor.settings.performance.label_delay if monitor.settings.performance else "0s"
            ripe = now - parse_duration(delay)
            found = store.due(connection, monitor.endpoint, complete, ripe)
        return [(start, end, end <= ripe) for start, end in found]

    def _judge(
        self, actor: Actor, monitor: Monitor, start: Moment, end: Moment, *, is_ripe: bool
    ) -> tuple[list[Alert], list[Trigger]]:
        with self._ledger.read() as connection:
            parts = store.parts_of(connection, monitor.endpoint, start)
            now = watermark_of(connection, monitor.endpoint) or end
            earliest = segment_store.earliest(connection, monitor.endpoint)
        is_whole = earliest is None or earliest <= start + (end - start) * _LATE_START
        drift = self._drift(monitor.settings, parts) if is_whole else None
        performance = self._performance(monitor, parts, start, end, is_ripe=is_ripe)

        def work(tx: Transaction) -> tuple[list[Alert], list[Trigger]]:
            store.set_judged(tx, monitor.endpoint, start, drift=drift, performance=performance)
            return follow(tx, monitor, now)

        return self._ledger.write(actor, work)

    def _drift(self, settings: MonitorSettings, parts: list[Part]) -> Drift | None:
        """Return the drift of a window, of the version that answered most of it.

        None when no version did: a part of a window holds some hours or weekdays only, and would look like a change.
        """
        main = next((part for part in parts if part.summary is not None), None)
        if settings.drift is None or main is None or main.summary is None:
            return None
        if main.rows < _MOST_OF_IT * sum(part.rows for part in parts):
            return None
        reference = self._references.find(main.model, main.version)
        if reference is None:
            return None
        length = parse_window(settings.window).length
        columns, verdict, reason, rate = judge_window(reference, main.summary, settings.drift, length)
        return Drift(
            verdict=verdict,
            deployment=main.deployment,
            model=main.model,
            version=main.version,
            rows=main.summary.rows,
            false_alarm_rate=rate,
            columns=columns,
            reason=reason,
        )

    def _performance(
        self, monitor: Monitor, parts: list[Part], start: Moment, end: Moment, *, is_ripe: bool
    ) -> Performance | None:
        settings = monitor.settings.performance
        rows = self.rows(monitor.endpoint, start, end) if settings else None
        if settings is None or rows is None:
            return None
        found = self._baselines.find(settings, parts)
        name = score_column(rows.columns, monitor.settings.score)
        if name is None:
            return None
        truths = self._truths(monitor, rows)
        days = (rows["event_time"].dt.epoch("ms") // 86_400_000).to_numpy()
        score = rows[name].cast(pl.Float64, strict=False).to_numpy()
        answers = Answers(
            truth=truths,
            score=score,
            days=days,
            versions=rows["version"].to_numpy(),
            gates=rows["deployment"].replace_strict(found.places, default=-1, return_dtype=pl.Int64).to_numpy(),
        )
        is_mature = is_ripe or bool(np.isfinite(truths).all())
        return judge_performance(answers, settings, gates=found.gates, absent=found.absent, is_mature=is_mature)

    def rows(self, endpoint: str, start: Moment, end: Moment) -> "pl.DataFrame | None":
        """Return the answered rows of a stretch: id, event time, outputs, deployment, version; None without any."""
        with self._ledger.read() as connection:
            segments = segment_store.between_events(connection, endpoint, start, end)
        lots = []
        for segment in segments:
            table = self._archive.scan(segment.digest)
            names = [name for name in table.collect_schema().names() if name in _KEPT or name.startswith("output.")]
            inside = (pl.col("event_time") >= start) & (pl.col("event_time") < end)
            kept = table.select(names).filter(inside & pl.col("prediction_id").is_not_null())
            lots.append(kept.with_columns(*labels(segment)[:3:2]).collect())
        rows = pl.concat(lots, how="diagonal_relaxed") if lots else None
        return rows if rows is not None and rows.height else None

    def _truths(self, monitor: Monitor, rows: "pl.DataFrame") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        ids = rows["prediction_id"]
        told = self._feedback.latest_between(monitor.endpoint, str(ids.min()), str(ids.max()))
        joined = rows.select("prediction_id").join(told, on="prediction_id", how="left", maintain_order="left")
        return numeric_truths(joined["truth"], monitor.settings.positive).to_numpy()


def numeric_truths(texts: "pl.Series", positive: Scalar) -> "pl.Series":
    """Return truths (JSON) as numbers: 1 for the positive one and 0 for others, where a positive one is stated.

    Without one, true is 1, false is 0, numbers are themselves, and texts are not known.
    """
    name = texts.name
    known = (pl.col(name) != "null") & pl.col(name).is_not_null()
    if positive is None:
        words = pl.col(name).replace({"true": "1", "false": "0"})
        value = words.cast(pl.Float64, strict=False)
    else:
        same = pl.col(name).is_in([msgspec.json.encode(form).decode() for form in _forms(positive)])
        value = same.cast(pl.Float64)
    found = texts.to_frame().select(pl.when(known).then(value).otherwise(None).fill_null(float("nan")))
    return found.to_series()


def _forms(positive: Scalar) -> list[Scalar]:
    """Return the ways in which a value may be written: 1, 1.0 and true are the same truth."""
    if isinstance(positive, str) or positive is None:
        return [positive]
    forms: list[Scalar] = [positive, float(positive)]
    if float(positive).is_integer():
        forms.append(int(positive))
    return [*forms, bool(positive)] if positive in (0, 1) else forms


def watermark_of(connection: sa.Connection, endpoint: str) -> Moment | None:
    """Return how far the time of an endpoint's data has come; None before its first prediction.

    With a time column that is the latest event; without one it is the present.
    """
    found = segment_store.watermark(connection, endpoint)
    if found is None:
        return None
    known = find_endpoint(connection, endpoint)
    return found if known is not None and known.time else max(found, utc_now())
