"""What of datasets is in the trash, since when, and what is known of versions that were removed for good."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.data.records import RemovedVersion
from tidemill.data.rules import DatasetRef
from tidemill.data.store import HERE, dataset_tags, dataset_versions, datasets, removed_dataset_versions
from tidemill.ledger import Transaction
from tidemill.ledger.rows import record


class InTrash(NamedTuple):
    """A version in the trash; `with_dataset` says that it went there with its dataset."""

    id: str
    dataset: str
    number: int
    deleted_at: Moment
    with_dataset: bool


_TOGETHER = sa.exists().where(
    datasets.c.name == dataset_versions.c.dataset, datasets.c.deleted_at == dataset_versions.c.deleted_at
)


def find_trashed(connection: sa.Connection, ref: DatasetRef) -> InTrash | None:
    """Return the version that a number or a tag names, if it is in the trash; None for every other reference."""
    table = dataset_versions.c
    if ref.number is None and ref.tag is None:
        return None
    number: object = ref.number
    if ref.tag is not None:
        tagged = sa.select(dataset_tags.c.number)
        tagged = tagged.where(dataset_tags.c.dataset == ref.dataset, dataset_tags.c.tag == ref.tag)
        number = tagged.scalar_subquery()
    query = sa.select(table.id, table.dataset, table.number, table.deleted_at, _TOGETHER)
    row = connection.execute(query.where(table.dataset == ref.dataset, table.number == number, ~HERE)).first()
    return InTrash(*row) if row else None


def is_dataset_trashed(connection: sa.Connection, name: str) -> bool:
    """Return whether a dataset is in the trash."""
    query = sa.select(datasets.c.name).where(datasets.c.name == name, datasets.c.deleted_at.is_not(None))
    return connection.execute(query).first() is not None


def old_versions(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[InTrash]:
    """Return the versions, or those among some, that went to the trash before a moment."""
    table = dataset_versions.c
    query = sa.select(table.id, table.dataset, table.number, table.deleted_at, _TOGETHER)
    query = query.where(table.deleted_at <= before)
    if among is not None:
        query = query.where(table.id.in_(among))
    return [InTrash(*row) for row in connection.execute(query.order_by(table.dataset, table.number))]


def old_datasets(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[str]:
    """Return the datasets, or those among some, that went to the trash before a moment."""
    query = sa.select(datasets.c.name).where(datasets.c.deleted_at <= before).order_by(datasets.c.name)
    if among is not None:
        query = query.where(datasets.c.name.in_(among))
    return list(connection.execute(query).scalars())


def versions_in(connection: sa.Connection, name: str) -> list[str]:
    """Return the ids of all versions of a dataset, those in the trash too."""
    query = sa.select(dataset_versions.c.id).where(dataset_versions.c.dataset == name)
    return list(connection.execute(query).scalars())


def trashed_datasets() -> sa.Select[Any]:
    """Return the query of the datasets in the trash: kind, id, name, number and moment of deletion."""
    return sa.select(
        sa.literal("dataset").label("kind"),
        datasets.c.name.label("id"),
        datasets.c.name.label("name"),
        sa.literal(0).label("number"),
        datasets.c.deleted_at.label("deleted_at"),
    ).where(datasets.c.deleted_at.is_not(None))


def trashed_versions() -> sa.Select[Any]:
    """Return the query of the versions that went there by themselves, not with their dataset; as the other one."""
    table = dataset_versions.c
    return sa.select(
        sa.literal("dataset_version").label("kind"),
        table.id.label("id"),
        table.dataset.label("name"),
        table.number.label("number"),
        table.deleted_at.label("deleted_at"),
    ).where(~HERE, ~_TOGETHER)


def versions_with(connection: sa.Connection, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return how many versions went to the trash with each of some datasets, and how many bytes those have."""
    table = dataset_versions.c
    query = sa.select(table.dataset, sa.func.count(), sa.func.sum(table.size_bytes)).where(_TOGETHER)
    found = connection.execute(query.where(table.dataset.in_(names)).group_by(table.dataset))
    return {str(name): (int(count), int(size)) for name, count, size in found}


def sizes_of_versions(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return how many bytes some versions have."""
    query = sa.select(dataset_versions.c.id, dataset_versions.c.size_bytes).where(dataset_versions.c.id.in_(ids))
    return {str(key): int(size) for key, size in connection.execute(query)}


def keep_known(tx: Transaction, ids: Sequence[str]) -> None:
    """Note what some versions were, before their rows go."""
    table = dataset_versions.c
    for row in tx.connection.execute(sa.select(dataset_versions).where(table.id.in_(ids))).mappings():
        known = {column.name: row[column.name] for column in removed_dataset_versions.c if column.name in row}
        source = {"source": row["source"]["uri"], "removed_at": tx.now, "removed_by": tx.actor.name}
        tx.execute(sa.insert(removed_dataset_versions), known | source)


def removed_versions(connection: sa.Connection, name: str, number: int | None = None) -> list[RemovedVersion]:
    """Return the versions of a dataset that were removed for good, the largest number first."""
    table = removed_dataset_versions.c
    query = sa.select(removed_dataset_versions).where(table.dataset == name)
    if number is not None:
        query = query.where(table.number == number)
    found = connection.execute(query.order_by(table.number.desc(), table.removed_at.desc()))
    return [msgspec.convert(record(row), RemovedVersion) for row in found]


def find_removed(connection: sa.Connection, identifier: str) -> RemovedVersion | None:
    """Return a version that was removed for good, by its identifier; None when none has it."""
    table = removed_dataset_versions
    row = connection.execute(sa.select(table).where(table.c.id == identifier)).first()
    return msgspec.convert(record(row), RemovedVersion) if row else None
