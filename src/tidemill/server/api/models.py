"""Models, their versions and aliases."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/models", "models.list", Permission.READ),
    Route("POST", "/api/v1/models/{name}/versions", "models.register", Permission.WRITE, 201),
    Route("GET", "/api/v1/models/{name}/versions", "models.versions", Permission.READ),
    Route("PUT", "/api/v1/models/{name}/aliases/{alias}", "models.set_alias", Permission.WRITE),
    Route("DELETE", "/api/v1/models/{name}/aliases/{alias}", "models.delete_alias", Permission.WRITE),
    Route("GET", "/api/v1/model-versions/{ref}", "models.get", Permission.READ),
    Route("POST", "/api/v1/model-versions/{ref}/describe", "models.describe", Permission.WRITE),
    Route("GET", "/api/v1/runs/{run_id}/models", "models.of_run", Permission.READ),
)
