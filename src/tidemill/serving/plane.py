"""The data plane: from a request to the endpoint that answers it."""

import time
from collections.abc import Callable, Mapping

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.serving import answers
from tidemill.serving.batching import Job, Turn
from tidemill.serving.errors import (
    Draining,
    EndpointNotFound,
    EndpointNotReady,
    MethodNotAllowed,
    TokenMissing,
    UnknownPath,
)
from tidemill.serving.heads import Head
from tidemill.serving.identifiers import IdMaker
from tidemill.serving.metrics import Metrics, Samples, exposition
from tidemill.serving.protocol import Connection
from tidemill.serving.recording import Recorder
from tidemill.serving.targets import Endpoint, Target

_encode = msgspec.json.Encoder().encode
_PREFIX = "/v1/endpoints/"
_SUFFIX = "/predict"


class Plane:
    """Answers requests with the endpoints in force.

    Args:
        turn: Calls the models.
        recorder: Records and answers.
        metrics: Counters of the process.
        scrape: Returns the samples of all processes of this data plane.
        guarded: Whether an endpoint without tokens is refused, as the network can reach it.
    """

    def __init__(
        self,
        turn: Turn,
        recorder: Recorder,
        metrics: Metrics,
        scrape: Callable[[], Samples],
        *,
        guarded: bool = False,
    ) -> None:
        self._turn = turn
        self._recorder = recorder
        self._metrics = metrics
        self._scrape = scrape
        self._guarded = guarded
        self._endpoints: dict[str, Endpoint] = {}
        self._by_path: dict[str, Endpoint] = {}
        self._absent: dict[str, str] = {}
        self._ids = IdMaker()
        self.revision = 0
        self.settled = False
        self.draining = False
        self._pages: dict[str, Callable[[Connection], None]] = {
            "/health": self._health,
            "/ready": self._ready,
            "/metrics": self._show_metrics,
            "/v1/endpoints": self._show_endpoints,
        }

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """The endpoints in force, by name."""
        return self._endpoints

    def swap(self, endpoints: Mapping[str, Endpoint], absent: Mapping[str, str], revision: int) -> None:
        """Put other endpoints in force; requests in flight finish on those that they began with.

        Args:
            endpoints: Loaded.
            absent: Those that are declared and could not be loaded, with the reason.
            revision: Of the routes.
        """
        self._endpoints = dict(endpoints)
        self._absent = dict(absent)
        self._by_path = {f"{_PREFIX}{name}{_SUFFIX}": endpoint for name, endpoint in endpoints.items()}
        self.revision = self._metrics.routes_revision = revision
        self.settled = True

    def admit(self, head: Head) -> TidemillError | None:
        """Return why a request is refused before its body is read, or None."""
        endpoint = self._by_path.get(head.path)
        if endpoint is not None:
            return head.refusal or self._refuse_predict(endpoint, head)
        if head.refusal is not None:
            return head.refusal
        if head.path in self._pages:
            return None if head.method in {"GET", "HEAD"} else _wrong_method(head, "GET, HEAD")
        return self._unknown(head)

    def _refuse_predict(self, endpoint: Endpoint, head: Head) -> TidemillError | None:
        if head.method != "POST":
            return _wrong_method(head, "POST")
        if self.draining:
            return Draining("The server is going away", hint="Send the request again; another process takes it.")
        if self._guarded and not endpoint.routes.asks_token:
            return TokenMissing(
                f"The endpoint {endpoint.name} has no tokens, and this server can be reached from the network",
                hint=f"Give it one: `tidemill endpoints tokens create {endpoint.name} --name …`; or listen on"
                " 127.0.0.1, or start the data plane with --open.",
            )
        return endpoint.refuse(head.token_hash)

    def _unknown(self, head: Head) -> TidemillError:
        if not (head.path.startswith(_PREFIX) and head.path.endswith(_SUFFIX)):
            known = [*self._pages, f"{_PREFIX}NAME{_SUFFIX}"]
            return UnknownPath(f"There is nothing at {shown(head.path)}", hint=did_you_mean(head.path, known))
        name = head.path[len(_PREFIX) : -len(_SUFFIX)]
        if name in self._absent:
            reason = self._absent[name]
            return EndpointNotReady(f"The endpoint {name} is not loaded: {reason}", hint="Deploy a version that loads.")
        if not self.settled:
            return EndpointNotReady("The routes are being loaded", hint="Try again in a second.")
        hint = did_you_mean(name, self._endpoints)
        return EndpointNotFound(f"There is no endpoint {shown(name)}", hint=hint)

    def take(self, client: Connection, head: Head, body: bytes) -> None:
        """Answer an admitted request, now or at the end of the turn."""
        endpoint = self._by_path.get(head.path)
        if endpoint is None:
            self._show(client, head)
            return
        arrived = time.perf_counter()
        target: Target | None = None
        try:
            request = endpoint.decode(body)
            ids = request.ids or self._ids.make(request.count)
            target = endpoint.choose(request, ids)
            job = Job(client, target, endpoint.names(target), endpoint.fit(target, body, request), ids)
            job.arrived = arrived
            self._turn.submit(job)
        except TidemillError as error:
            self.refused(endpoint.name, error)
            self._note(endpoint.name, target, error, arrived)
            client.refuse(error)
            return
        self._metrics.in_flight += 1

    def _show(self, client: Connection, head: Head) -> None:
        page = self._pages.get(head.path)
        if page is not None:
            page(client)
            return
        error = self._unknown(head)  # The endpoint was taken away while the body was on its way.
        self.refused("", error)
        client.refuse(error)

    def refused(self, endpoint: str, error: TidemillError) -> None:
        """Count a request that got an error."""
        self._metrics.refused(endpoint, error.code, answers.status_of(error))

    def refused_head(self, head: Head | None, error: TidemillError) -> None:
        """Count a request that got an error for its head."""
        endpoint = self._by_path.get(head.path) if head else None
        self.refused(endpoint.name if endpoint else "", error)

    def _note(self, endpoint: str, target: Target | None, error: TidemillError, arrived: float) -> None:
        ms = (time.perf_counter() - arrived) * 1e3
        self._recorder.failed(endpoint=endpoint, target=target, error=error, t=time.time_ns() // 1_000_000, ms=ms)
        self._turn.wake()

    def _health(self, client: Connection) -> None:
        client.send(200, _encode({"status": "draining" if self.draining else "ok"}))

    def _ready(self, client: Connection) -> None:
        ready = self.settled and not self._absent and not self.draining
        endpoints = dict.fromkeys(self._endpoints, "loaded") | self._absent
        body = {"ready": ready, "revision": self.revision, "endpoints": endpoints}
        client.send(200 if ready else 503, _encode(body))

    def _show_metrics(self, client: Connection) -> None:
        client.send(200, exposition(self._scrape()), answers.TEXT)

    def _show_endpoints(self, client: Connection) -> None:
        client.send(200, _encode({"revision": self.revision, "endpoints": list(map(_about, self._endpoints.values()))}))


def _wrong_method(head: Head, allowed: str) -> MethodNotAllowed:
    hint = f"Use {allowed.partition(',')[0]}."
    return MethodNotAllowed(f"{head.path} does not take {head.method}", hint=hint, details={"allow": allowed})


def _about(endpoint: Endpoint) -> dict[str, object]:
    signature = endpoint.targets[0].predictor.signature
    routes = endpoint.routes
    return {
        "name": endpoint.name,
        "path": f"{_PREFIX}{endpoint.name}{_SUFFIX}",
        "inputs": [{"name": f.name, "type": f.type, "required": f.required} for f in signature.inputs],
        "outputs": [{"name": f.name, "type": f.type} for f in signature.outputs],
        "passthrough": routes.passthrough,
        "time": routes.time,
        "sticky": routes.sticky,
        "token": routes.asks_token,
        "targets": [
            {"deployment": t.deployment, "model": t.model, "version": t.version, "route": t.route, "share": t.share}
            for t in routes.targets
        ],
    }
