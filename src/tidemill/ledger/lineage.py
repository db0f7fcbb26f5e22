"""The edges between things, walked both ways."""

from collections import deque
from collections.abc import Collection
from itertools import groupby

import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.ledger.records import Direction, Edge, Trace
from tidemill.ledger.schema import audit_events, lineage_edges

_SHARED = {"artifact", "dataset_version", "report"}
"""Kinds that are found again by their content: several things may make the same one."""

_STANDING = {"endpoint", "gate_report", "project"}
"""Kinds that go on becoming what they are: an endpoint by its next deployment, a report by the word of a person."""


def trace(connection: sa.Connection, start: Ref, direction: Direction = "up", *, limit: int = 10_000) -> Trace:
    """Return what a thing came from (`up`), what came from it (`down`), or both.

    The walk up goes back in time: it holds nothing that was made after the thing, and no source that something took up
    only after it was used. What several things made alike, as runs do that share a cached result, comes from the one
    that is in the ancestry anyway; where none is, from the one that made it first.

    Args:
        connection: The database.
        start: The thing to begin at.
        direction: Which way to walk.
        limit: The most edges to return.
    """
    edges: dict[tuple[str, str, str], Edge] = {}
    if direction != "down":
        edges |= _ancestry(connection, start, limit)
    if direction != "up":
        edges |= _descent(connection, start, limit)
    return Trace(start=str(start), edges=list(edges.values())[:limit], complete=len(edges) < limit)


_Edges = dict[tuple[str, str, str], Edge]


def _ancestry(connection: sa.Connection, start: Ref, limit: int) -> _Edges:
    found: _Edges = {}
    bounds = {start: None if start.kind in _STANDING else _made_at(connection, start)}
    made: dict[Ref, Moment | None] = {}
    own, shared = deque([start]), deque[Ref]()
    while (own or shared) and len(found) < limit:
        # What may have several makers waits until it is known which of them are in the ancestry.
        here = own.popleft() if own else shared.popleft()
        bound = bounds[here]
        into = []
        for edge, source in _neighbours(connection, here, "up"):
            if source not in made:
                made[source] = _made_at(connection, source)
            if not _is_later(made[source], bound):
                into.append((edge, source))
        for edge, source in _makers(into, bounds) if here.kind in _SHARED else into:
            found.setdefault((edge.source, edge.relation, edge.target), edge)
            if source not in bounds:
                bounds[source] = min(bound, edge.created_at) if bound else edge.created_at
                (shared if source.kind in _SHARED else own).append(source)
    return found


def _makers(into: list[tuple[Edge, Ref]], known: Collection[Ref]) -> list[tuple[Edge, Ref]]:
    """Return the edges to a shared thing from the makers that count: of each kind the known ones, else the first."""
    kept = []
    for _, group in groupby(sorted(into, key=_way), key=_way):
        lot = list(group)
        ours = [pair for pair in lot if pair[1] in known]
        first = min(edge.created_at for edge, _ in lot)
        kept += ours or [pair for pair in lot if pair[0].created_at == first]
    return kept


def _way(pair: tuple[Edge, Ref]) -> tuple[str, str]:
    return pair[1].kind, pair[0].relation


def _is_later(moment: Moment | None, bound: Moment | None) -> bool:
    return moment is not None and bound is not None and moment > bound


def _descent(connection: sa.Connection, start: Ref, limit: int) -> _Edges:
    found: _Edges = {}
    seen, queue = {start}, deque([start])
    while queue and len(found) < limit:
        for edge, neighbour in _neighbours(connection, queue.popleft(), "down"):
            found.setdefault((edge.source, edge.relation, edge.target), edge)
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append(neighbour)
    return found


def _made_at(connection: sa.Connection, ref: Ref) -> Moment | None:
    """Return when the ledger first heard of a thing."""
    edge, event = lineage_edges.c, audit_events.c
    queries = (
        sa.select(sa.func.min(edge.created_at)).where(edge.target_kind == ref.kind, edge.target_id == ref.id),
        sa.select(sa.func.min(edge.created_at)).where(edge.source_kind == ref.kind, edge.source_id == ref.id),
        sa.select(sa.func.min(event.at)).where(event.subject_kind == ref.kind, event.subject_id == ref.id),
    )
    found = [connection.execute(query).scalar_one() for query in queries]
    return min((moment for moment in found if moment is not None), default=None)


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
