"""Experiments and runs."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

ROUTES = (
    Route("POST", "/api/v1/experiments", "tracking.create_experiment", Permission.WRITE, 201),
    Route("GET", "/api/v1/experiments", "tracking.list_experiments", Permission.READ),
    Route("GET", "/api/v1/experiments/{name:path}", "tracking.get_experiment", Permission.READ),
    Route("POST", "/api/v1/runs", "tracking.create_run", Permission.WRITE, 201),
    Route("POST", "/api/v1/runs/search", "tracking.search_runs", Permission.READ),
    Route("GET", "/api/v1/runs/{run_id}", "tracking.get_run", Permission.READ),
    Route("DELETE", "/api/v1/runs/{run_id}", "tracking.delete_run", Permission.WRITE),
    Route("POST", "/api/v1/runs/{run_id}/restore", "tracking.restore_run", Permission.WRITE),
    Route("POST", "/api/v1/runs/{run_id}/log", "tracking.log_batch", Permission.WRITE),
    Route("POST", "/api/v1/runs/{run_id}/end", "tracking.end_run", Permission.WRITE),
    Route("POST", "/api/v1/runs/{run_id}/restart", "tracking.restart_run", Permission.WRITE),
    Route("POST", "/api/v1/runs/{run_id}/inputs", "tracking.log_input", Permission.WRITE),
    Route("GET", "/api/v1/runs/{run_id}/metrics", "tracking.metric_history", Permission.READ),
    Route("GET", "/api/v1/runs/{run_id}/artifacts", "tracking.list_artifacts", Permission.READ),
    Route("POST", "/api/v1/runs/{run_id}/artifacts", "tracking.log_stored_artifact", Permission.WRITE),
)
