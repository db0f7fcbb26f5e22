"""Projects and deliveries."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/projects", "projects.list", Permission.READ),
    Route("GET", "/api/v1/projects/{name}", "projects.get", Permission.READ),
    Route("POST", "/api/v1/projects/plan", "projects.plan", Permission.READ),
    Route("POST", "/api/v1/projects/apply", "projects.apply", Permission.WRITE),
    Route("POST", "/api/v1/projects/{project}/deliveries", "projects.deliver", Permission.WRITE, 201),
    Route("GET", "/api/v1/deliveries", "projects.list_deliveries", Permission.READ),
    Route("GET", "/api/v1/deliveries/{id}", "projects.get_delivery", Permission.READ),
    Route("POST", "/api/v1/deliveries/{id}/resume", "projects.resume_delivery", Permission.WRITE),
)
