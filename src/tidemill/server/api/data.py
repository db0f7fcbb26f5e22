"""Datasets."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/sources", "data.sources", Permission.READ),
    Route("GET", "/api/v1/datasets", "data.list", Permission.READ),
    Route("POST", "/api/v1/datasets/{name}/versions", "data.ingest", Permission.WRITE, 201),
    Route("GET", "/api/v1/datasets/{name}/versions", "data.versions", Permission.READ),
    Route("DELETE", "/api/v1/datasets/{name}/tags/{tag}", "data.delete_tag", Permission.WRITE),
    Route("GET", "/api/v1/dataset-versions/{ref}", "data.get", Permission.READ),
    Route("GET", "/api/v1/dataset-versions/{ref}/profile", "data.profile", Permission.READ),
    Route("GET", "/api/v1/dataset-versions/{ref}/report", "data.report", Permission.READ),
    Route("GET", "/api/v1/dataset-versions/{ref}/sample", "data.sample", Permission.READ),
    Route("POST", "/api/v1/dataset-versions/{ref}/tags/{tag}", "data.tag", Permission.WRITE),
    Route("GET", "/api/v1/dataset-versions/{before}/diff/{after}", "data.diff", Permission.READ),
)
