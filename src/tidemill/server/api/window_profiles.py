"""Profiles of windows."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (Route("GET", "/api/v1/endpoints/{endpoint}/profile", "window_profiles.profile", Permission.READ),)
