"""System metrics, sampled every second while a run lasts."""

import json
import time
from typing import Any

import mlflow
from mlflow import MlflowClient

ONE = "system/cpu_utilization_percentage"


def main() -> dict[str, Any]:
    """Wait for two samples and see what was logged."""
    mlflow.enable_system_metrics_logging()
    mlflow.set_system_metrics_sampling_interval(1)
    mlflow.set_experiment("system")
    client = MlflowClient()
    try:
        with mlflow.start_run(run_name="sampled") as run:
            run_id, deadline = run.info.run_id, time.monotonic() + 60
            while len(client.get_metric_history(run_id, ONE)) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
    finally:
        mlflow.disable_system_metrics_logging()
    points = client.get_metric_history(run_id, ONE)
    found = mlflow.search_runs(
        filter_string=f"metrics.`{ONE}` >= 0", order_by=[f"metrics.`{ONE}` DESC"], output_format="list"
    )
    return {
        "run": run_id,
        "keys": sorted(client.get_run(run_id).data.metrics),
        "history": [[point.step, point.value] for point in points],
        "found": [one.info.run_name for one in found],
        "not_found": len(mlflow.search_runs(filter_string=f"metrics.`{ONE}` < 0")),
        "columns": f"metrics.{ONE}" in mlflow.search_runs().columns,
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
