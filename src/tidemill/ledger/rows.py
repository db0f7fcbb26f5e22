"""Rows as plain dictionaries."""

from typing import Any

import sqlalchemy as sa


def record(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a row's values by column."""
    return dict(row._mapping)  # noqa: SLF001 - public, by SQLAlchemy's word
