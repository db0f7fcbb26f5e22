"""What is in the registry's trash, and since when."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.models.store import model_versions, models


class OldVersion(NamedTuple):
    """A version that went to the trash; `is_newest` says that its number is the model's largest."""

    id: str
    model: str
    number: int
    digest: str
    is_newest: bool


def old_versions(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[OldVersion]:
    """Return the versions, or those among some, that went to the trash before a moment."""
    table = model_versions.c
    other = model_versions.alias()
    newer = sa.exists().where(other.c.model == table.model, other.c.number > table.number)
    query = sa.select(table.id, table.model, table.number, table.digest, ~newer).where(table.deleted_at <= before)
    if among is not None:
        query = query.where(table.id.in_(among))
    return [OldVersion(*row) for row in connection.execute(query.order_by(table.model, table.number))]


def old_models(connection: sa.Connection, before: Moment, among: Sequence[str] | None = None) -> list[str]:
    """Return the models, or those among some, that went to the trash before a moment."""
    query = sa.select(models.c.name).where(models.c.deleted_at <= before).order_by(models.c.name)
    if among is not None:
        query = query.where(models.c.name.in_(among))
    return list(connection.execute(query).scalars())


def versions_in(connection: sa.Connection, model: str) -> list[str]:
    """Return the ids of all versions of a model, those in the trash too."""
    query = sa.select(model_versions.c.id).where(model_versions.c.model == model)
    return list(connection.execute(query).scalars())


def trashed_models() -> sa.Select[Any]:
    """Return the query of the models in the trash: kind, id, name, number and moment of deletion."""
    return sa.select(
        sa.literal("model").label("kind"),
        models.c.name.label("id"),
        models.c.name.label("name"),
        sa.literal(0).label("number"),
        models.c.deleted_at.label("deleted_at"),
    ).where(models.c.deleted_at.is_not(None))


def trashed_versions() -> sa.Select[Any]:
    """Return the query of the versions that went to the trash by themselves, not with their model; as the other one."""
    table = model_versions.c
    together = sa.exists().where(models.c.name == table.model, models.c.deleted_at == table.deleted_at)
    return sa.select(
        sa.literal("model_version").label("kind"),
        table.id.label("id"),
        table.model.label("name"),
        table.number.label("number"),
        table.deleted_at.label("deleted_at"),
    ).where(table.deleted_at.is_not(None), ~together)


def versions_with(connection: sa.Connection, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return how many versions went to the trash with each of some models, and how many bytes their files have."""
    table = model_versions.c
    together = sa.and_(models.c.name == table.model, models.c.deleted_at == table.deleted_at)
    query = sa.select(table.model, sa.func.count(), sa.func.sum(table.size)).join(models, together)
    found = connection.execute(query.where(table.model.in_(names)).group_by(table.model))
    return {str(name): (int(count), int(size)) for name, count, size in found}


def sizes_of_versions(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return how many bytes the files of some versions have."""
    query = sa.select(model_versions.c.id, model_versions.c.size).where(model_versions.c.id.in_(ids))
    return {str(key): int(size) for key, size in connection.execute(query)}
