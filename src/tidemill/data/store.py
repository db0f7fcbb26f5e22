"""The tables of datasets and versions, and the SQL on them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

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
    sa.Column("last_number", sa.Integer, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("deleted_at", MomentColumn),
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
    sa.Column("deleted_at", MomentColumn),
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


removed_dataset_versions = sa.Table(
    "removed_dataset_versions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, info={"object": False}),
    sa.Column("rows", sa.BigInteger),
    sa.Column("files", sa.BigInteger),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("deleted_at", MomentColumn, nullable=False),
    sa.Column("removed_at", MomentColumn, nullable=False),
    sa.Column("removed_by", sa.Text, nullable=False),
    sa.Index("ix_removed_dataset_versions_dataset", "dataset", "number"),
)

HERE = dataset_versions.c.deleted_at.is_(None)
"""Versions that are not in the trash."""


def find_dataset(connection: sa.Connection, name: str) -> Dataset | None:
    """Return a dataset, None when there is none of that name, or it is in the trash."""
    found = _datasets(connection, datasets.c.name == name)
    return found[0] if found else None


def list_datasets(connection: sa.Connection) -> list[Dataset]:
    """Return all datasets, by name."""
    return _datasets(connection)


def _datasets(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Dataset]:
    table = dataset_versions.c
    latest = sa.select(sa.func.max(table.number)).where(table.dataset == datasets.c.name, HERE)
    columns = [column for column in datasets.c if column.name in Dataset.__struct_fields__]
    query = sa.select(*columns, sa.func.coalesce(latest.scalar_subquery(), 0).label("latest"))
    query = query.where(datasets.c.deleted_at.is_(None), *where).order_by(datasets.c.name)
    return [Dataset(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's name for it


def dataset_names(connection: sa.Connection) -> list[str]:
    """Return the names of all datasets."""
    query = sa.select(datasets.c.name).where(datasets.c.deleted_at.is_(None)).order_by(datasets.c.name)
    return list(connection.scalars(query))


def find_version(connection: sa.Connection, ref: DatasetRef, *, parts: bool = False) -> DatasetVersion | None:
    """Return the version that a reference names, None when there is none, or it is in the trash.

    Args:
        connection: The database.
        ref: Which one.
        parts: Whether its parts are read too.
    """
    table = dataset_versions.c
    query = sa.select(dataset_versions).where(table.dataset == ref.dataset, HERE)
    if ref.number is not None:
        query = query.where(table.number == ref.number)
    elif ref.tag is not None:
        tagged = sa.select(dataset_tags.c.number).where(
            dataset_tags.c.dataset == ref.dataset, dataset_tags.c.tag == ref.tag
        )
        query = query.where(table.number == tagged.scalar_subquery())
    elif ref.day is not None:
        query = query.where(table.created_at < end_of(ref.day))
    row = connection.execute(query.order_by(table.number.desc()).limit(1)).first()
    if row is None:
        return None
    return _version(row, _tags(connection, ref.dataset), _parts(connection, row.id) if parts else ())


def end_of(day: date) -> datetime:
    """Return the moment at which a day ends in UTC, to be compared with `<`."""
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def find_version_by_id(connection: sa.Connection, identifier: str) -> DatasetVersion | None:
    """Return a version by its identifier in the ledger, also one in the trash, with its parts; None without one."""
    row = connection.execute(sa.select(dataset_versions).where(dataset_versions.c.id == identifier)).first()
    return _version(row, _tags(connection, row.dataset), _parts(connection, row.id)) if row else None


def list_versions(connection: sa.Connection, name: str) -> list[DatasetVersion]:
    """Return the versions of a dataset without their parts, newest first."""
    table = dataset_versions.c
    rows = connection.execute(
        sa.select(dataset_versions).where(table.dataset == name, HERE).order_by(table.number.desc())
    ).all()
    tags = _tags(connection, name)
    return [_version(row, tags, ()) for row in rows]


def latest_trees(connection: sa.Connection, without: str) -> list[DatasetVersion]:
    """Return the latest version of each dataset of files but one, the newest first."""
    table, other = dataset_versions.c, dataset_versions.alias()
    newer = sa.exists().where(
        other.c.dataset == table.dataset, other.c.number > table.number, other.c.deleted_at.is_(None)
    )
    query = (
        sa.select(dataset_versions)
        .where(table.layout_digest.is_not(None), table.dataset != without, HERE, ~newer)
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
    del values["deleted_at"]
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
        .where(table.recipe == recipe, dataset_versions.c.dataset == name, HERE)
        .order_by(dataset_versions.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _part(row) if row else None


def next_number(connection: sa.Connection, name: str, description: str, actor: str, now: Moment) -> int:
    """Count a dataset's versions up by one, making the dataset if it is new, and return the number.

    The row of the dataset is locked until the end of the transaction, so two writers get two numbers. The number of a
    version that was deleted, or removed for good, is never given again.
    """
    table = datasets.c
    begin_anew(connection, name, actor, now)
    changes: dict[str, object] = {"last_number": table.last_number + 1}
    if description:
        changes["description"] = description
    changed = sa.update(datasets).where(table.name == name).values(changes).returning(table.last_number)
    if (found := connection.scalar(changed)) is not None:
        return int(found)
    number = _last_removed(connection, name) + 1
    insert_dataset(connection, name, number, description=description, actor=actor, now=now)
    return number


def begin_anew(connection: sa.Connection, name: str, actor: str, now: Moment) -> None:
    """Let a dataset that is in the trash begin anew without its tags, if it is there; its versions stay there."""
    fresh = {"deleted_at": None, "description": "", "created_at": now, "created_by": actor}
    change = sa.update(datasets).where(datasets.c.name == name, datasets.c.deleted_at.is_not(None)).values(fresh)
    if connection.execute(change).rowcount:
        connection.execute(sa.delete(dataset_tags).where(dataset_tags.c.dataset == name))


def insert_dataset(
    connection: sa.Connection, name: str, number: int, *, description: str, actor: str, now: Moment
) -> None:
    """Insert a dataset whose first version has a number."""
    last = max(number, _last_removed(connection, name))
    row = {"name": name, "description": description, "last_number": last, "created_at": now, "created_by": actor}
    connection.execute(sa.insert(datasets), row)


def _last_removed(connection: sa.Connection, name: str) -> int:
    table = removed_dataset_versions.c
    return int(connection.scalar(sa.select(sa.func.max(table.number)).where(table.dataset == name)) or 0)


def insert_version(connection: sa.Connection, version: DatasetVersion) -> None:
    """Insert a version and its parts."""
    row = {column.name: getattr(version, column.name) for column in dataset_versions.c if column.name != "deleted_at"}
    row |= {"kind": version.kind.value, "key": list(version.key)}
    connection.execute(sa.insert(dataset_versions), row)
    rows = [_part_row(version.id, position, part) for position, part in enumerate(version.parts)]
    if rows:
        connection.execute(sa.insert(dataset_parts), rows)


def _part_row(version_id: str, position: int, part: Part) -> dict[str, object]:
    row: dict[str, object] = {"version_id": version_id, "position": position}
    return row | {name: getattr(part, name) for name in part.__struct_fields__}


def layouts(connection: sa.Connection, without: Collection[str] = ()) -> list[Digest]:
    """Return the layouts of all versions of files, those in the trash too, but of some."""
    table = dataset_versions.c
    query = sa.select(table.id, table.layout_digest).where(table.layout_digest.is_not(None)).order_by(table.id)
    rows = connection.execute(query).all()
    return list(dict.fromkeys(Digest(row.layout_digest) for row in rows if row.id not in without))


def replace_layouts(connection: sa.Connection, renewed: Mapping[Digest, Digest]) -> None:
    """Let versions name layouts that say the same of other packs."""
    table = dataset_versions
    for old, new in renewed.items():
        connection.execute(sa.update(table).where(table.c.layout_digest == old).values(layout_digest=new))


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
