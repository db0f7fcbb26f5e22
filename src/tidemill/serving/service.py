"""One serving process: the parts joined, started, drained and ended."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tidemill.serving.batching import Turn
from tidemill.serving.capture import CaptureWriter
from tidemill.serving.heads import HeadReader, HostRules
from tidemill.serving.limits import Limits
from tidemill.serving.metrics import Metrics
from tidemill.serving.plane import Plane
from tidemill.serving.protocol import Hub
from tidemill.serving.recording import CaptureRule, Recorder
from tidemill.serving.siblings import Siblings
from tidemill.serving.watching import Load, RoutesWatcher

_BACKLOG = 2048
_DRAIN_CHECK_S = 0.005


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a serving process is to run.

    Args:
        folder: `<home>/serving`.
        rules: Which hosts and origins may be named.
        limits: How much, and for how long.
        capture: Whether a prediction must be recorded before it is answered.
        segment_bytes: Size at which a capture segment is closed.
        segment_s: Age at which a capture segment is closed.
        guarded: Whether an endpoint without tokens is refused.
        siblings: Whether other processes serve the same port.
    """

    folder: Path
    rules: HostRules = HostRules()
    limits: Limits = Limits()
    capture: CaptureRule = "required"
    segment_bytes: int = 8 * 1024 * 1024
    segment_s: float = 60.0
    guarded: bool = False
    siblings: bool = False


class DataPlane:
    """A serving process.

    Args:
        options: How it is to run.
        load: Loads a model folder.
        loop: The event loop.
    """

    def __init__(self, options: Options, load: Load, loop: asyncio.AbstractEventLoop) -> None:
        self._options = options
        self._loop = loop
        self._metrics = Metrics()
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="predict")
        self._writer = CaptureWriter(
            options.folder / "capture", segment_bytes=options.segment_bytes, segment_s=options.segment_s
        )
        recorder = Recorder(self._writer, self._metrics, options.capture)
        self._turn = Turn(loop, self._threads, options.limits, self._metrics, recorder.finish)
        self._siblings = Siblings(options.folder, self._metrics, shared=options.siblings)
        self._plane = Plane(self._turn, recorder, self._metrics, self._siblings.scrape, guarded=options.guarded)
        reader = HeadReader(options.rules, body_bytes=options.limits.body_bytes)
        self._hub = Hub(self._plane, reader, options.limits, self._metrics, loop)
        self._watcher = RoutesWatcher(options.folder, self._plane, self._metrics, load, loop)
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, listener: socket.socket) -> None:
        """Load the routes and listen."""
        await self._watcher.start()
        self._server = await self._loop.create_server(self._hub.connect, sock=listener, backlog=_BACKLOG)
        self._timer = self._loop.call_later(self._options.limits.sweep_s, self._sweep)
        # What is loaded now stays: keep the collector from walking it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(self._options.limits.sweep_s, self._sweep)
        self._hub.sweep()
        self._writer.close_if_old()
        self._siblings.publish()

    async def drain(self) -> bool:
        """Take no more requests, answer those in flight, close the capture; return whether a call is still stuck."""
        if self._server is not None:
            self._server.close()
        self._plane.draining = True
        self._hub.drain()
        deadline = self._loop.time() + self._options.limits.drain_s
        while (self._hub.connections or not self._turn.idle) and self._loop.time() < deadline:
            await asyncio.sleep(_DRAIN_CHECK_S)
            self._hub.drain()
        if self._timer is not None:
            self._timer.cancel()
        self._watcher.stop()
        self._writer.close()
        self._siblings.leave()
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not self._turn.idle


async def serve(
    options: Options, load: Load, listener: socket.socket, ready: Callable[[], None], orphaned: Callable[[], bool]
) -> bool:
    """Run a serving process until SIGTERM or SIGINT; return whether a call of a model is stuck.

    Args:
        options: How it is to run.
        load: Loads a model folder.
        listener: A bound socket.
        ready: Called when requests are answered.
        orphaned: Says whether the parent is gone that this process may not outlive.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    plane = DataPlane(options, load, loop)
    await plane.start(listener)
    ready()
    while not stop.is_set() and not orphaned():
        try:
            await asyncio.wait_for(stop.wait(), 1.0)
        except TimeoutError:
            continue
    return await plane.drain()
