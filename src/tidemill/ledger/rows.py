"""Rows as plain dictionaries."""

from typing import Any

import sqlalchemy as sa


def record(row: "sa.Row[*tuple[Any, ...]]") -> dict[str, Any]:
    """Return a row's values by column."""
    # SQLAlchemy names columns by a subclass of str, which msgspec does not take for a key.
    return {str(name): value for name, value in row._mapping.items()}  # noqa: SLF001 - public, by SQLAlchemy's word
