"""Splits of dataset versions."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (Route("POST", "/api/v1/dataset-versions/{ref}/splits", "splits.create", Permission.WRITE, 201),)
