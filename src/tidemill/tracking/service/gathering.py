"""Points of many requests, gathered into one unit of the ledger.

Whoever asks while a unit is on its way to the disk joins the next one, so that a sync of the disk and the statements
around it are shared. Nobody waits for others to come: the first to ask is on its way at once.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError, Unavailable
from tidemill.core.moments import to_ms
from tidemill.ledger import Ledger, Transaction
from tidemill.tracking import store
from tidemill.tracking.records import Metric
from tidemill.tracking.service.place import check_stage, need_models


@dataclass(slots=True)
class Asked:
    """What one request wants written.

    Args:
        actor: Who asks.
        run_id: The run.
        points: Its new points, checked.
        future: Done after the commit.
    """

    actor: Actor
    run_id: str
    points: Sequence[Metric]
    future: "Future[None]" = field(default_factory=Future)


class Gatherer:
    """Writes points, together with those of others who ask at the same time.

    Args:
        ledger: Where to.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Asked] = []
        self._gate = threading.Lock()

    def add(self, asked: Asked) -> "Future[None]":
        """Let a request join the next unit; its future is done after the commit."""
        with self._gate:
            self._waiting.append(asked)
            is_first = len(self._waiting) == 1
        if is_first:
            self._send(asked.actor, self._take)
        return asked.future

    def _take(self) -> list[Asked]:
        with self._gate:
            taken, self._waiting = self._waiting, []
        return [asked for asked in taken if asked.future.set_running_or_notify_cancel()]

    def _send(self, actor: Actor, take: Callable[[], list[Asked]]) -> None:
        unit = _Unit(take)
        try:
            sent = self._ledger.submit(actor, unit.write)
        except TidemillError as error:
            for asked in unit.taken():
                asked.future.set_exception(error)
            return
        sent.add_done_callback(lambda done: self._settle(unit, done.exception()))

    def _settle(self, unit: "_Unit", error: BaseException | None) -> None:
        everyone = unit.taken()
        if error is not None and len(everyone) > 1 and not isinstance(error, Unavailable):
            for asked in everyone:  # one of them is at fault: each by itself, so that it fails alone
                self._send(asked.actor, lambda asked=asked: [asked])  # type: ignore[misc]  # the loop's own value
            return
        for asked in everyone:
            refusal = error or unit.refused.get(id(asked))
            with suppress(InvalidStateError):
                if refusal is None:
                    asked.future.set_result(None)
                else:
                    asked.future.set_exception(refusal)


class _Unit:
    """One unit of the ledger, which may be run again: it keeps to those that it took first."""

    def __init__(self, take: Callable[[], list[Asked]]) -> None:
        self._take = take
        self._taken: list[Asked] | None = None
        self.refused: dict[int, TidemillError] = {}

    def taken(self) -> list[Asked]:
        """Return who is in this unit."""
        if self._taken is None:
            self._taken = self._take()
        return self._taken

    def write(self, tx: Transaction) -> None:
        """Write what may be written, and note who is refused."""
        everyone = self.taken()
        self.refused = {}
        stages = store.find_stages(tx.connection, list({asked.run_id for asked in everyone}))
        now = to_ms(tx.now)
        by_run: dict[str, list[Metric]] = {}
        for asked in everyone:
            try:
                check_stage(asked.run_id, stages.get(asked.run_id))
                need_models(tx.connection, {point.model_id for point in asked.points if point.model_id})
            except TidemillError as error:
                self.refused[id(asked)] = error
            else:
                by_run.setdefault(asked.run_id, []).extend(stamped(asked.points, now))
        store.write_points(tx.connection, by_run)


def stamped(points: Sequence[Metric], now_ms: int) -> Sequence[Metric]:
    """Return points with the present time where they came without one."""
    if all(point.timestamp for point in points):
        return points
    return [point if point.timestamp else _stamp(point, now_ms) for point in points]


def _stamp(point: Metric, now_ms: int) -> Metric:
    return Metric(
        key=point.key,
        value=point.value,
        step=point.step,
        timestamp=now_ms,
        model_id=point.model_id,
        dataset_name=point.dataset_name,
        dataset_digest=point.dataset_digest,
    )
