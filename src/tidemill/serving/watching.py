"""Follows routes.json: loads what it names beside what is in force, then swaps."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.models.ports import Predictor
from tidemill.serving.errors import InvalidRoutes
from tidemill.serving.metrics import Metrics
from tidemill.serving.plane import Plane
from tidemill.serving.routing import EndpointRoutes, Routes, TargetRoute, parse_routes
from tidemill.serving.targets import Endpoint, Target

Stamp = tuple[int, int, int]
Load = Callable[[Path], Predictor]
POLL_S = 0.025
FILE = "routes.json"
_encode = msgspec.json.Encoder().encode


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What loading one revision came to."""

    routes: Routes | None
    endpoints: dict[str, Endpoint]
    errors: dict[str, dict[str, object]]


class RoutesWatcher:
    """Keeps a plane at the newest revision of routes.json.

    A bundle that does not load leaves its endpoint as it was; the error stands in `applied-<pid>.json`, by which the
    control plane sees what became of a revision.

    Args:
        folder: `<home>/serving`.
        plane: Where endpoints are put in force.
        metrics: Counters of the process.
        load: Loads a model folder.
        loop: The event loop.
    """

    def __init__(
        self, folder: Path, plane: Plane, metrics: Metrics, load: Load, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._file = folder / FILE
        self._applied = folder / f"applied-{os.getpid()}.json"
        self._plane = plane
        self._metrics = metrics
        self._load = load
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._seen: Stamp | None = None
        self._loading = False
        self._models: dict[tuple[str, str], Predictor] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Apply the routes that are there, and follow them from now on."""
        self._seen = self._stamp()
        if self._seen is None:
            self._plane.swap({}, {}, 0)
            self._write(0, {})
        else:
            self._apply(await self._loop.run_in_executor(self._thread, self._read))
        self._timer = self._loop.call_later(POLL_S, self._poll)

    def stop(self) -> None:
        """Follow no longer."""
        if self._timer is not None:
            self._timer.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._applied.unlink(missing_ok=True)

    def _stamp(self) -> Stamp | None:
        try:
            found = os.stat(self._file)  # noqa: PTH116  # forty times a second
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _poll(self) -> None:
        self._timer = self._loop.call_later(POLL_S, self._poll)
        if self._loading:
            return
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return  # A file that vanished says nothing: the last known state stays in force.
        self._seen = stamp
        self._loading = True
        future = self._thread.submit(self._read)
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._landed, done.result()))

    def _landed(self, loaded: Loaded) -> None:
        self._loading = False
        self._apply(loaded)

    def _read(self) -> Loaded:
        """Read and load a revision; runs in the loading thread and never raises."""
        try:
            routes = parse_routes(self._file.read_bytes())
        except (OSError, InvalidRoutes) as error:
            return Loaded(routes=None, endpoints={}, errors={FILE: _told(error)})
        endpoints: dict[str, Endpoint] = {}
        errors: dict[str, dict[str, object]] = {}
        for name, wanted in routes.endpoints.items():
            deployment = ""
            try:
                targets = []
                for route in wanted.targets:
                    deployment = route.deployment
                    targets.append(self._target(name, route))
                endpoints[name] = self._endpoint(name, wanted, targets)
            except Exception as error:  # noqa: BLE001  # a model folder may hold anything
                errors[name] = _told(error) | {"deployment": deployment}
        return Loaded(routes=routes, endpoints=endpoints, errors=errors)

    def _target(self, name: str, route: TargetRoute) -> Target:
        """Return the target in force when it is the same one, with all that it learned, or a new one."""
        current = self._plane.endpoints.get(name)
        for target in current.targets if current else ():
            same = (target.deployment, target.route, target.version, target.model)
            if same == (route.deployment, route.route, route.version, route.model) and (
                target.predictor is self._models.get((route.path, route.bundle))
            ):
                return target
        key = (route.path, route.bundle)
        predictor = self._models.get(key)
        if predictor is None:
            predictor = self._models[key] = self._load(Path(route.path))
        counters = self._metrics.target(endpoint=name, model=route.model, version=route.version, route=route.route)
        return Target(name, route, predictor, counters)

    def _endpoint(self, name: str, wanted: EndpointRoutes, targets: list[Target]) -> Endpoint:
        current = self._plane.endpoints.get(name)
        if current is not None and current.routes == wanted and current.targets == targets:
            return current
        return Endpoint(name, wanted, targets)

    def _apply(self, loaded: Loaded) -> None:
        routes, errors = loaded.routes, loaded.errors
        self._metrics.routes_failures += len(errors)
        if routes is None:
            if not self._plane.settled:
                self._plane.swap({}, {FILE: "routes.json cannot be read"}, 0)
            self._write(self._plane.revision, errors)
            return
        # Who may call is obeyed at once, also where a model does not load: a revoked token must not live on by that.
        kept = {
            name: Endpoint(name, found.routes.with_tokens_of(routes.endpoints[name]), found.targets)
            for name, found in self._plane.endpoints.items()
            if name in errors
        }
        absent = {name: str(error["message"]) for name, error in errors.items() if name not in kept}
        endpoints = {**loaded.endpoints, **kept}
        self._plane.swap(endpoints, absent, routes.revision)
        used = {id(target.predictor) for endpoint in endpoints.values() for target in endpoint.targets}
        self._models = {key: model for key, model in self._models.items() if id(model) in used}
        self._write(routes.revision, errors)

    def _write(self, revision: int, errors: dict[str, dict[str, object]]) -> None:
        content = {"revision": revision, "at": time.time_ns() // 1_000_000, "pid": os.getpid(), "errors": errors}
        try:
            replace(self._applied, _encode(content))
        except OSError:
            self._metrics.routes_failures += 1  # A full disk must not end the answering.


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _told(error: Exception) -> dict[str, object]:
    if isinstance(error, TidemillError):
        return {"code": error.code, "message": error.message, "hint": error.hint}
    return {"code": "load_failed", "message": f"{type(error).__name__}: {str(error)[:500]}", "hint": ""}
