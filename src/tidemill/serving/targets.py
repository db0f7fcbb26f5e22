"""Endpoints as they are in memory: loaded models with what a request needs beside them."""

import time
from collections.abc import Sequence
from hmac import compare_digest

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.models.ports import Predictor
from tidemill.serving.decode import Decoder, Request
from tidemill.serving.errors import MixedStickyValues, TokenMissing, TokenUnknown
from tidemill.serving.metrics import TargetMetrics
from tidemill.serving.routing import EndpointRoutes, Shares, TargetRoute


class Target:
    """One loaded deployment of an endpoint on one route.

    Args:
        endpoint: Name of the endpoint.
        route: What routes.json says of it.
        predictor: The loaded model.
        counters: Where its requests are counted.
    """

    def __init__(self, endpoint: str, route: TargetRoute, predictor: Predictor, counters: TargetMetrics) -> None:
        self.endpoint = endpoint
        self.deployment = route.deployment
        self.model = route.model
        self.version = route.version
        self.route = route.route
        self.predictor = predictor
        self.counters = counters
        self.input_names = tuple(field.name for field in predictor.signature.inputs)
        self.output_names = tuple(field.name for field in predictor.signature.outputs)
        self.row_us = max(predictor.cost_hint_us, 0.1)
        about = msgspec.json.encode(
            {"model": self.model, "version": self.version, "deployment": self.deployment, "route": self.route}
        )
        self.tail = b"," + about[1:]


class Endpoint:
    """A stable name, the targets behind it and the way to choose among them.

    Args:
        name: Of the endpoint.
        routes: What routes.json says of it.
        targets: Loaded, in the order of `routes.targets`.
    """

    def __init__(self, name: str, routes: EndpointRoutes, targets: Sequence[Target]) -> None:
        self.name = name
        self.routes = routes
        self.targets = list(targets)
        self._shares = Shares(name, [target.share for target in routes.targets])
        self._decoders = self._make_decoders()
        self._first = self._decoders[0]
        self._alone = len(self.targets) == 1

    def _make_decoders(self) -> list[Decoder]:
        """Return a decoder a target; equal signatures share one.

        A column that only another target reads is accepted, so that a client can send what both need while a
        rollout between two signatures lasts.
        """
        sticky = [self.routes.sticky] if self.routes.sticky else []
        wanted = [*self.routes.passthrough, *sticky]
        wanted += [name for target in self.targets for name in target.input_names]
        made: list[Decoder] = []
        for target in self.targets:
            signature = target.predictor.signature
            same = [decoder for decoder in made if decoder.inputs == tuple(signature.inputs)]
            made += same[:1] or [Decoder(signature, passthrough=wanted, time=self.routes.time)]
        return made

    def refuse(self, token_hash: str) -> TidemillError | None:
        """Return why a caller with this token may not use the endpoint, or None if it may."""
        routes = self.routes
        if not routes.asks_token:
            return None
        hint = "Send the header 'Authorization: Bearer TOKEN' with a token of this endpoint."
        if not token_hash:
            return TokenMissing(f"The endpoint {self.name} asks for a token", hint=hint)
        known = [compare_digest(token_hash, one) for one in routes.token_hashes]  # all, whichever matches
        ends_ms = routes.token_expires_ms.get(token_hash)
        if any(known) and (ends_ms is None or time.time() * 1000 < ends_ms):
            return None
        return TokenUnknown(
            f"The token is none of the endpoint {self.name}, or was revoked, or has expired",
            hint="Ask for another: an admin makes one with `tidemill endpoints tokens create`.",
        )

    def decode(self, raw: bytes) -> Request:
        """Return the rows of a body, read by the first target's signature."""
        return self._first.decode(raw)

    def choose(self, request: Request, ids: list[str]) -> Target:
        """Return the target that answers.

        Raises:
            MixedStickyValues: If the rows of a request have several values of the sticky column.
        """
        if self._alone:
            return self.targets[0]
        return self.targets[self._shares.choose(self._key(request, ids))]

    def fit(self, target: Target, raw: bytes, request: Request) -> Request:
        """Return the rows of a request in the order of the signature of the target that was chosen.

        Raises:
            InvalidInput: If they fit the first signature and not this one.
        """
        if self._alone:
            return request
        decoder = self._decoders[self.targets.index(target)]
        return request if decoder is self._first else decoder.decode(raw)

    def names(self, target: Target) -> tuple[str, ...]:
        """Return the names of the columns in the order in which a target's requests hold them."""
        return self._decoders[self.targets.index(target)].names

    def _key(self, request: Request, ids: list[str]) -> str:
        sticky = self.routes.sticky
        if sticky is None:
            return ids[0]
        at = self._first.names.index(sticky)
        values = {row[at] for row in request.rows} if request.rows is not None else set((request.columns or [])[at])
        if len(values) > 1:
            hint = f"Send one request for each value of {sticky}."
            raise MixedStickyValues(f"The rows have {len(values)} values of the sticky column {sticky}", hint=hint)
        value = values.pop()
        return ids[0] if value is None else f"={value}"
