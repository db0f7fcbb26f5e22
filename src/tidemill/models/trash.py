"""What has been in the registry's trash since before a moment."""

from collections.abc import Sequence
from typing import NamedTuple

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
