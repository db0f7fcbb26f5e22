"""Logged models with their params, tags and metrics."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tidemill.ledger.dialect import rows_in
from tidemill.ledger.rows import record
from tidemill.tracking.records import LoggedModel, LoggedModelStatus
from tidemill.tracking.store.metrics import latest_about_models
from tidemill.tracking.store.tables import is_there, logged_models


def find_logged_models(connection: sa.Connection, model_ids: Sequence[str]) -> list[LoggedModel]:
    """Return the logged models of those ids, in that order, without the ones that do not exist."""
    rows: dict[str, dict[str, Any]] = {}
    there = is_there(logged_models)
    for start in range(0, len(model_ids), 500):
        wanted = logged_models.c.model_id.in_(model_ids[start : start + 500])
        rows |= {row.model_id: record(row) for row in connection.execute(sa.select(logged_models).where(wanted, there))}
    found = [model_id for model_id in model_ids if model_id in rows]
    params = _texts(connection, "logged_model_params", found)
    tags = _texts(connection, "logged_model_tags", found)
    metrics = latest_about_models(connection, found)
    return [
        LoggedModel(
            **{
                **rows[model_id],
                "status": LoggedModelStatus(rows[model_id]["status"]),
                "source_run_id": rows[model_id]["source_run_id"] or "",
            },
            params=params.get(model_id, {}),
            tags=tags.get(model_id, {}),
            metrics=metrics.get(model_id, []),
        )
        for model_id in found
    ]


def _texts(connection: sa.Connection, table: str, model_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = f"SELECT model_id, key, value FROM {table} WHERE model_id = ANY {{texts}} ORDER BY key"  # noqa: S608 - two names of ours
    for model_id, key, value in rows_in(connection, query, list(model_ids)):
        found.setdefault(model_id, {})[key] = value
    return found
