"""Which rows name which objects, and where the ends of lineage edges live."""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

import sqlalchemy as sa

from tidemill.app.schema import metadata
from tidemill.core.digests import Digest
from tidemill.core.refs import Ref
from tidemill.ledger.lineage import trace
from tidemill.ledger.schema import JsonColumn, audit_events, lineage_edges
from tidemill.objects import ObjectStore
from tidemill.objects.packs.layout import LAYOUT_MARK, packs_of
from tidemill.objects.trees import TREE_MARK, decode_manifest

HOMES: dict[str, tuple[str, str]] = {
    "alert": ("alerts", "id"),
    "approval": ("approvals", "id"),
    "check_report": ("check_reports", "id"),
    "dataset": ("datasets", "name"),
    "dataset_version": ("dataset_versions", "id"),
    "deployment": ("deployments", "id"),
    "endpoint": ("endpoints", "name"),
    "experiment": ("experiments", "experiment_id"),
    "gate_report": ("gate_reports", "id"),
    "input_dataset": ("input_datasets", "id"),
    "label_task": ("label_tasks", "id"),
    "logged_model": ("logged_models", "model_id"),
    "model": ("models", "name"),
    "model_version": ("model_versions", "id"),
    "project": ("projects", "name"),
    "rollout": ("rollouts", "id"),
    "run": ("runs", "run_id"),
    "segment": ("segments", "id"),
    "token": ("tokens", "id"),
    "trigger": ("triggers", "id"),
}
"""Kinds of things that are a row: the table and the column of their id."""

IN_JSON = {("pipeline_graphs", "graph"), ("step_cache", "output"), ("step_executions", "output")}
"""Columns of JSON in which values of steps stand; the key `object` of one names its object."""

_NO_OBJECTS = {"audit_events", "audit_head"}
"""Tables whose digests name rows, not objects."""

_SAY_NO_OBJECTS = _NO_OBJECTS | {
    "carried",
    "endpoint_tokens",
    "experiment_tags",
    "input_datasets",
    "label_answers",
    "label_items",
    "label_people",
    "label_turns",
    "lineage_edges",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "metric_series",
    "metrics",
    "removed_dataset_versions",
    "run_params",
    "run_tags",
    "tokens",
}
"""Tables in which only people's own words stand, or digests of other things: no object is kept for what is there."""

_LONGEST_MARK = max(len(TREE_MARK), len(LAYOUT_MARK))
_MOST_DESCENDANTS = 50
_PIECE = 10_000
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Reference(NamedTuple):
    """A digest that stands in a row.

    Args:
        digest: What should be stored.
        place: The row, for a person.
        things: What the row belongs to.
    """

    digest: str
    place: str
    things: tuple[Ref, ...]


def to_objects(connection: sa.Connection) -> Iterator[Reference]:
    """Yield every digest of an object that the ledger names.

    A column `digest` or `…_digest` names an object, unless its `info` says `object: False`; JSON does where `IN_JSON`
    says so.
    """
    for table in metadata.sorted_tables:
        columns = [column for column in table.columns if _names_object(column)]
        if not columns:
            continue
        keys = {column.name: kind for column in table.columns if (kind := _kind_of(column))}
        shown = [column.name for column in table.primary_key]
        wanted = {column.name: column for column in (*columns, *table.primary_key)}
        wanted |= {name: table.c[name] for name in keys}
        for row in connection.execute(sa.select(*wanted.values())).mappings():
            place = f"{table.name} {', '.join(f'{name}={row[name]}' for name in shown)}"
            things = tuple(Ref(kind, str(row[name])) for name, kind in keys.items() if row[name] is not None)
            for column in columns:
                for digest in _digests(row[column.name]):
                    yield Reference(digest, place, things)


def mentioned(connection: sa.Connection, without: Collection[Ref] = ()) -> set[bytes]:
    """Return every digest that any text of any row holds, whatever it means there: no object of these may go.

    Args:
        connection: The database.
        without: Things whose own rows do not count.
    """
    found: set[bytes] = set()
    for table in metadata.sorted_tables:
        texts = [sa.type_coerce(column, sa.Text) for column in table.columns if _is_text(column)]
        if not texts or table.name in _SAY_NO_OBJECTS:
            continue
        owner, kind = next(((column, kind) for column in table.columns if (kind := _kind_of(column))), (None, ""))
        query = sa.select(sa.null() if owner is None else owner, *texts).execution_options(yield_per=_PIECE)
        for row in connection.execute(query):
            long = [text for text in row[1:] if text is not None and len(text) >= 64]
            if long and not (without and row[0] is not None and Ref(kind or "", str(row[0])) in without):
                found.update(bytes.fromhex(digest) for text in long for digest in _DIGEST.findall(text))
    return found


def lives(connection: sa.Connection, ref: Ref) -> bool | None:
    """Return whether the row of a thing is there; None where its kind has none."""
    home = HOMES.get(ref.kind)
    if home is None:
        return None
    column = metadata.tables[home[0]].c[home[1]]
    return connection.execute(sa.select(column).where(column == ref.id)).first() is not None


def needed_by(connection: sa.Connection, digests: set[str]) -> dict[str, list[str]]:
    """Return what depends on each of some digests: the rows that name it, and what came from those."""
    found: dict[str, dict[str, None]] = {digest: {} for digest in digests}
    for reference in to_objects(connection):
        if reference.digest not in found:
            continue
        names = found[reference.digest]
        names[reference.place] = None
        for thing in reference.things:
            names.update(dict.fromkeys(_descendants(connection, thing)))
    for digest, names in found.items():
        names.update(dict.fromkeys(_descendants(connection, Ref("artifact", digest))[1:]))
    return {digest: list(names) for digest, names in found.items()}


def missing_ends(connection: sa.Connection) -> Iterator[tuple[Ref, list[str]]]:
    """Yield each thing that an edge names and that is not there, with its neighbours.

    What was removed for good is not missing: the audit says that it is gone.
    """
    ends = (
        (lineage_edges.c.source_kind, lineage_edges.c.source_id),
        (lineage_edges.c.target_kind, lineage_edges.c.target_id),
    )
    missing: dict[Ref, None] = {}
    for kind, (table_name, column_name) in HOMES.items():
        table = metadata.tables.get(table_name)
        if table is None:
            continue
        column = table.c[column_name]
        for kind_column, id_column in ends:
            there = sa.exists().where(column == id_column)
            event = audit_events.c
            removed = sa.exists().where(
                event.subject_kind == kind, event.subject_id == id_column, event.action == f"{kind}.remove"
            )
            query = sa.select(id_column).distinct().where(kind_column == kind, ~there, ~removed)
            missing |= dict.fromkeys(Ref(kind, found) for found in connection.execute(query).scalars())
    for ref in missing:
        edges = trace(connection, ref, "both", limit=_MOST_DESCENDANTS).edges
        near = [edge for edge in edges if str(ref) in {edge.source, edge.target}]
        yield ref, [f"{edge.source} {edge.relation} {edge.target}" for edge in near]


def needs(objects: ObjectStore, digest: Digest) -> list[Digest]:
    """Return the objects that a stored one names: the files of a tree, the packs of a layout; else none."""
    with objects.open(digest) as file:
        begin = file.read(_LONGEST_MARK)
    if begin.startswith(TREE_MARK):
        return [entry.digest for entry in decode_manifest(objects.read(digest))]
    return packs_of(objects.read(digest)) if begin.startswith(LAYOUT_MARK) else []


def count_events(connection: sa.Connection) -> int:
    """Return how many audit events there are."""
    return connection.execute(sa.select(sa.func.count()).select_from(audit_events)).scalar_one()


def count_edges(connection: sa.Connection) -> int:
    """Return how many lineage edges there are."""
    return connection.execute(sa.select(sa.func.count()).select_from(lineage_edges)).scalar_one()


def _names_object(column: sa.Column[object]) -> bool:
    if (column.table.name, column.name) in IN_JSON:
        return True
    is_named_so = column.name == "digest" or column.name.endswith("_digest")
    return is_named_so and column.table.name not in _NO_OBJECTS and bool(column.info.get("object", True))


def _is_text(column: sa.Column[object]) -> bool:
    return isinstance(column.type, sa.Text | JsonColumn)


def _digests(value: object) -> Iterator[str]:
    """Yield the digests of a column's value: itself, or within JSON what stands under the key `object`."""
    if isinstance(value, str):
        yield value
        return
    parts = [value]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if isinstance(found := part.get("object"), str):
                yield found
            parts += part.values()
        elif isinstance(part, list):
            parts += part


def _kind_of(column: sa.Column[object]) -> str | None:
    """Return the kind of thing whose id a column holds."""
    places = {(column.table.name, column.name)}
    places |= {(key.column.table.name, key.column.name) for key in column.foreign_keys}
    return next((kind for kind, home in HOMES.items() if home in places or column.name == f"{kind}_id"), None)


def _descendants(connection: sa.Connection, thing: Ref) -> list[str]:
    edges = trace(connection, thing, "down", limit=_MOST_DESCENDANTS).edges
    return [str(thing), *(edge.target for edge in edges)] if edges else [str(thing)]
