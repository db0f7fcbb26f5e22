"""What the ledger tells: edges, traces, events of the audit."""

from typing import Literal

import msgspec

from tidemill.core.moments import Moment

Direction = Literal["up", "down", "both"]


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """The target came from the source."""

    source: str
    relation: str
    target: str
    created_at: Moment


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is reachable from one thing.

    Args:
        start: The thing.
        edges: The edges found, nearest first.
        complete: Whether the walk ended by itself, not at the limit.
        names: How persons call the things, by `kind:id`, where that was asked for.
    """

    start: str
    edges: list[Edge]
    complete: bool
    names: dict[str, str] = {}


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain."""

    seq: int
    at: Moment
    actor: str
    action: str
    subject: str
    detail: dict[str, object]
    previous: str
    digest: str
