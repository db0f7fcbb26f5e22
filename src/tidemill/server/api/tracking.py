"""Experiments, runs, logged models and their files."""

from tidemill.core.access import Permission
from tidemill.server.routes import Route

_EXPERIMENT = "/api/v1/experiments/{experiment:path}"
_RUN = "/api/v1/runs/{run_id}"
_MODEL = "/api/v1/logged-models/{model_id}"

ROUTES = (
    Route("POST", "/api/v1/experiments", "tracking.create_experiment", Permission.WRITE, 201),
    Route("GET", "/api/v1/experiments", "tracking.search_experiments", Permission.READ),
    Route("GET", "/api/v1/experiments/{name:path}", "tracking.get_experiment", Permission.READ),
    Route("POST", f"{_EXPERIMENT}/update", "tracking.update_experiment", Permission.WRITE),
    Route("POST", f"{_EXPERIMENT}/restore", "tracking.restore_experiment", Permission.WRITE),
    Route("DELETE", f"{_EXPERIMENT}/tags", "tracking.delete_experiment_tag", Permission.WRITE),
    Route("DELETE", _EXPERIMENT, "tracking.delete_experiment", Permission.WRITE),
    Route("POST", "/api/v1/runs", "tracking.create_run", Permission.WRITE, 201),
    Route("POST", "/api/v1/runs/search", "tracking.search_runs", Permission.READ),
    Route("POST", "/api/v1/runs/count", "tracking.count_runs", Permission.READ),
    Route("POST", "/api/v1/runs/groups", "tracking.group_runs", Permission.READ),
    Route("GET", "/api/v1/run-keys", "tracking.list_run_keys", Permission.READ),
    Route("GET", "/api/v1/metrics", "tracking.metric_histories", Permission.READ),
    Route("GET", _RUN, "tracking.get_run", Permission.READ),
    Route("DELETE", _RUN, "tracking.delete_run", Permission.WRITE),
    Route("POST", f"{_RUN}/restore", "tracking.restore_run", Permission.WRITE),
    Route("POST", f"{_RUN}/update", "tracking.update_run", Permission.WRITE),
    Route("POST", f"{_RUN}/log", "tracking.log_batch", Permission.WRITE),
    Route("POST", f"{_RUN}/end", "tracking.end_run", Permission.WRITE),
    Route("POST", f"{_RUN}/restart", "tracking.restart_run", Permission.WRITE),
    Route("DELETE", f"{_RUN}/tags", "tracking.delete_run_tag", Permission.WRITE),
    Route("POST", f"{_RUN}/inputs", "tracking.log_input", Permission.WRITE),
    Route("POST", f"{_RUN}/datasets", "tracking.log_inputs", Permission.WRITE),
    Route("POST", f"{_RUN}/outputs", "tracking.log_outputs", Permission.WRITE),
    Route("GET", f"{_RUN}/metrics", "tracking.metric_history", Permission.READ),
    Route("GET", f"{_RUN}/artifacts", "tracking.list_artifacts", Permission.READ),
    Route("POST", f"{_RUN}/artifacts", "tracking.log_stored_artifact", Permission.WRITE),
    Route("POST", "/api/v1/artifacts/{root}", "tracking.put_artifact", Permission.WRITE),
    Route("GET", "/api/v1/artifacts/{root}", "tracking.list_folder", Permission.READ),
    Route("DELETE", "/api/v1/artifacts/{root}", "tracking.delete_artifact", Permission.WRITE),
    Route("POST", "/api/v1/logged-models", "logged_models.create", Permission.WRITE, 201),
    Route("POST", "/api/v1/logged-models/search", "logged_models.search", Permission.READ),
    Route("GET", _MODEL, "logged_models.get", Permission.READ),
    Route("DELETE", _MODEL, "logged_models.delete", Permission.WRITE),
    Route("POST", f"{_MODEL}/restore", "logged_models.restore", Permission.WRITE),
    Route("POST", f"{_MODEL}/finalize", "logged_models.finalize", Permission.WRITE),
    Route("POST", f"{_MODEL}/tags", "logged_models.set_tags", Permission.WRITE),
    Route("DELETE", f"{_MODEL}/tags", "logged_models.delete_tag", Permission.WRITE),
    Route("POST", f"{_MODEL}/params", "logged_models.log_params", Permission.WRITE),
    Route("GET", f"{_MODEL}/artifacts", "logged_models.list_artifacts", Permission.READ),
)
