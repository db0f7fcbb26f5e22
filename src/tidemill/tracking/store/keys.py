"""Which keys there are, without reading what stands under them."""

import sqlalchemy as sa

from tidemill.ledger.dialect import rows_of
from tidemill.tracking.store.tables import metric_series, run_params, run_tags

_TABLES = (metric_series, run_params, run_tags)


def find_keys(connection: sa.Connection, *, most: int) -> tuple[list[str], list[str], list[str]]:
    """Return the keys of metrics, params and tags of all runs, in order; at most so many of each."""
    metrics, params, tags = (_keys(connection, table.name, most) for table in _TABLES)
    return metrics, params, tags


def _keys(connection: sa.Connection, table: str, most: int) -> list[str]:
    # From key to next key along the index: DISTINCT would read every row of it.
    rows = rows_of(
        connection,
        f"WITH RECURSIVE known(key) AS (SELECT min(key) FROM {table} UNION ALL"  # noqa: S608 - a table of ours
        f" SELECT (SELECT min(key) FROM {table} WHERE key > known.key) FROM known WHERE known.key IS NOT NULL)"
        " SELECT key FROM known WHERE key IS NOT NULL LIMIT ?",
        most,
    )
    return [row[0] for row in rows]
