"""The routes of the API, a module a stage."""

from tidemill.server.api import (
    checks,
    data,
    deleting,
    delivery,
    folders,
    governance,
    labels,
    maintenance,
    models,
    monitoring,
    pipelines,
    projects,
    rules,
    splits,
    stores,
    trackers,
    tracking,
    window_profiles,
)
from tidemill.server.routes import Route

ROUTES: tuple[Route, ...] = (
    *data.ROUTES,
    *checks.ROUTES,
    *rules.ROUTES,
    *folders.ROUTES,
    *splits.ROUTES,
    *deleting.ROUTES,
    *labels.ROUTES,
    *tracking.ROUTES,
    *pipelines.ROUTES,
    *models.ROUTES,
    *delivery.ROUTES,
    *monitoring.ROUTES,
    *window_profiles.ROUTES,
    *projects.ROUTES,
    *governance.ROUTES,
    *maintenance.ROUTES,
    *stores.ROUTES,
    *trackers.ROUTES,
)
