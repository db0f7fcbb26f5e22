"""Which experiments, runs and logged models a search means."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from tidemill.core.errors import InvalidInput
from tidemill.tracking import store
from tidemill.tracking.records import InputDataset, View


def find_experiment_ids(
    connection: sa.Connection, filter_text: str, order_by: Sequence[str], view: View, limit: int, offset: int
) -> list[str]:
    """Return the ids of experiments that a filter lets pass, in their order."""
    _check_plain(filter_text, order_by)
    return store.newest_experiments(connection, view=view, limit=limit, offset=offset)


def find_run_ids(  # noqa: PLR0913 - the parts of a search
    connection: sa.Connection,
    filter_text: str,
    order_by: Sequence[str],
    experiment_ids: Sequence[str],
    view: View,
    limit: int,
    offset: int,
    *,
    status: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the ids of runs that a filter lets pass, in their order."""
    _check_plain(filter_text, order_by)
    return store.newest_runs(
        connection,
        experiment_ids=experiment_ids,
        status=status,
        tags=tags or {},
        view=view,
        limit=limit,
        offset=offset,
    )


def find_logged_model_ids(
    connection: sa.Connection,
    filter_text: str,
    order_by: Sequence[str],
    experiment_ids: Sequence[str],
    datasets: Sequence[InputDataset],
    limit: int,
    offset: int,
) -> list[str]:
    """Return the ids of logged models that a filter lets pass, in their order."""
    del datasets  # which only a filter or an order could use
    _check_plain(filter_text, order_by)
    return store.newest_logged_models(connection, experiment_ids=experiment_ids, limit=limit, offset=offset)


def _check_plain(filter_text: str, order_by: Sequence[str]) -> None:
    if filter_text.strip() or order_by:
        raise InvalidInput("Filters and orders cannot be used here yet", hint="Leave them out.")
