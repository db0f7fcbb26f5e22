"""Which command line stands for each verb of the services."""

COMMANDS: dict[str, str] = {
    "tracking.create_experiment": "experiments create",
    "tracking.list_experiments": "experiments list",
    "tracking.get_experiment": "experiments show",
    "tracking.create_run": "runs create",
    "tracking.search_runs": "runs list",
    "tracking.get_run": "runs show",
    "tracking.log_batch": "runs log",
    "tracking.end_run": "runs end",
    "tracking.restart_run": "runs restart",
    "tracking.delete_run": "runs delete",
    "tracking.restore_run": "runs restore",
    "tracking.log_input": "runs input",
    "tracking.metric_history": "runs metric",
    "tracking.list_artifacts": "runs artifacts",
    "tracking.log_stored_artifact": "runs attach",
}
