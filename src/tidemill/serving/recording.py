"""Finished batches: recorded first, answered after."""

import time
from typing import Literal

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.serving.answers import status_of
from tidemill.serving.batching import Batch, Job
from tidemill.serving.capture import CaptureWriter, pack_frame
from tidemill.serving.errors import CaptureUnavailable, ModelFailed
from tidemill.serving.metrics import Metrics
from tidemill.serving.targets import Target

CaptureRule = Literal["required", "best-effort"]

_encode = msgspec.json.Encoder(enc_hook=lambda value: value.item()).encode  # numpy's scalars


class Recorder:
    """Writes what a turn finished to the capture in one go, then answers its clients.

    Args:
        writer: The capture of this process.
        metrics: Counters of the process.
        rule: With `required` nothing is answered that could not be recorded.
    """

    def __init__(self, writer: CaptureWriter, metrics: Metrics, rule: CaptureRule) -> None:
        self._writer = writer
        self._metrics = metrics
        self._required = rule == "required"
        self._failures: list[bytes] = []

    def failed(self, *, endpoint: str, target: Target | None, error: TidemillError, t: int, ms: float) -> None:
        """Take note of a request that got an error; it is written with the next turn.

        Args:
            endpoint: The endpoint.
            target: Who was to answer; None when it was refused before that was chosen, so that nobody is to blame.
            error: The error.
            t: When it arrived, in milliseconds since the epoch.
            ms: How long it took.
        """
        frame = {"t": t, "endpoint": endpoint, "status": status_of(error), "code": error.code, "ms": round(ms, 3)}
        self._failures.append(pack_frame(frame | _answerer(target) if target else frame))

    def finish(self, batches: list[Batch]) -> None:
        """Record and answer."""
        frames, self._failures = self._failures, []
        ready: list[tuple[Batch, list[bytes]]] = []
        for batch in batches:
            if batch.error is None:
                try:
                    bodies = _bodies(batch)
                    frames.append(pack_frame(_frame(batch)))
                    ready.append((batch, bodies))
                except (TypeError, ValueError, OverflowError, AttributeError, NotImplementedError) as error:
                    batch.error = _unfit(batch, error)
            if batch.error is not None:
                frames += self._refuse(batch.jobs, batch.error)
        trouble = self._write(frames)
        for batch, bodies in ready:
            if trouble is None:
                self._answer(batch, bodies)
            else:
                self._refuse(batch.jobs, trouble)

    def _write(self, frames: list[bytes]) -> CaptureUnavailable | None:
        if not frames:
            return None
        try:
            self._metrics.capture_bytes += self._writer.append(frames)
        except CaptureUnavailable as error:
            self._metrics.capture_failures += 1
            return error if self._required else None
        return None

    def _answer(self, batch: Batch, bodies: list[bytes]) -> None:
        now = time.perf_counter()
        counters = batch.jobs[0].target.counters
        counters.batches += 1
        self._metrics.in_flight -= len(batch.jobs)
        for job, body in zip(batch.jobs, bodies, strict=True):
            counters.answered(now - job.arrived, job.request.count)
            job.client.answer(body)

    def _refuse(self, jobs: list[Job], error: TidemillError) -> list[bytes]:
        """Send an error to the clients; return the frames that tell of it."""
        now = time.perf_counter()
        self._metrics.in_flight -= len(jobs)
        status = status_of(error)
        frames = []
        for job in jobs:
            target = job.target
            self._metrics.refused(target.endpoint, error.code, status)
            job.client.refuse(error)
            frame = {"t": job.t, "endpoint": target.endpoint, "status": status, "code": error.code}
            frame |= {"ms": _ms(now - job.arrived)} | _answerer(target)
            frames.append(pack_frame(frame))
        return frames


def _answerer(target: Target) -> dict[str, object]:
    return {
        "deployment": target.deployment,
        "model": target.model,
        "version": target.version,
        "route": target.route,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def _bodies(batch: Batch) -> list[bytes]:
    target = batch.jobs[0].target
    names = target.output_names
    bodies = []
    at = 0
    for job in batch.jobs:
        rows = batch.outputs[at : at + job.request.count]
        at += job.request.count
        predictions = _encode([dict(zip(names, row, strict=True)) for row in rows])
        # The ids are hex digits or were checked, so they need no escapes.
        ids = '","'.join(job.ids).encode()
        bodies.append(b'{"predictions":%b,"ids":["%b"]%b' % (predictions, ids, target.tail))
    return bodies


def _frame(batch: Batch) -> dict[str, object]:
    first = batch.jobs[0]
    target = first.target
    return {
        "t": first.t,
        "endpoint": target.endpoint,
        **_answerer(target),
        "ids": first.ids if len(batch.jobs) == 1 else [one for job in batch.jobs for one in job.ids],
        "columns": batch.columns(),
        "outputs": dict(zip(target.output_names, zip(*batch.outputs, strict=True), strict=True)),
        "ms": _ms(time.perf_counter() - first.arrived),
        "status": 200,
        "requests": len(batch.jobs),
    }


def _unfit(batch: Batch, error: Exception) -> ModelFailed:
    target = batch.jobs[0].target
    return ModelFailed(
        f"The outputs of the model {target.model} version {target.version} cannot be sent: {error}",
        hint="Give plain numbers, texts or booleans as outputs, one value for each name of the signature.",
    )
