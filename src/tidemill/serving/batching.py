"""Requests that arrived in one turn of the event loop are answered together.

There is no timer, so a lone request never waits. Calls that are expected to be long run in a thread, and while one
runs, those that arrive gather into the next.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Protocol

from tidemill.core.errors import TidemillError
from tidemill.serving.decode import Request
from tidemill.serving.errors import ModelFailed, Overloaded, ServingFault
from tidemill.serving.limits import Limits
from tidemill.serving.metrics import Metrics
from tidemill.serving.targets import Target

_ROW_WAY_US = 50.0  # Up to here rows are cheaper one by one than turned into columns.
_LEARNING = 0.2


class Client(Protocol):
    """Where an answer goes."""

    gone: bool

    def answer(self, body: bytes) -> None:
        """Send the JSON of predictions."""

    def refuse(self, error: TidemillError) -> None:
        """Send an error."""


class Job:
    """One request on its way to the model and back."""

    __slots__ = ("arrived", "client", "ids", "names", "request", "t", "target")

    def __init__(
        self, client: Client, target: Target, names: tuple[str, ...], request: Request, ids: list[str]
    ) -> None:
        self.client = client
        self.target = target
        self.names = names
        self.request = request
        self.ids = ids
        self.t = 0
        self.arrived = 0.0


class Batch:
    """Requests of one target that one call of the model answers."""

    __slots__ = ("count", "error", "jobs", "outputs", "took_us")

    def __init__(self, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.count = sum([job.request.count for job in jobs])
        self.outputs: Sequence[tuple[object, ...]] = ()
        self.error: TidemillError | None = None
        self.took_us = 0.0

    def columns(self) -> dict[str, Sequence[object]]:
        """Return all rows by column: the inputs, then what passes through."""
        names = self.jobs[0].names
        if len(self.jobs) == 1 and self.jobs[0].request.columns is not None:
            return dict(zip(names, self.jobs[0].request.columns, strict=True))
        rows = [row for job in self.jobs for row in _rows(job.request)]
        return dict(zip(names, zip(*rows, strict=True), strict=True))


def _rows(request: Request) -> Iterable[tuple[object, ...]]:
    return request.rows if request.rows is not None else zip(*(request.columns or []), strict=True)


def predict(batch: Batch, *, on_loop: bool) -> None:
    """Call the model for a batch and put the outputs, or the error, into it.

    `predict_row` is called on the event loop only, so a predictor may keep one buffer for it.
    """
    target = batch.jobs[0].target
    started = time.perf_counter()
    try:
        if on_loop and _goes_by_row(batch, target):
            batch.outputs = _by_row(batch, target)
        else:
            batch.outputs = _by_column(batch, target)
    except Exception as error:  # noqa: BLE001  # a model may raise anything; its request gets the answer
        batch.error = _failed(target, error)
    batch.took_us = (time.perf_counter() - started) * 1e6


def _goes_by_row(batch: Batch, target: Target) -> bool:
    """Return whether calls row by row are the cheaper way: never for one large request."""
    return batch.count == 1 or (len(batch.jobs) > 1 and target.predictor.cost_hint_us <= _ROW_WAY_US)


def _by_row(batch: Batch, target: Target) -> list[tuple[object, ...]]:
    call = target.predictor.predict_row
    width = len(target.input_names)
    if width == len(batch.jobs[0].names):
        return [call(row) for job in batch.jobs for row in _rows(job.request)]
    return [call(row[:width]) for job in batch.jobs for row in _rows(job.request)]


def _by_column(batch: Batch, target: Target) -> list[tuple[object, ...]]:
    columns = batch.columns()
    inputs = {name: columns[name] for name in target.input_names}
    found = target.predictor.predict_columns(inputs, batch.count)
    outputs = list(zip(*(found[name] for name in target.output_names), strict=True))
    if len(outputs) != batch.count:
        raise ValueError(f"{len(outputs)} outputs for {batch.count} rows")  # shown to the caller
    return outputs


def _failed(target: Target, error: Exception) -> TidemillError:
    if isinstance(error, TidemillError):
        return error
    return ModelFailed(
        f"The model {target.model} version {target.version} raised {type(error).__name__}: {str(error)[:300]}",
        hint="Try the same rows on the model version in a run, or roll back the endpoint.",
    )


class Lane:
    """What waits for one target that answers off the loop."""

    __slots__ = ("busy", "rows", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.rows = 0
        self.busy = False


class Turn:
    """Gathers the requests of one event-loop turn, calls the models, and hands over what is finished.

    Args:
        loop: The event loop.
        executor: Threads for long calls.
        limits: How much, and for how long.
        metrics: Counters of the process.
        finish: Records and answers finished batches; called at most once a turn.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        executor: Executor,
        limits: Limits,
        metrics: Metrics,
        finish: Callable[[list[Batch]], None],
    ) -> None:
        self._loop = loop
        self._executor = executor
        self._limits = limits
        self._metrics = metrics
        self._finish = finish
        self._pending: list[Job] = []
        self._landed: list[Batch] = []
        self._lanes: dict[Target, Lane] = {}
        self._scheduled = False
        self._t = 0

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not (self._pending or self._landed or self._lanes)

    def submit(self, job: Job) -> None:
        """Take a request.

        Raises:
            Overloaded: If it would wait too long.
        """
        self.wake()
        job.t = self._t
        if job.request.count * job.target.row_us <= self._limits.on_loop_us:
            self._pending.append(job)
            return
        lane = self._lanes.get(job.target)
        if lane is None:
            lane = self._lanes[job.target] = Lane()
        wait_s = lane.rows * job.target.row_us / 1e6
        if wait_s > self._limits.queue_s:
            raise Overloaded(
                f"About {wait_s:.1f} s of work wait for the endpoint {job.target.endpoint}",
                hint="Try again later, or give the endpoint more processes.",
                details={"retry_after_s": int(wait_s) + 1},
            )
        lane.waiting.append(job)
        lane.rows += job.request.count

    def wake(self) -> None:
        """See to it that the turn is finished after all that arrived in it was read."""
        if not self._scheduled:
            self._scheduled = True
            self._t = time.time_ns() // 1_000_000
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        pending, self._pending = self._pending, []
        finished, self._landed = self._landed, []
        if pending:
            finished += self._run(pending)
        self._finish(finished)
        for target, lane in list(self._lanes.items()):
            if not lane.busy:
                self._start(target, lane)

    def _run(self, pending: list[Job]) -> list[Batch]:
        groups: dict[Target, list[Job]] = {}
        for job in pending:
            if job.client.gone:
                self._drop()
            else:
                groups.setdefault(job.target, []).append(job)
        batches = [batch for jobs in groups.values() for batch in self._pack(jobs)]
        for batch in batches:
            predict(batch, on_loop=True)
            _learn(batch)
        return [part for batch in batches for part in _alone_if_failed(batch, on_loop=True)]

    def _pack(self, jobs: list[Job]) -> list[Batch]:
        """Return batches of at most so many rows; a large request is one of its own."""
        batches: list[list[Job]] = []
        gathered: list[Job] = []
        rows = 0
        for job in jobs:
            count = job.request.count
            if count > self._limits.alone_rows:
                batches.append([job])
                continue
            if rows + count > self._limits.batch_rows or (gathered and gathered[0].names != job.names):
                batches.append(gathered)
                gathered, rows = [], 0
            gathered.append(job)
            rows += count
        if gathered:
            batches.append(gathered)
        return [Batch(batch) for batch in batches]

    def _start(self, target: Target, lane: Lane) -> None:
        """Send the next batch of a lane to a thread; a lane with nothing left is given up."""
        jobs: list[Job] = []
        rows = 0
        while lane.waiting:
            job = lane.waiting[0]
            count = job.request.count
            if jobs and (count > self._limits.alone_rows or rows + count > self._limits.batch_rows
                         or job.names != jobs[0].names):  # fmt: skip
                break
            lane.waiting.popleft()
            lane.rows -= count
            if job.client.gone:
                self._drop()
                continue
            jobs.append(job)
            rows += count
            if count > self._limits.alone_rows:
                break
        if not jobs:
            del self._lanes[target]
            return
        lane.busy = True
        batch = Batch(jobs)
        future = self._executor.submit(_work, batch)
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._land, lane, batch, done.result()))

    def _land(self, lane: Lane, batch: Batch, parts: list[Batch]) -> None:
        lane.busy = False
        _learn(batch)
        self._landed += parts
        self.wake()

    def _drop(self) -> None:
        self._metrics.dropped += 1
        self._metrics.in_flight -= 1


def _work(batch: Batch) -> list[Batch]:
    try:
        predict(batch, on_loop=False)
        return _alone_if_failed(batch, on_loop=False)
    except Exception as error:  # noqa: BLE001  # nothing may leave a client without an answer
        batch.error = ServingFault(f"The data plane failed: {type(error).__name__}", hint="Report this as a bug.")
        return [batch]


def _alone_if_failed(batch: Batch, *, on_loop: bool) -> list[Batch]:
    """Return the batch, or after an error each of its requests again alone: one may not spoil the others."""
    if batch.error is None or len(batch.jobs) == 1:
        return [batch]
    parts = [Batch([job]) for job in batch.jobs]
    for part in parts:
        predict(part, on_loop=on_loop)
    return parts


def _learn(batch: Batch) -> None:
    """Follow what a row costs, so that the choice between loop and thread is by what was measured."""
    target = batch.jobs[0].target
    target.row_us += _LEARNING * (batch.took_us / batch.count - target.row_us)
