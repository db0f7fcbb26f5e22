"""The tables of datasets and versions, and the SQL on them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

import msgspec
import sqlalchemy as sa

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.data.records import (
    Column,
    Dataset,
    DatasetKind,
    DatasetVersion,
    Part,
    RuleCount,
    Segment,
    Source,
    SourceFile,
)
from tidemill.data.rules import DatasetRef
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("latest", sa.Integer, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)
dataset_versions = sa.Table(
    "dataset_versions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("dataset", sa.Text, sa.ForeignKey("datasets.name"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger),
    sa.Column("rows_read", sa.BigInteger),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("columns", JsonColumn, nullable=False),
    sa.Column("key", JsonColumn, nullable=False),
    sa.Column("time", sa.Text),
    sa.Column("profile_digest", sa.Text),
    sa.Column("report_digest", sa.Text),
    sa.Column("layout_digest", sa.Text),
    sa.Column("files", sa.BigInteger),
    sa.Column("source", JsonColumn, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Index("ix_dataset_versions_dataset_number", "dataset", "number", unique=True),
    sa.Index("ix_dataset_versions_digest", "digest"),
)
dataset_parts = sa.Table(
    "dataset_parts",
    metadata,
    sa.Column("version_id", sa.Text, sa.ForeignKey("dataset_versions.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("segments", JsonColumn, nullable=False),
    sa.Column("columns", JsonColumn, nullable=False),
    sa.Column("rows_read", sa.BigInteger, nullable=False),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("quarantine_digest", sa.Text),
    sa.Column("broken", JsonColumn, nullable=False),
    sa.Column("profile_digest", sa.Text, nullable=False),
    sa.Column("source", JsonColumn, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Index("ix_dataset_parts_recipe", "recipe"),
)
dataset_tags = sa.Table(
    "dataset_tags",
    metadata,
    sa.Column("dataset", sa.Text, sa.ForeignKey("datasets.name"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("set_at", MomentColumn, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
)


def find_dataset(connection: sa.Connection, name: str) -> Dataset | None:
    """Return a dataset, None when there is none of that name."""
    row = connection.execute(sa.select(datasets).where(datasets.c.name == name)).first()
    return Dataset(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name for it


def list_datasets(connection: sa.Connection) -> list[Dataset]:
    """Return all datasets, by name."""
    rows = connection.execute(sa.select(datasets).order_by(datasets.c.name))
    return [Dataset(**row._mapping) for row in rows]  # noqa: SLF001 - as above


def dataset_names(connection: sa.Connection) -> list[str]:
    """Return the names of all datasets."""
    return list(connection.scalars(sa.select(datasets.c.name).order_by(datasets.c.name)))


def find_version(connection: sa.Connection, ref: DatasetRef, *, parts: bool = False) -> DatasetVersion | None:
    """Return the version that a reference names, None when there is none.

    Args:
        connection: The database.
        ref: Which one.
        parts: Whether its parts are read too.
    """
    table = dataset_versions.c
    query = sa.select(dataset_versions).where(table.dataset == ref.dataset)
    if ref.number is not None:
        query = query.where(table.number == ref.number)
    elif ref.tag is not None:
        tagged = sa.select(dataset_tags.c.number).where(
            dataset_tags.c.dataset == ref.dataset, dataset_tags.c.tag == ref.tag
        )
        query = query.where(table.number == tagged.scalar_subquery())
    elif ref.day is not None:
        end = datetime.combine(ref.day, time(), UTC) + timedelta(days=1)
        query = query.where(table.created_at < end)
    row = connection.execute(query.order_by(table.number.desc()).limit(1)).first()
    if row is None:
        return None
    return _version(row, _tags(connection, ref.dataset), _parts(connection, row.id) if parts else ())


def find_version_by_id(connection: sa.Connection, identifier: str) -> DatasetVersion | None:
    """Return a version by its identifier in the ledger, with its parts; None when there is none."""
    row = connection.execute(sa.select(dataset_versions).where(dataset_versions.c.id == identifier)).first()
    return _version(row, _tags(connection, row.dataset), _parts(connection, row.id)) if row else None


def list_versions(connection: sa.Connection, name: str) -> list[DatasetVersion]:
    """Return the versions of a dataset without their parts, newest first."""
    table = dataset_versions.c
    rows = connection.execute(
        sa.select(dataset_versions).where(table.dataset == name).order_by(table.number.desc())
    ).all()
    tags = _tags(connection, name)
    return [_version(row, tags, ()) for row in rows]


def latest_trees(connection: sa.Connection, without: str) -> list[DatasetVersion]:
    """Return the latest version of each dataset of files but one, the newest first."""
    table = dataset_versions.c
    query = (
        sa.select(dataset_versions)
        .join(datasets, sa.and_(datasets.c.name == table.dataset, datasets.c.latest == table.number))
        .where(table.layout_digest.is_not(None), table.dataset != without)
        .order_by(table.created_at.desc())
    )
    return [_version(row, {}, ()) for row in connection.execute(query)]


def _tags(connection: sa.Connection, name: str) -> dict[int, tuple[str, ...]]:
    tags: dict[int, tuple[str, ...]] = {}
    query = sa.select(dataset_tags.c.number, dataset_tags.c.tag).where(dataset_tags.c.dataset == name)
    for number, tag in connection.execute(query.order_by(dataset_tags.c.tag)):
        tags[number] = (*tags.get(number, ()), tag)
    return tags


def _version(
    row: sa.Row[tuple[object, ...]], tags: dict[int, tuple[str, ...]], parts: tuple[Part, ...]
) -> DatasetVersion:
    values = dict(row._mapping)  # noqa: SLF001 - as above
    return DatasetVersion(
        **values
        | {
            "kind": DatasetKind(values["kind"]),
            "columns": msgspec.convert(values["columns"], tuple[Column, ...]),
            "key": tuple(values["key"]),
            "source": msgspec.convert(values["source"], Source),
            "parts": parts,
            "tags": tags.get(values["number"], ()),
        }
    )


def _parts(connection: sa.Connection, version_id: str) -> tuple[Part, ...]:
    table = dataset_parts.c
    query = sa.select(dataset_parts).where(table.version_id == version_id).order_by(table.position)
    return tuple(_part(row) for row in connection.execute(query))


def _part(row: sa.Row[tuple[object, ...]]) -> Part:
    values = dict(row._mapping)  # noqa: SLF001 - as above
    del values["version_id"], values["position"]
    return Part(
        **values
        | {
            "segments": msgspec.convert(values["segments"], tuple[Segment, ...]),
            "columns": msgspec.convert(values["columns"], tuple[Column, ...]),
            "broken": msgspec.convert(values["broken"], tuple[RuleCount, ...]),
            "source": msgspec.convert(values["source"], SourceFile),
        }
    )


def find_part(connection: sa.Connection, name: str, recipe: Digest) -> Part | None:
    """Return a part of a dataset that was made by a recipe, None when there is none."""
    table = dataset_parts.c
    query = (
        sa.select(dataset_parts)
        .join(dataset_versions, dataset_versions.c.id == table.version_id)
        .where(table.recipe == recipe, dataset_versions.c.dataset == name)
        .order_by(dataset_versions.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _part(row) if row else None


def next_number(connection: sa.Connection, name: str, description: str, actor: str, now: Moment) -> int:
    """Count a dataset's versions up by one, making the dataset if it is new, and return the number.

    The row of the dataset is locked until the end of the transaction, so two writers get two numbers.
    """
    table = datasets.c
    changes: dict[str, object] = {"latest": table.latest + 1}
    if description:
        changes["description"] = description
    found = connection.scalar(sa.update(datasets).where(table.name == name).values(changes).returning(table.latest))
    if found is not None:
        return int(found)
    row = {"name": name, "description": description, "latest": 1, "created_at": now, "created_by": actor}
    connection.execute(sa.insert(datasets), row)
    return 1


def insert_version(connection: sa.Connection, version: DatasetVersion) -> None:
    """Insert a version and its parts."""
    row = {column.name: getattr(version, column.name) for column in dataset_versions.c}
    row |= {"kind": version.kind.value, "key": list(version.key)}
    connection.execute(sa.insert(dataset_versions), row)
    rows = [_part_row(version.id, position, part) for position, part in enumerate(version.parts)]
    if rows:
        connection.execute(sa.insert(dataset_parts), rows)


def _part_row(version_id: str, position: int, part: Part) -> dict[str, object]:
    row: dict[str, object] = {"version_id": version_id, "position": position}
    return row | {name: getattr(part, name) for name in part.__struct_fields__}


def referenced_digests(connection: sa.Connection) -> Iterator[tuple[Digest, str]]:
    """Yield the digest of every object that a version needs, with what needs it; trees are named by their manifest."""
    table, parts = dataset_versions.c, dataset_parts.c
    for row in connection.execute(sa.select(dataset_versions).order_by(table.dataset, table.number)):
        for digest in (row.digest, row.profile_digest, row.report_digest, row.layout_digest):
            if digest:
                yield Digest(digest), f"dataset version {row.dataset}@{row.number}"
    query = sa.select(dataset_parts, table.dataset, table.number).join(dataset_versions, table.id == parts.version_id)
    for row in connection.execute(query.order_by(table.dataset, table.number, parts.position)):
        segments = [segment["digest"] for segment in row.segments]
        for digest in (*segments, row.profile_digest, row.quarantine_digest):
            if digest:
                yield Digest(digest), f"dataset version {row.dataset}@{row.number}"


def tags_of(connection: sa.Connection, name: str) -> Sequence[str]:
    """Return the tags of a dataset."""
    return list(connection.scalars(sa.select(dataset_tags.c.tag).where(dataset_tags.c.dataset == name)))
