"""Warm worker processes: started when first needed, kept over the steps of a run, killed with all they started."""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.objects import ObjectStore
from tidemill.pipelines.errors import WorkerStart
from tidemill.pipelines.execution.workers import Assignment, Died, Report
from tidemill.pipelines.records import Graph, StepFailure, StepOptions, StoredValue
from tidemill.pipelines.source import export_source
from tidemill.pipelines.worker.messages import (
    AnswerReader,
    Execute,
    Failed,
    Order,
    Preload,
    Progress,
    Read,
    ReadGraph,
    Ready,
    send,
)
from tidemill.pipelines.worker.threads import VARIABLES

_PIECE = 1 << 16
_GONE_WITHIN_S = 2.0
_SEND_WITHIN_S = 60.0
_SECRETS = ("TIDEMILL_TOKEN", "TIDEMILL_DATABASE")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How worker processes are started.

    Args:
        objects: The object store, on a local disk.
        work: The folder for exported sources and scratch files.
        python: The interpreter.
        cores: How many cores a run may use.
        frameworks: Codecs beside those of installed packages, as `module:object`.
    """

    objects: ObjectStore
    work: Path
    python: str = sys.executable
    cores: int = 1
    frameworks: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Process:
    """One worker."""

    popen: "subprocess.Popen[bytes]"
    connection: socket.socket
    output: IO[bytes]
    answers: AnswerReader
    born_at: float
    is_ready: bool = False
    assignment: Assignment | None = None


class WorkerPool:
    """Workers for one snapshot of a project's code.

    A further worker is started when steps have been waiting for as long as the last one took to start: a pool never
    waits much longer than it must, and never starts processes for steps that are over sooner.

    Args:
        settings: How they are started.
        source: The snapshot that they run.
        reference: The pipeline, imported by a new worker before its first step.
    """

    def __init__(self, settings: PoolSettings, source: Digest, reference: str) -> None:
        self.source = source
        self._settings = settings
        self._scratch = settings.work / "scratch" / new_id()
        self._reference = reference
        self._root = export_source(source, settings.objects, settings.work / "source")
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._processes: list[_Process] = []
        self._most = 1
        self._threads = settings.cores
        self._start_s = 0.1
        self._short_since: float | None = None
        self._stillborn: StepFailure | None = None
        self._selector = selectors.DefaultSelector()
        self._lifeline, self._lifeline_end = os.pipe()

    def resize(self, most: int) -> None:
        """Allow so many workers, which share the cores."""
        self._most = max(1, most)
        self._threads = max(1, self._settings.cores // self._most)

    def read_graph(self, reference: str, params: Mapping[str, StoredValue]) -> Graph | StepFailure:
        """Return the graph that a worker builds, or why it cannot."""
        process = self._free() or self._spawn()
        assignment = process.assignment = Assignment(Execute(reference, "", {}, StepOptions(), 1), process.popen.pid)
        self._send(process, ReadGraph(reference, dict(params)))
        while True:
            self._wait(1.0)
            for answer in process.answers.arrived():
                process.assignment = None
                self._note_ready(process)
                if isinstance(answer, Read):
                    return answer.graph
                if isinstance(answer, Failed):
                    return answer.failure
            if process.answers.ended:
                return self._bury(process, assignment).failure

    def has_room(self) -> bool:
        """Return whether one more step can start now; when asked in vain for long, start a worker."""
        if self._stillborn is not None or self._free() is not None:
            return True
        now = time.monotonic()
        self._short_since = self._short_since or now
        is_first = not self._processes
        may_grow = len(self._processes) < self._most and all(one.is_ready for one in self._processes)
        if is_first or (may_grow and now - self._short_since >= self._start_s):
            self._send(self._spawn(), Preload(self._reference))
            self._short_since = None
        return False

    def none_waits(self) -> None:
        """Note that no step waits for a worker now."""
        self._short_since = None

    def start(self, order: Execute) -> Assignment:
        """Let a free worker begin with a step."""
        process = self._free()
        if process is None:
            return Assignment(order, 0)
        timeout_s = order.options.timeout_s
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        process.assignment = Assignment(order, process.popen.pid, deadline)
        self._send(process, msgspec.structs.replace(order, threads=self._threads))
        return process.assignment

    def reports(self, running: Collection[Assignment], timeout_s: float) -> list[tuple[Assignment, Report | Died]]:
        """Return what the workers say, waiting at most that long for the first word."""
        found: list[tuple[Assignment, Report | Died]] = []
        if self._stillborn is not None:
            found = [(one, Died(self._stillborn)) for one in running if one.worker == 0]
            if found:
                self._stillborn = None
                return found
        self._wait(timeout_s)
        for process in list(self._processes):
            for answer in process.answers.arrived():
                self._note_ready(process)
                if process.assignment is None or isinstance(answer, Read | Ready):
                    continue
                self._drain(process)
                found.append((process.assignment, answer))
                if not isinstance(answer, Progress):
                    process.assignment = None
            if process.answers.ended or process.popen.poll() is not None:
                assignment, was_ready = process.assignment, process.is_ready
                died = self._bury(process, assignment)
                if assignment is not None:
                    found.append((assignment, died))
                elif not was_ready:
                    self._stillborn = died.failure
        return found

    def kill(self, assignment: Assignment) -> None:
        """End an attempt at once, with every process that it started."""
        for process in self._processes:
            if process.assignment is assignment:
                self._bury(process, assignment)
                return

    def rest(self) -> None:
        """End what is running and remove scratch files; free workers stay warm."""
        for process in list(self._processes):
            if process.assignment is not None or not process.is_ready:
                self._bury(process, None)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """End all workers and remove scratch files."""
        for process in list(self._processes):
            self._bury(process, None)
        self._selector.close()
        os.close(self._lifeline)
        os.close(self._lifeline_end)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _free(self) -> _Process | None:
        free = (one for one in self._processes if one.is_ready and one.assignment is None)
        return next((one for one in free if one.popen.poll() is None), None)

    def _note_ready(self, process: _Process) -> None:
        if not process.is_ready:
            process.is_ready = True
            self._start_s = time.monotonic() - process.born_at

    def _spawn(self) -> _Process:
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        settings = self._settings
        command = [settings.python, "-P", "-m", "tidemill.pipelines.worker", "--socket", str(theirs.fileno())]
        command += ["--lifeline", str(self._lifeline), "--objects", str(settings.objects.root.absolute())]
        command += ["--scratch", str(self._scratch.absolute())]
        command += [word for name in settings.frameworks for word in ("--framework", name)]
        try:
            popen = subprocess.Popen(
                command,
                cwd=self._root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                pass_fds=(theirs.fileno(), self._lifeline),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            os.close(read_end)
            raise WorkerStart(
                f"No worker process could be started: {error}", hint="Look at the machine's limits."
            ) from error
        finally:
            theirs.close()
            os.close(write_end)
        os.set_blocking(read_end, False)
        ours.setblocking(False)
        output = os.fdopen(read_end, "rb", buffering=0)
        process = _Process(popen, ours, output, AnswerReader(ours), time.monotonic())
        self._selector.register(ours, selectors.EVENT_READ, process)
        self._selector.register(process.output, selectors.EVENT_READ, process)
        self._processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
        return {**kept, **dict.fromkeys(VARIABLES, str(self._threads)), "PYTHONHASHSEED": "0"}

    def _send(self, process: _Process, order: Order) -> None:
        process.connection.settimeout(_SEND_WITHIN_S)
        with contextlib.suppress(OSError):  # a worker that is gone is noticed by what it does not answer
            send(process.connection, order)
        process.connection.setblocking(False)

    def _wait(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is key.data.output:
                self._read_output(key.data)

    def _read_output(self, process: _Process) -> bool:
        try:
            piece = process.output.read(_PIECE)
        except OSError:
            piece = b""
        if piece and process.assignment is not None:
            process.assignment.log.add(piece)
        if piece == b"":
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(process.output)
        return bool(piece)

    def _drain(self, process: _Process) -> None:
        """Read what the step printed before it was done; it was flushed before the answer was sent."""
        for _ in range(64):
            if not self._read_output(process):
                return

    def _bury(self, process: _Process, assignment: Assignment | None) -> Died:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(0.05 if process.answers.ended else 0.0)
        returned = process.popen.poll()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.popen.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(_GONE_WITHIN_S)
        self._drain(process)
        for end in (process.connection, process.output):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()
        self._processes.remove(process)
        return Died(_death(returned, assignment))


def _death(returned: int | None, assignment: Assignment | None) -> StepFailure:
    last = assignment.log.content()[-600:].decode("utf-8", "replace").strip() if assignment is not None else ""
    hint = "The step's log holds the last that it printed."
    if returned is None:
        what = "closed its connection"
    elif returned >= 0:
        what = f"ended by itself with status {returned}"
        hint = "Code in the step, or in a library, called exit; raise an exception instead."
    else:
        try:
            name = signal.Signals(-returned).name
        except ValueError:
            name = "a signal"
        what = f"was ended by signal {-returned} ({name})"
        if -returned == signal.SIGKILL:
            hint = "Most likely the memory ran out; use less at once, or a larger machine."
        elif -returned in {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL}:
            hint = "Native code of a library crashed; the step's log may say where."
    return StepFailure(
        code="worker_died",
        message=f"The worker process {what} while the step ran",
        hint=hint,
        traceback=last,
    )
