"""The routes of the API, a module a stage."""

from tidemill.server.api import delivery, governance, maintenance, monitoring, tracking
from tidemill.server.routes import Route

ROUTES: tuple[Route, ...] = (
    *tracking.ROUTES,
    *delivery.ROUTES,
    *monitoring.ROUTES,
    *governance.ROUTES,
    *maintenance.ROUTES,
)
