"""The tables of the registry, and the SQL on them."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from tidemill.ledger.rows import record
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata
from tidemill.models.records import Model, ModelVersion
from tidemill.models.rules import ModelRef

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("updated_at", MomentColumn, nullable=False),
    sa.Column("deleted_at", MomentColumn),
)
model_tags = sa.Table(
    "model_tags",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("models.name"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
model_versions = sa.Table(
    "model_versions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, sa.ForeignKey("models.name"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("framework", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("signature", JsonColumn, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("updated_at", MomentColumn, nullable=False),
    sa.Column("deleted_at", MomentColumn),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("run_link", sa.Text, nullable=False),
    sa.Column("logged_model_id", sa.Text, nullable=False),
    sa.UniqueConstraint("model", "number"),
    sa.Index("ix_model_versions_digest", "digest"),
    sa.Index("ix_model_versions_run", "run_id"),
    sa.Index("ix_model_versions_logged", "logged_model_id"),
)
model_aliases = sa.Table(
    "model_aliases",
    metadata,
    sa.Column("model", sa.Text, sa.ForeignKey("models.name"), primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)
model_version_tags = sa.Table(
    "model_version_tags",
    metadata,
    sa.Column("version_id", sa.Text, sa.ForeignKey("model_versions.id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
model_preparations = sa.Table(
    "model_preparations",
    metadata,
    sa.Column("version_id", sa.Text, sa.ForeignKey("model_versions.id"), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("framework", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("signature", JsonColumn, nullable=False),
    sa.Column("requirements", JsonColumn, nullable=False),
    sa.Column("notes", JsonColumn, nullable=False),
    sa.Column("made_at", MomentColumn, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
)


HERE = model_versions.c.deleted_at.is_(None)
"""Versions that are not in the trash."""


def model_names(connection: sa.Connection) -> list[str]:
    """Return the registered names."""
    query = sa.select(models.c.name).where(models.c.deleted_at.is_(None)).order_by(models.c.name)
    return list(connection.execute(query).scalars())


def find_models(connection: sa.Connection, names: Sequence[str]) -> list[Model]:
    """Return the models of those names, in that order, also those in the trash; without those that never were."""
    found = {model.name: model for model in list_models(connection, models.c.name.in_(names))}
    return [found[name] for name in names if name in found]


def list_models(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Model]:
    """Return models by name, with their newest version, their aliases and tags."""
    latest = sa.select(sa.func.max(model_versions.c.number)).where(model_versions.c.model == models.c.name, HERE)
    query = sa.select(models, sa.func.coalesce(latest.scalar_subquery(), 0).label("latest")).where(*where)
    rows = connection.execute(query.order_by(models.c.name)).all()
    names = [row.name for row in rows]
    pointed: dict[str, dict[str, int]] = {}
    wanted = sa.select(model_aliases).where(model_aliases.c.model.in_(names)).order_by(model_aliases.c.alias)
    for row in connection.execute(wanted):
        pointed.setdefault(row.model, {})[row.alias] = row.number
    tags = _tags(connection, model_tags, model_tags.c.model, names)
    return [
        msgspec.convert({**record(row), "aliases": pointed.get(row.name, {}), "tags": tags.get(row.name, {})}, Model)
        for row in rows
    ]


def next_number(connection: sa.Connection, model: str) -> int:
    """Return the number of a model's next version; that of a deleted one is never given again."""
    query = sa.select(sa.func.coalesce(sa.func.max(model_versions.c.number), 0)).where(model_versions.c.model == model)
    return int(connection.execute(query).scalar_one()) + 1


def find_version(connection: sa.Connection, ref: ModelRef) -> ModelVersion | None:
    """Return the version that a reference names."""
    table = model_versions.c
    query = sa.select(model_versions).where(table.model == ref.name, HERE)
    if ref.alias is not None:
        pointed = sa.select(model_aliases.c.number).where(
            model_aliases.c.model == ref.name, model_aliases.c.alias == ref.alias
        )
        query = query.where(table.number == pointed.scalar_subquery())
    elif ref.number is not None:
        query = query.where(table.number == ref.number)
    found = _versions(connection, query.order_by(table.number.desc()).limit(1))
    return found[0] if found else None


def versions_of(connection: sa.Connection, ids: Sequence[str]) -> list[ModelVersion]:
    """Return the versions of those ids, in that order, also those in the trash; without those that never were."""
    query = sa.select(model_versions).where(model_versions.c.id.in_(ids))
    found = {version.id: version for version in _versions(connection, query)}
    return [found[identifier] for identifier in ids if identifier in found]


def find_versions(connection: sa.Connection, *where: sa.ColumnElement[bool], limit: int = 1000) -> list[ModelVersion]:
    """Return versions that are not in the trash, newest first."""
    table = model_versions.c
    query = sa.select(model_versions).where(HERE, *where).order_by(table.created_at.desc(), table.number.desc())
    return _versions(connection, query.limit(limit))


def _versions(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[ModelVersion]:
    rows = connection.execute(query).all()
    tags = _tags(connection, model_version_tags, model_version_tags.c.version_id, [row.id for row in rows])
    pointing: dict[tuple[str, int], list[str]] = {}
    names = {row.model for row in rows}
    wanted = sa.select(model_aliases).where(model_aliases.c.model.in_(names)).order_by(model_aliases.c.alias)
    for row in connection.execute(wanted):
        pointing.setdefault((row.model, row.number), []).append(row.alias)
    made = _preparations(connection, [row.id for row in rows])
    return [
        msgspec.convert(
            {
                **record(row),
                "tags": tags.get(row.id, {}),
                "aliases": pointing.get((row.model, row.number), []),
                "preparation": made.get(row.id),
            },
            ModelVersion,
        )
        for row in rows
    ]


def _preparations(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, object]]:
    query = sa.select(model_preparations).where(model_preparations.c.version_id.in_(ids))
    found = [record(row) for row in connection.execute(query)]
    return {str(row.pop("version_id")): row for row in found}


def _tags(
    connection: sa.Connection, table: sa.Table, owner: "sa.Column[str]", owners: Sequence[str]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = sa.select(owner, table.c.key, table.c.value).where(owner.in_(owners)).order_by(table.c.key)
    for name, key, value in connection.execute(query):
        found.setdefault(name, {})[key] = value
    return found
