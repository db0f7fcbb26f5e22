"""Which deployment answers: the file routes.json, and the choice by share."""

from bisect import bisect_right
from hashlib import blake2b
from itertools import accumulate

import msgspec

from tidemill.serving.errors import InvalidRoutes

_SPAN = 1 << 64


class TargetRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment and the share of the traffic that it gets."""

    deployment: str
    model: str
    version: int
    bundle: str
    path: str
    share: float
    route: str


class EndpointRoutes(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint serves.

    Args:
        targets: In a fixed order; their shares sum to 1.
        passthrough: Columns that are captured and not given to the model.
        time: The column with the time of the event, or None.
        sticky: The column whose equal values always get the same route, or None to share by prediction.
        needs_token: Whether callers are asked for a token; they are too where there are hashes.
        token_hashes: SHA-256 in hex of the tokens that may call.
        token_expires_ms: By hash, from when it is worth nothing, in milliseconds since the epoch.
    """

    targets: list[TargetRoute]
    passthrough: list[str] = []
    time: str | None = None
    sticky: str | None = None
    needs_token: bool = False
    token_hashes: list[str] = []
    token_expires_ms: dict[str, int] = {}

    @property
    def asks_token(self) -> bool:
        """Whether callers are asked for a token."""
        return self.needs_token or bool(self.token_hashes)

    def with_tokens_of(self, other: "EndpointRoutes") -> "EndpointRoutes":
        """Return these routes for the callers that others let in."""
        return msgspec.structs.replace(
            self,
            needs_token=other.needs_token,
            token_hashes=other.token_hashes,
            token_expires_ms=other.token_expires_ms,
        )


class Routes(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of routes.json."""

    revision: int
    endpoints: dict[str, EndpointRoutes] = {}


def parse_routes(raw: bytes) -> Routes:
    """Return what routes.json says.

    Raises:
        InvalidRoutes: If it is not of the agreed shape, or shares do not sum to 1.
    """
    hint = "The control plane writes this file; run `tidemill fsck` to see why it is damaged."
    try:
        routes = msgspec.json.decode(raw, type=Routes)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRoutes(f"routes.json cannot be read: {error}", hint=hint) from error
    for name, endpoint in routes.endpoints.items():
        total = sum(target.share for target in endpoint.targets)
        if not endpoint.targets or min(t.share for t in endpoint.targets) < 0 or abs(total - 1) > 1e-6:
            raise InvalidRoutes(f"The shares of the endpoint {name} sum to {total:g}, not to 1", hint=hint)
    return routes


class Shares:
    """Chooses by hash: the same key gets the same target, and each target its share of all keys.

    A target keeps its keys when a later one in the order grows at the cost of the first one only, so that a canary
    that grows from 1 % to 10 % keeps the callers that it had.

    Args:
        salt: Mixed into the hash, so that two endpoints do not choose the same callers.
        shares: In the order of the targets; they sum to 1.
    """

    def __init__(self, salt: str, shares: list[float]) -> None:
        self._salt = blake2b(salt.encode(), digest_size=16).digest()
        self._bounds = [round(bound * _SPAN) for bound in accumulate(shares)][:-1]

    def choose(self, key: str) -> int:
        """Return the index of the target for a key."""
        if not self._bounds:
            return 0
        point = int.from_bytes(blake2b(key.encode(), digest_size=8, key=self._salt).digest(), "big")
        return bisect_right(self._bounds, point)
