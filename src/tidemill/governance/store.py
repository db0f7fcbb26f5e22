"""The table of tokens, and the SQL on it."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.governance.records import Token
from tidemill.ledger.schema import MomentColumn, metadata

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", MomentColumn),
    sa.Column("revoked_at", MomentColumn),
    sa.Column("last_used_day", sa.Text),
)
sa.Index(
    "uq_tokens_live_name",
    tokens.c.name,
    unique=True,
    sqlite_where=tokens.c.revoked_at.is_(None),
    postgresql_where=tokens.c.revoked_at.is_(None),
)


def token(row: Mapping[Any, Any]) -> Token:
    """Return a row as a record; the hash stays where it is."""
    return Token(**{name: row[name] for name in Token.__struct_fields__})


def of_hash(connection: sa.Connection, hashed: str) -> tuple[Token, str] | None:
    """Return the token of a hash, with the hash as it is kept."""
    row = connection.execute(sa.select(tokens).where(tokens.c.hash == hashed)).mappings().one_or_none()
    return (token(row), row["hash"]) if row else None


def live_named(connection: sa.Connection, name: str) -> Token | None:
    """Return the token of a name, or of an id, that was not revoked."""
    query = sa.select(tokens).where(sa.or_(tokens.c.name == name, tokens.c.id == name), tokens.c.revoked_at.is_(None))
    row = connection.execute(query).mappings().first()
    return token(row) if row else None


def all_tokens(connection: sa.Connection) -> list[Token]:
    """Return every token, newest first."""
    return [token(row) for row in connection.execute(sa.select(tokens).order_by(tokens.c.id.desc())).mappings()]


def has_live(connection: sa.Connection, role: str, now: Moment) -> bool:
    """Return whether somebody holds a live token of a role."""
    alive = sa.and_(tokens.c.revoked_at.is_(None), sa.or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now))
    return connection.execute(sa.select(sa.exists().where(tokens.c.role == role, alive))).scalar_one()
