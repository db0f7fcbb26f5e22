"""`python -m tidemill.serving`: the command line, and several processes on one port."""

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Sequence
from ipaddress import ip_address
from pathlib import Path

import msgspec
import uvloop

from tidemill.core.errors import TidemillError
from tidemill.serving.capture import seal_orphans
from tidemill.serving.errors import ServingFault
from tidemill.serving.heads import HostRules, is_loopback
from tidemill.serving.limits import Limits
from tidemill.serving.service import Options, serve
from tidemill.serving.takeover import take_over
from tidemill.serving.watching import Load, replace

_RESTART_S = 0.5


def main(arguments: Sequence[str] | None = None, *, load: Load) -> int:
    """Run the data plane; return the exit code.

    Args:
        arguments: Of the command line; those of the process when left out.
        load: Loads a model folder.
    """
    asked = _parser().parse_args(arguments)
    # One thread a call: the processes of a port share the cores among them.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        folder = _prepare(Path(asked.home))
        listener = _bind(asked.host, asked.port, shared=asked.processes > 1)
    except TidemillError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 4
    except OSError as error:
        print(f"error: cannot serve on {asked.host}:{asked.port}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 4
    options = _options(asked, folder)
    if asked.processes == 1:
        return _run(serve(options, load, listener, lambda: _announce(asked, listener, [os.getpid()]), lambda: False))
    return _Family(asked, options, load, listener).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tidemill.serving", description="Answer predictions over HTTP.")
    parser.add_argument("--home", default=".tidemill", help="folder of the workspace")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 = any free one")
    parser.add_argument("--processes", type=int, default=1, help="how many share the port")
    parser.add_argument("--ready-file", type=Path, help="written with url and pids when requests are answered")
    parser.add_argument("--ready-fd", type=int, help="the same to an open file descriptor")
    parser.add_argument("--allow-host", action="append", default=[], help="another name of this server")
    parser.add_argument("--allow-origin", action="append", default=[], help="an origin whose pages may call")
    parser.add_argument("--open", action="store_true", help="let the network use endpoints that have no tokens")
    parser.add_argument("--capture", choices=["required", "best-effort"], default="required")
    parser.add_argument("--body-limit", type=int, default=Limits().body_bytes, help="bytes")
    parser.add_argument("--max-connections", type=int, default=Limits().connections, help="of each process")
    parser.add_argument("--drain-s", type=float, default=Limits().drain_s, help="seconds for requests in flight")
    parser.add_argument("--segment-bytes", type=int, default=8 * 1024 * 1024, help="size of a capture segment")
    parser.add_argument("--segment-s", type=float, default=60.0, help="age of a capture segment")
    return parser


def _options(asked: argparse.Namespace, folder: Path) -> Options:
    hosts = {str(name).lower() for name in [*asked.allow_host, asked.host]}
    return Options(
        folder=folder,
        rules=HostRules(hosts=frozenset(hosts), origins=frozenset(asked.allow_origin)),
        limits=Limits(body_bytes=asked.body_limit, connections=asked.max_connections, drain_s=asked.drain_s),
        capture=asked.capture,
        segment_bytes=asked.segment_bytes,
        segment_s=asked.segment_s,
        guarded=not (asked.open or is_loopback(asked.host)),
        siblings=asked.processes > 1,
    )


def _bind(host: str, port: int, *, shared: bool) -> socket.socket:
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET  # IP versions
    except ValueError:
        family = socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what is accepted
    listener.bind((host, port))
    return listener


def _prepare(home: Path) -> Path:
    folder = home.absolute() / "serving"
    (folder / "capture").mkdir(parents=True, exist_ok=True)
    take_over(folder)
    seal_orphans(folder / "capture")
    for path in folder.glob("applied-*.json"):
        if not _lives(path.stem.partition("-")[2]):
            path.unlink(missing_ok=True)
    return folder


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _announce(asked: argparse.Namespace, listener: socket.socket, pids: list[int]) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    content = {"url": f"http://{shown}:{port}", "host": host, "port": port, "pid": os.getpid(), "workers": pids}
    line = msgspec.json.encode(content) + b"\n"
    if asked.ready_file is not None:
        replace(asked.ready_file, line)
    if asked.ready_fd is not None:
        os.write(asked.ready_fd, line)
        os.close(asked.ready_fd)


def _run(work: Coroutine[object, object, bool]) -> int:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            stuck = runner.run(work)
    except TidemillError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 4
    if stuck:
        print("warning: a call of a model did not end in time and was cut", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
        os._exit(0)  # The interpreter would wait for that call for ever.
    return 0


class _Family:
    """A parent that keeps so many serving processes alive.

    Args:
        asked: The command line.
        options: How each is to run.
        load: Loads a model folder.
        listener: Bound, and never listened on: it reserves the port.
    """

    def __init__(self, asked: argparse.Namespace, options: Options, load: Load, listener: socket.socket) -> None:
        self._asked = asked
        self._options = options
        self._load = load
        self._listener = listener
        self._pids: set[int] = set()
        self._stopping = False

    def run(self) -> int:
        """Start the processes, start again those that die, and end with all of them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        read_end, write_end = os.pipe()
        for _ in range(self._asked.processes):
            self._fork(write_end)
        os.close(write_end)
        waiting = self._asked.processes
        while waiting and (word := os.read(read_end, waiting)):
            waiting -= len(word)
        os.close(read_end)
        if not waiting:
            _announce(self._asked, self._listener, sorted(self._pids))
        code = 0
        while self._pids:
            pid, status = os.wait()
            self._pids.discard(pid)
            code = max(code, abs(os.waitstatus_to_exitcode(status)) if self._stopping else 0)
            if not self._stopping:
                seal_orphans(self._options.folder / "capture")
                time.sleep(_RESTART_S)
                if not self._stopping:
                    self._fork(None)
        return code

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)

    def _fork(self, ready: int | None) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._pids.add(pid)
            return
        code = 4
        try:
            code = self._child(parent, ready)
        finally:
            os._exit(code)

    def _child(self, parent: int, ready: int | None) -> int:
        host, port = self._listener.getsockname()[:2]
        own = _bind(host, port, shared=True)
        self._listener.close()

        def tell() -> None:
            if ready is not None:
                os.write(ready, b"1")
                os.close(ready)

        try:
            return _run(serve(self._options, self._load, own, tell, lambda: os.getppid() != parent))
        except Exception as error:  # noqa: BLE001  # the child ends here, whatever it was
            fault = ServingFault(f"A serving process failed: {error!r}", hint="Report this as a bug.")
            print(f"error: {fault}", file=sys.stderr)  # noqa: T201
            return 4
