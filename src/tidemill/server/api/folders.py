"""The files of versions, on the disk of the machine that has the workspace."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/datasets/{name}/progress", "folders.progress", Permission.READ),
    Route("GET", "/api/v1/datasets-underway", "folders.works", Permission.READ),
    Route("GET", "/api/v1/dataset-versions/{ref}/status", "folders.status", Permission.READ),
    Route("POST", "/api/v1/dataset-versions/{ref}/checkout", "folders.checkout", Permission.ADMIN),
    Route("POST", "/api/v1/dataset-versions/{ref}/verify", "folders.verify", Permission.WRITE),
)
