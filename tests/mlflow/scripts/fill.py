"""Fills an MLflow store with one of everything that an import keeps: `fill.py URI [ARTIFACT_ROOT]`, by the real client.

Ends with a line of JSON that says what is in it, as the client reads it.
"""

import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def main(uri: str, root: str) -> None:
    """Fill the store."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    location = f"{root.rstrip('/')}/churn" if root else None
    churn = client.create_experiment(
        "churn", artifact_location=location, tags={"team": "growth", "mlflow.note.content": "# Who leaves"}
    )
    gone = client.create_experiment("abandoned", artifact_location=f"{root.rstrip('/')}/abandoned" if root else None)
    runs = [_train(client, churn, at) for at in range(3)]
    lost = client.create_run(gone, run_name="lost")
    client.set_terminated(lost.info.run_id, "FAILED")
    client.delete_experiment(gone)
    trashed = client.create_run(churn, run_name="trashed", tags={"why": "a typo"})
    client.log_metric(trashed.info.run_id, "auc", 0.1)
    client.delete_run(trashed.info.run_id)
    running = client.create_run(churn, run_name="still running")
    models = _logged_models(churn, runs[0])
    _registry(client, runs)
    told = {"experiments": [churn, gone], "runs": [*runs, lost.info.run_id, trashed.info.run_id, running.info.run_id]}
    print("@@" + json.dumps(told | {"logged_models": models}))


def _train(client: MlflowClient, experiment: str, at: int) -> str:
    started = 1_700_000_000_000 + at * 86_400_000
    run = client.create_run(
        experiment, start_time=started, tags={"mlflow.user": "ada", "fold": str(at)}, run_name=f"fold {at}"
    )
    run_id = run.info.run_id
    points = [Metric("loss", 1 / (step + 1 + at), started + step * 10, step) for step in range(500)]
    points += [Metric("auc", 0.7 + at / 100, started, 0), Metric("auc", 0.8 + at / 100, started + 1, 5)]
    points += [
        Metric("odd", float("nan"), started, 0),
        Metric("big", float("inf"), started, 0),
        Metric("low", -float("inf"), started, -3),
    ]
    client.log_batch(
        run_id,
        metrics=points,
        params=[Param("depth", str(at + 3)), Param("words", "ä 'quoted' \"text\"\n2nd")],
        tags=[RunTag("kind", "trial")],
    )
    for name, text in (
        ("notes.txt", f"run {at}\n"),
        ("plots/curve.svg", "<svg/>"),
        ("model/MLmodel", "flavors: {}\n"),
        ("model/data/weights.bin", "x" * 70_000),
        ("empty.txt", ""),
    ):
        folder, _, last = name.rpartition("/")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, last)
            path.write_text(text, encoding="utf-8")
            client.log_artifact(run_id, str(path), folder or None)
    from mlflow.entities import Dataset, DatasetInput, InputTag

    described = Dataset(
        "customers", f"digest{at}", "local", '{"uri": "customers.csv"}', '{"mlflow_colspec": []}', '{"num_rows": 10}'
    )
    client.log_inputs(run_id, [DatasetInput(described, [InputTag("mlflow.data.context", "training")])])
    client.set_terminated(run_id, "FINISHED" if at else "KILLED", end_time=started + 60_000)
    return str(run_id)


def _logged_models(experiment: str, run_id: str) -> list[str]:
    if not hasattr(mlflow, "initialize_logged_model"):
        return []
    made = mlflow.initialize_logged_model(
        name="net",
        source_run_id=run_id,
        tags={"size": "small"},
        params={"layers": "2"},
        model_type="classifier",
        experiment_id=experiment,
    )
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "MLmodel").write_text(f"model_id: {made.model_id}\nflavors: {{}}\n", encoding="utf-8")
        if hasattr(MlflowClient, "log_model_artifacts"):
            MlflowClient().log_model_artifacts(made.model_id, scratch)
    mlflow.finalize_logged_model(made.model_id, "READY")
    MlflowClient().log_metric(run_id, "model_auc", 0.91, step=2, timestamp=1_700_000_050_000, model_id=made.model_id)
    if hasattr(MlflowClient, "log_outputs"):
        from mlflow.entities import LoggedModelOutput

        MlflowClient().log_outputs(run_id, models=[LoggedModelOutput(made.model_id, 2)])
    return [made.model_id]


def _registry(client: MlflowClient, runs: list[str]) -> None:
    client.create_registered_model("delay", tags={"team": "ops"}, description="Says **when**.")
    client.create_registered_model("unused")
    for at, run_id in enumerate(runs):
        uri = client.get_run(run_id).info.artifact_uri
        client.create_model_version(
            "delay", f"{uri}/model", run_id, tags={"fold": str(at)}, description=f"version {at + 1}"
        )
    client.transition_model_version_stage("delay", "1", "Production")
    client.transition_model_version_stage("delay", "3", "Staging")
    client.delete_model_version("delay", "2")
    client.set_registered_model_alias("delay", "champion", "1")
    client.set_registered_model_alias("delay", "challenger", "3")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
