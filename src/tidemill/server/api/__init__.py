"""The routes of the API, a module a stage."""

from tidemill.server.api import tracking
from tidemill.server.routes import Route

ROUTES: tuple[Route, ...] = (*tracking.ROUTES,)
