"""Imports from other trackers and exports to them: they read and write this machine's disk and other servers."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("POST", "/api/v1/trackers/{tracker}/import", "trackers.start_import", Permission.ADMIN, 201),
    Route("POST", "/api/v1/trackers/{tracker}/export", "trackers.start_export", Permission.ADMIN, 201),
    Route("POST", "/api/v1/repositories/{repository}/import", "trackers.start_dataset_import", Permission.ADMIN, 201),
    Route("POST", "/api/v1/repositories/{repository}/export", "trackers.start_dataset_export", Permission.ADMIN, 201),
    Route("GET", "/api/v1/transfers", "trackers.list", Permission.ADMIN),
    Route("GET", "/api/v1/transfers/{id}", "trackers.get", Permission.ADMIN),
    Route("POST", "/api/v1/transfers/{id}/cancel", "trackers.cancel", Permission.ADMIN),
)
