"""Labelling tasks."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("GET", "/api/v1/label-tasks", "labels.list", Permission.READ),
    Route("POST", "/api/v1/label-tasks", "labels.create", Permission.WRITE, 201),
    Route("GET", "/api/v1/label-tasks/{task}", "labels.get", Permission.READ),
    Route("GET", "/api/v1/label-tasks/{task}/progress", "labels.progress", Permission.READ),
    Route("POST", "/api/v1/label-tasks/{task}/deal", "labels.deal", Permission.WRITE),
    Route("GET", "/api/v1/label-tasks/{task}/rows/{item}", "labels.row", Permission.READ),
    Route("POST", "/api/v1/label-tasks/{task}/answers", "labels.answer", Permission.WRITE, 201),
    Route("GET", "/api/v1/label-tasks/{task}/answers", "labels.answers", Permission.READ),
    Route("GET", "/api/v1/label-tasks/{task}/disagreements", "labels.disagreements", Permission.READ),
    Route("POST", "/api/v1/label-tasks/{task}/resolutions", "labels.resolve", Permission.APPROVE, 201),
    Route("POST", "/api/v1/label-tasks/{task}/finish", "labels.finish", Permission.WRITE),
    Route("POST", "/api/v1/label-tasks/{task}/close", "labels.close", Permission.WRITE),
    Route("POST", "/api/v1/label-tasks/{task}/reopen", "labels.reopen", Permission.WRITE),
    Route("DELETE", "/api/v1/label-tasks/{task}", "labels.delete", Permission.ADMIN),
)
