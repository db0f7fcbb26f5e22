"""The edges between things, walked both ways."""

from collections import deque
from typing import Literal

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.ledger.schema import lineage_edges

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
    """

    start: str
    edges: list[Edge]
    complete: bool


def trace(connection: sa.Connection, start: Ref, direction: Direction = "up", *, limit: int = 10_000) -> Trace:
    """Return what a thing came from (`up`), what came from it (`down`), or both.

    Args:
        connection: The database.
        start: The thing to begin at.
        direction: Which way to walk.
        limit: The most edges to return.
    """
    ways: tuple[Direction, ...] = ("up", "down") if direction == "both" else (direction,)
    edges: dict[tuple[str, str, str], Edge] = {}
    complete = True
    for way in ways:
        seen, queue = {start}, deque([start])
        while queue:
            if len(edges) >= limit:
                complete = False
                break
            for edge, neighbour in _neighbours(connection, queue.popleft(), way):
                edges.setdefault((edge.source, edge.relation, edge.target), edge)
                if neighbour not in seen:
                    seen.add(neighbour)
                    queue.append(neighbour)
    return Trace(start=str(start), edges=list(edges.values())[:limit], complete=complete)


def _neighbours(connection: sa.Connection, ref: Ref, way: Direction) -> list[tuple[Edge, Ref]]:
    table = lineage_edges.c
    if way == "up":
        query = sa.select(lineage_edges).where(table.target_kind == ref.kind, table.target_id == ref.id)
    else:
        query = sa.select(lineage_edges).where(table.source_kind == ref.kind, table.source_id == ref.id)
    found = []
    for row in connection.execute(query.order_by(table.created_at, table.source_id, table.target_id)):
        source, target = Ref(row.source_kind, row.source_id), Ref(row.target_kind, row.target_id)
        edge = Edge(source=str(source), relation=row.relation, target=str(target), created_at=row.created_at)
        found.append((edge, source if way == "up" else target))
    return found
