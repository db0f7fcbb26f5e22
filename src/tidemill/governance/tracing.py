"""From what a person types to a walk along the lineage."""

from collections.abc import Mapping

import sqlalchemy as sa

from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.names import check_text, shown
from tidemill.core.nearest import nearest
from tidemill.core.refs import KINDS, Ref
from tidemill.governance.ports import Naming, Origin
from tidemill.ledger.lineage import trace
from tidemill.ledger.records import Direction, Edge, Trace
from tidemill.ledger.schema import audit_events, lineage_edges

_LONGEST = 512
_WHOLES = {"dataset", "model"}
"""Kinds that have versions, each with an ancestry, and none themselves."""


class ThingNotFound(NotFound):
    """The ledger knows nothing of that name."""

    code = "thing_not_found"


class AmbiguousId(InvalidInput):
    """Things of several kinds have that id."""

    code = "ambiguous_id"


def walk(
    connection: sa.Connection,
    text: str,
    direction: Direction,
    origins: Mapping[str, Origin],
    naming: Naming | None = None,
) -> Trace:
    """Return the trace of what a text names.

    Args:
        connection: The ledger.
        text: `kind:id`, an id alone, or a name.
        direction: Which way to walk.
        origins: Per kind, who knows where things come from that have no edges in the ledger.
        naming: Who knows how persons call things.

    Raises:
        InvalidRef: If the kind is none.
        AmbiguousId: If an id alone names several things.
        ThingNotFound: If nothing is known of it.
    """
    check_text(text, "reference", _LONGEST)
    start, first = _resolve(connection, text, origins, naming)
    if not first:
        return trace(connection, start, direction)
    edges = {(edge.source, edge.relation, edge.target): edge for edge in first}
    complete = True
    if direction != "down":
        for source in {edge.source: None for edge in first}:
            further = trace(connection, Ref.parse(source), "up")
            complete = complete and further.complete
            edges |= {(edge.source, edge.relation, edge.target): edge for edge in further.edges}
    return Trace(start=str(start), edges=list(edges.values()), complete=complete)


def _resolve(
    connection: sa.Connection, text: str, origins: Mapping[str, Origin], naming: Naming | None
) -> tuple[Ref, list[Edge]]:
    """Return what a text names, and the edges to it that only its stage knows."""
    candidates = [Ref.parse(text)] if ":" in text else [Ref(kind, text) for kind in sorted(KINDS)]
    known = [ref for ref in candidates if _is_known(connection, ref)]
    if naming and all(ref.kind in _WHOLES for ref in known):
        kind, _, name = text.rpartition(":")
        known = naming.find(name, kind) or known
    if len(known) > 1:
        kinds = ", ".join(ref.kind.replace("_", " ") for ref in known)
        commands = ", ".join(f"`tidemill trace {ref}`" for ref in known)
        raise AmbiguousId(f"{shown(text)} is the id of several things: {kinds}", hint=f"Say which: {commands}.")
    if known:
        return known[0], []
    for ref in candidates:
        origin = origins.get(ref.kind)
        if origin and (edges := origin(ref)):
            return ref, edges
    raise ThingNotFound(f"The ledger knows nothing of {shown(text)}", hint=_hint(text, naming))


def _hint(text: str, naming: Naming | None) -> str:
    known = naming.known() if naming else []
    if close := nearest(text.rpartition(":")[2].partition("@")[0], known):
        return f"Did you mean {close!r}?"
    return "Give a version by its name, such as flights@3, or kind:id; `tidemill STAGE list` shows both."


def _is_known(connection: sa.Connection, ref: Ref) -> bool:
    edge = lineage_edges.c
    ends = (
        sa.and_(edge.target_kind == ref.kind, edge.target_id == ref.id),
        sa.and_(edge.source_kind == ref.kind, edge.source_id == ref.id),
    )
    if any(connection.execute(sa.select(sa.exists().where(end))).scalar_one() for end in ends):
        return True
    subject = sa.and_(audit_events.c.subject_kind == ref.kind, audit_events.c.subject_id == ref.id)
    return bool(connection.execute(sa.select(sa.exists().where(subject))).scalar_one())
