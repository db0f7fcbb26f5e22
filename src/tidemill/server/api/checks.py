"""Checks of dataset versions before a training."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/check-suites", "checks.suites", Permission.READ),
    Route("GET", "/api/v1/dataset-versions/{ref}/personal", "checks.personal", Permission.READ),
    Route("POST", "/api/v1/check-reports", "checks.run", Permission.WRITE, 201),
    Route("GET", "/api/v1/check-reports", "checks.list_reports", Permission.READ),
    Route("GET", "/api/v1/check-reports/{id}", "checks.get_report", Permission.READ),
)
