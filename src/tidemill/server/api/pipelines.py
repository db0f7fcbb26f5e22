"""Pipelines and their runs."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("POST", "/api/v1/pipelines/snapshots", "pipelines.snapshot", Permission.WRITE, 201),
    Route("POST", "/api/v1/pipelines/plan", "pipelines.plan", Permission.WRITE),
    Route("POST", "/api/v1/pipelines/runs", "pipelines.start", Permission.WRITE, 201),
    Route("GET", "/api/v1/pipelines/runs", "pipelines.list", Permission.READ),
    Route("GET", "/api/v1/pipelines/runs/{run_id}", "pipelines.get", Permission.READ),
    Route("POST", "/api/v1/pipelines/runs/{run_id}/resume", "pipelines.resume", Permission.WRITE),
    Route("POST", "/api/v1/pipelines/runs/{run_id}/cancel", "pipelines.cancel", Permission.WRITE),
    Route("GET", "/api/v1/pipelines/runs/{run_id}/steps", "pipelines.steps", Permission.READ),
    Route("GET", "/api/v1/pipelines/runs/{run_id}/events", "pipelines.events", Permission.READ),
    Route("GET", "/api/v1/pipelines/runs/{run_id}/output", "pipelines.output", Permission.READ),
    Route("GET", "/api/v1/pipelines/runs/{run_id}/steps/{step}/why", "pipelines.why", Permission.READ),
    Route("GET", "/api/v1/pipelines/runs/{run_id}/steps/{step}/log", "pipelines.log", Permission.READ),
)
