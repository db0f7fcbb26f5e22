"""The web pages: server-rendered, readable without scripts, live where state changes."""

from tidemill.app import Workspace
from tidemill.server.pages import (
    alerts,
    assets,
    audit,
    changes,
    checks,
    comparing,
    dataset_columns,
    dataset_diffs,
    datasets,
    deliveries,
    endpoints,
    experiments,
    framed,
    gates,
    label_review,
    labels,
    lineage,
    logged_models,
    loop,
    models,
    predictions,
    quality,
    remotes,
    run,
    runs,
    sources,
    trash,
    windows,
)
from tidemill.server.permits import StatedRoute

_GROUPS = (
    loop,
    runs,
    experiments,
    comparing,
    run,
    sources,
    framed,
    dataset_diffs,
    datasets,
    quality,
    remotes,
    dataset_columns,
    checks,
    labels,
    label_review,
    models,
    logged_models,
    gates,
    endpoints,
    windows,
    predictions,
    lineage,
    alerts,
    deliveries,
    audit,
    trash,
    changes,
)


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of all pages, each with its permission."""
    return [*assets.routes(), *(route for group in _GROUPS for route in group.routes(workspace))]
