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
    sa.UniqueConstraint("model", "number"),
    sa.Index("ix_model_versions_digest", "digest"),
    sa.Index("ix_model_versions_run", "run_id"),
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


def model_names(connection: sa.Connection) -> list[str]:
    """Return the registered names."""
    return list(connection.execute(sa.select(models.c.name).order_by(models.c.name)).scalars())


def list_models(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Model]:
    """Return models by name, with their newest version and their aliases."""
    latest = sa.select(sa.func.max(model_versions.c.number)).where(model_versions.c.model == models.c.name)
    query = sa.select(models, sa.func.coalesce(latest.scalar_subquery(), 0).label("latest")).where(*where)
    rows = connection.execute(query.order_by(models.c.name)).all()
    pointed: dict[str, dict[str, int]] = {}
    for row in connection.execute(sa.select(model_aliases).order_by(model_aliases.c.alias)):
        pointed.setdefault(row.model, {})[row.alias] = row.number
    return [msgspec.convert({**record(row), "aliases": pointed.get(row.name, {})}, Model) for row in rows]


def next_number(connection: sa.Connection, model: str) -> int:
    """Return the number of a model's next version."""
    query = sa.select(sa.func.coalesce(sa.func.max(model_versions.c.number), 0)).where(model_versions.c.model == model)
    return int(connection.execute(query).scalar_one()) + 1


def find_version(connection: sa.Connection, ref: ModelRef) -> ModelVersion | None:
    """Return the version that a reference names."""
    table = model_versions.c
    query = sa.select(model_versions).where(table.model == ref.name)
    if ref.alias is not None:
        pointed = sa.select(model_aliases.c.number).where(
            model_aliases.c.model == ref.name, model_aliases.c.alias == ref.alias
        )
        query = query.where(table.number == pointed.scalar_subquery())
    elif ref.number is not None:
        query = query.where(table.number == ref.number)
    found = _versions(connection, query.order_by(table.number.desc()).limit(1))
    return found[0] if found else None


def find_versions(connection: sa.Connection, *where: sa.ColumnElement[bool], limit: int = 1000) -> list[ModelVersion]:
    """Return versions, newest first."""
    table = model_versions.c
    query = sa.select(model_versions).where(*where).order_by(table.created_at.desc(), table.number.desc())
    return _versions(connection, query.limit(limit))


def _versions(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[ModelVersion]:
    rows = connection.execute(query).all()
    tags = _tags(connection, [row.id for row in rows])
    pointing: dict[tuple[str, int], list[str]] = {}
    names = {row.model for row in rows}
    wanted = sa.select(model_aliases).where(model_aliases.c.model.in_(names)).order_by(model_aliases.c.alias)
    for row in connection.execute(wanted):
        pointing.setdefault((row.model, row.number), []).append(row.alias)
    return [
        msgspec.convert(
            {**record(row), "tags": tags.get(row.id, {}), "aliases": pointing.get((row.model, row.number), [])},
            ModelVersion,
        )
        for row in rows
    ]


def _tags(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    table = model_version_tags.c
    for row in connection.execute(sa.select(model_version_tags).where(table.version_id.in_(ids)).order_by(table.key)):
        found.setdefault(row.version_id, {})[row.key] = row.value
    return found
