"""Models, their versions and aliases."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/models", "models.list", Permission.READ),
    Route("POST", "/api/v1/models", "models.create", Permission.WRITE, 201),
    Route("POST", "/api/v1/models/search", "models.search", Permission.READ),
    Route("GET", "/api/v1/models/{name}", "models.get_model", Permission.READ),
    Route("POST", "/api/v1/models/{name}", "models.update", Permission.WRITE),
    Route("DELETE", "/api/v1/models/{name}", "models.delete", Permission.WRITE),
    Route("POST", "/api/v1/models/{name}/rename", "models.rename", Permission.WRITE),
    Route("POST", "/api/v1/models/{name}/restore", "models.restore", Permission.WRITE),
    Route("PUT", "/api/v1/models/{name}/tags/{key:path}", "models.set_tag", Permission.WRITE),
    Route("DELETE", "/api/v1/models/{name}/tags/{key:path}", "models.delete_tag", Permission.WRITE),
    Route("POST", "/api/v1/models/{name}/versions", "models.register", Permission.WRITE, 201),
    Route("GET", "/api/v1/models/{name}/versions", "models.versions", Permission.READ),
    Route("POST", "/api/v1/models/{name}/logged", "models.create_version", Permission.WRITE, 201),
    Route("GET", "/api/v1/models/{name}/latest", "models.latest_versions", Permission.READ),
    Route("POST", "/api/v1/models/{name}/versions/{number}/restore", "models.restore_version", Permission.WRITE),
    Route("PUT", "/api/v1/models/{name}/aliases/{alias}", "models.set_alias", Permission.WRITE),
    Route("DELETE", "/api/v1/models/{name}/aliases/{alias}", "models.delete_alias", Permission.WRITE),
    Route("POST", "/api/v1/model-versions/search", "models.search_versions", Permission.READ),
    Route("GET", "/api/v1/model-versions/{ref}", "models.get", Permission.READ),
    Route("DELETE", "/api/v1/model-versions/{ref}", "models.delete_version", Permission.WRITE),
    Route("POST", "/api/v1/model-versions/{ref}/describe", "models.describe", Permission.WRITE),
    Route("POST", "/api/v1/model-versions/{ref}/prepare", "models.prepare", Permission.WRITE),
    Route("POST", "/api/v1/model-versions/{ref}/stage", "models.transition_stage", Permission.WRITE),
    Route("DELETE", "/api/v1/model-versions/{ref}/tags/{key:path}", "models.delete_version_tag", Permission.WRITE),
    Route("GET", "/api/v1/runs/{run_id}/models", "models.of_run", Permission.READ),
)
