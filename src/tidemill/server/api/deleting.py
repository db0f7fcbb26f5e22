"""The trash of datasets and their versions."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("DELETE", "/api/v1/datasets/{name}", "deleting.delete", Permission.WRITE),
    Route("POST", "/api/v1/datasets/{name}/restore", "deleting.restore", Permission.WRITE),
    Route("GET", "/api/v1/datasets/{name}/removed", "deleting.removed", Permission.READ),
    Route("POST", "/api/v1/datasets/{name}/versions/{number}/restore", "deleting.restore_version", Permission.WRITE),
    Route("DELETE", "/api/v1/dataset-versions/{ref}", "deleting.delete_version", Permission.WRITE),
)
