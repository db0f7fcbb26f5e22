"""How the two deployments of a rollout do, looked at every second: only what is new is read at each look.

What was counted is remembered by capture file and byte. A file that was sealed and removed before its end was read is
counted from its segments, whose rows know the byte at which their frame began.
"""

import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, from_ms
from tidemill.delivery.ports import Arms, ArmStats, Latencies
from tidemill.ledger import Ledger
from tidemill.monitoring import latency
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.frames import OUTPUT, score_column
from tidemill.monitoring.service.judging import numeric_truths
from tidemill.monitoring.settings import MonitorSettings
from tidemill.monitoring.store import feedback as feedback_store
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as window_store
from tidemill.serving.capture import PayloadReader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

LOSSES = frozenset({"log_loss", "brier", "accuracy", "absolute_error", "mae"})
_SURE = 1e-3
_MOST_ROWS = 2_000_000
_MOST_STATES = 16
_RECENT_ROWS = 100_000  # as many of the latest tell what a deployment is like; enough for any quantile to be asked
STABLE, CANARY = 0, 1


class _Head(msgspec.Struct, frozen=True):
    """What counting needs of a frame; the rest is skipped by the decoder."""

    t: int
    endpoint: str
    ms: float = 0.0
    deployment: str = ""
    ids: list[str] = []
    requests: int = 1


class _Scored(_Head, frozen=True):
    outputs: dict[str, list[object]] = {}


_decode_head = msgspec.msgpack.Decoder(_Head).decode
_decode_scored = msgspec.msgpack.Decoder(_Scored).decode


class _Arm:
    def __init__(self) -> None:
        self.requests = self.errors = self.slow = 0


class _State:
    """What one observation has counted so far."""

    def __init__(
        self, arms: dict[str, int], since_ms: int, slow_ms: float, losses: list[str], settings: MonitorSettings
    ) -> None:
        self.settings = settings
        self.arms = arms
        self.since_ms = since_ms
        self.slow_ms = slow_ms
        self.losses = losses
        self.counted: dict[str, int] = {}
        self.stats = (_Arm(), _Arm())
        self.rows: list[pl.DataFrame] = []
        self.row_count = 0
        self.next_unit = 0
        self.truths: dict[str, str] = {}
        self.last_seq = -1
        self.batches: set[str] = set()
        self.is_stale = False
        self.scores: tuple[dict[str, tuple[int, float, float]], dict[str, tuple[int, float, float]]] = ({}, {})

    def add(self, arm: int, *, answered: int, slow: int, errors: int) -> None:
        stats = self.stats[arm]
        stats.requests += answered + errors
        stats.errors += errors
        stats.slow += slow

    def keep(self, lot: "pl.DataFrame", arm: int) -> None:
        """Keep rows with `prediction_id`, `score` and `unit`, until their truths are known."""
        lot = lot.select("prediction_id", "score", "unit", pl.lit(arm, dtype=pl.Int8).alias("arm"))
        self.rows.append(lot)
        self.row_count += lot.height
        self.is_stale = True
        while self.row_count - self.rows[0].height > _MOST_ROWS:
            self.row_count -= self.rows.pop(0).height
        if len(self.rows) > 200:
            self.rows = [pl.concat(self.rows)]


class _Lot:
    """Scored rows of one arm, gathered frame by frame."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.scores: list[object] = []
        self.units: list[int] = []

    def add(self, state: _State, head: _Head, scores: list[object]) -> None:
        self.ids += head.ids
        self.scores += scores
        rows = len(head.ids)
        if head.requests == rows:
            self.units += range(state.next_unit, state.next_unit + rows)
        else:  # One request of several rows; requests of several rows each count as one, which claims less.
            self.units += [state.next_unit] * rows
        state.next_unit += rows

    def table(self) -> "pl.DataFrame":
        scores = pl.Series("score", self.scores, strict=False).cast(pl.Float64, strict=False)
        units = pl.Series("unit", self.units, dtype=pl.Int64)
        return pl.DataFrame([pl.Series("prediction_id", self.ids, dtype=pl.String), scores, units])


def _units(state: _State, answered: "pl.DataFrame", score: str) -> "pl.DataFrame":
    """Return the scored rows of a segment with the request that each belongs to."""
    alone = pl.col("requests").sum().over("frame") == pl.len().over("frame")
    first = state.next_unit
    state.next_unit += answered.height
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    return answered.select(
        "prediction_id",
        pl.col(score).cast(pl.Float64, strict=False).alias("score"),
        (first + pl.when(alone).then(place).otherwise(place.min().over("frame"))).alias("unit"),
    )


class Observations:
    """Counts what deployments did; the observer of rollouts.

    Args:
        ledger: Where segments and truths are recorded.
        archive: Where capture files and segments are.
    """

    def __init__(self, ledger: Ledger, archive: Archive) -> None:
        self._ledger = ledger
        self._archive = archive
        self._states: dict[tuple[object, ...], _State] = {}
        self._lock = threading.Lock()

    def observe(
        self, *, endpoint: str, stable: str, canary: str, since_ms: int, watch: list[str], slow_ms: float
    ) -> Arms:
        """Return the counts of both deployments since a moment."""
        losses = sorted(LOSSES & set(watch))
        key = (endpoint, stable, canary, since_ms, slow_ms, *losses)
        with self._lock:
            if key not in self._states:
                if len(self._states) >= _MOST_STATES:
                    self._states.pop(next(iter(self._states)))
                arms = {stable: STABLE, canary: CANARY}
                self._states[key] = _State(arms, since_ms, slow_ms, losses, self._settings(endpoint))
            state = self._states[key]
            self._count_files(state, endpoint)
            self._count_segments(state, endpoint)
            if losses:
                self._score(state, endpoint)
            return Arms(stable=_told(state, STABLE), canary=_told(state, CANARY))

    def latencies(self, *, endpoint: str, deployment: str, share: float) -> Latencies:
        """Return how long the latest answers of a deployment took that are in windows by now."""
        with self._ledger.read() as connection:
            counts = window_store.latest_latencies(connection, endpoint, deployment, _RECENT_ROWS)
        return Latencies(rows=sum(counts), quantile_ms=latency.quantile(counts, share))

    def _settings(self, endpoint: str) -> MonitorSettings:
        with self._ledger.read() as connection:
            monitor = window_store.find_monitor(connection, endpoint)
        return monitor.settings if monitor else MonitorSettings()

    def _count_files(self, state: _State, endpoint: str) -> None:
        for path in self._archive.files() if self._archive.folder.is_dir() else []:
            try:
                if path.stat().st_mtime * 1000 >= state.since_ms:
                    self._count_file(state, endpoint, path)
            except FileNotFoundError:
                continue  # Sealed just now: its segments are counted below.

    def _count_file(self, state: _State, endpoint: str, path: Path) -> None:
        reader = PayloadReader(path, start=state.counted.get(path.stem, 0))
        decode = _decode_scored if state.losses else _decode_head
        lots: dict[int, _Lot] = {}
        for payload in reader.payloads():
            head = decode(payload)
            arm = state.arms.get(head.deployment)
            if head.endpoint != endpoint or arm is None or head.t <= state.since_ms:
                continue
            if not head.ids:
                # Rows that no signature takes are refused before a deployment is chosen, and count for neither.
                state.add(arm, answered=0, slow=0, errors=1)
                continue
            slow = head.requests if head.ms > state.slow_ms else 0
            state.add(arm, answered=head.requests, slow=slow, errors=0)
            if isinstance(head, _Scored):
                name = score_column([OUTPUT + one for one in head.outputs], state.settings.score)
                if name is not None:
                    lot = lots.setdefault(arm, _Lot())
                    lot.add(state, head, head.outputs[name.removeprefix(OUTPUT)])
        state.counted[path.stem] = max(reader.end, state.counted.get(path.stem, 0))
        for arm, lot in lots.items():
            state.keep(lot.table(), arm)

    def _count_segments(self, state: _State, endpoint: str) -> None:
        with self._ledger.read() as connection:
            segments = segment_store.since(connection, endpoint, from_ms(state.since_ms))
        behind = [one for one in segments if one.end > state.counted.get(one.source, 0)]
        for segment in behind:
            arm = state.arms.get(segment.deployment)
            if arm is None:
                continue
            start = state.counted.get(segment.source, 0)
            late = (pl.col("frame") >= start) & (pl.col("at") > from_ms(state.since_ms))
            rows = self._archive.scan(segment.digest).filter(late).collect()
            answered = rows.filter(pl.col("prediction_id").is_not_null())
            slow = int(answered.filter(pl.col("latency_ms") > state.slow_ms)["requests"].sum())
            errors = rows.height - answered.height
            state.add(arm, answered=int(answered["requests"].sum()), slow=slow, errors=errors)
            name = score_column(rows.columns, state.settings.score) if state.losses else None
            if name is not None:
                state.keep(_units(state, answered, name), arm)
        for segment in behind:
            state.counted[segment.source] = max(segment.end, state.counted.get(segment.source, 0))

    def _score(self, state: _State, endpoint: str) -> None:
        self._take_truths(state, endpoint)
        if not state.is_stale or not state.truths or not state.rows:
            return
        settings = state.settings
        told = pl.DataFrame({"prediction_id": list(state.truths), "truth": list(state.truths.values())})
        joined = pl.concat(state.rows).join(told, on="prediction_id", how="inner")
        truth = numeric_truths(joined["truth"], settings.positive).to_numpy()
        score, arms, units = (joined[name].to_numpy() for name in ("score", "arm", "unit"))
        known = np.isfinite(truth) & np.isfinite(score)
        scale = settings.performance.scale if settings.performance else 1.0
        for arm in (STABLE, CANARY):
            mine = known & (arms == arm)
            for name in state.losses:
                found = _mean_by(units[mine], loss(name, truth[mine], score[mine], scale))
                state.scores[arm][name] = (len(found), math.fsum(found), math.fsum(found * found))
        state.is_stale = False

    def _take_truths(self, state: _State, endpoint: str) -> None:
        since: Moment = from_ms(state.since_ms)
        with self._ledger.read() as connection:
            if state.last_seq < 0:
                state.last_seq = feedback_store.last_row_before(connection, endpoint, since)
            rows = feedback_store.rows_since(connection, endpoint, state.last_seq)
            batches = feedback_store.batches_since(connection, endpoint, since)
        for seq, identifier, truth in rows:
            state.truths[identifier] = truth
            state.last_seq, state.is_stale = seq, True
        for batch in batches:
            if batch.id not in state.batches:
                lot = self._archive.scan(batch.digest).select("prediction_id", "truth").collect()
                state.truths.update(zip(lot["prediction_id"].to_list(), lot["truth"].to_list(), strict=True))
                state.batches.add(batch.id)
                state.is_stale = True


def _mean_by(units: "npt.NDArray[np.int64]", values: "Floats") -> "Floats":
    """Return the mean value of each unit."""
    _, places, counts = np.unique(units, return_inverse=True, return_counts=True)
    means: Floats = np.bincount(places, weights=values, minlength=len(counts)) / counts
    return means


def loss(name: str, truth: "Floats", score: "Floats", scale: float) -> "Floats":
    """Return the loss of each row in [0, 1], smaller for better.

    The logarithmic loss is cut at a probability of 0.001 and divided by the loss there; absolute errors are divided by
    the scale and cut at 1.
    """
    if name == "log_loss":
        right = np.where(truth == 1, score, 1 - score)
        found: Floats = -np.log(np.clip(right, _SURE, 1 - _SURE)) / -math.log(_SURE)
    elif name == "brier":
        found = np.clip(np.square(score - truth), 0.0, 1.0)
    elif name == "accuracy":
        found = ((score >= 0.5) != (truth == 1)).astype(np.float64)
    else:
        found = np.clip(np.abs(score - truth) / scale, 0.0, 1.0)
    return found


def _told(state: _State, arm: int) -> ArmStats:
    stats = state.stats[arm]
    return ArmStats(requests=stats.requests, errors=stats.errors, slow=stats.slow, scores=dict(state.scores[arm]))
