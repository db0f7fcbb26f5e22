"""Tells what an MLflow store holds, as the real client reads it: `tell.py URI`, a line of JSON."""

import hashlib
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def main(uri: str) -> None:
    """Write what is there."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    experiments = client.search_experiments(view_type=ViewType.ALL)
    ids = [experiment.experiment_id for experiment in experiments]
    runs = client.search_runs(ids, run_view_type=ViewType.ALL, max_results=1000)
    told = {
        "experiments": {
            each.experiment_id: _plain(each, "name lifecycle_stage creation_time tags") for each in experiments
        },
        "runs": {run.info.run_id: _run(client, run) for run in runs},
        "models": {each.name: _model(client, each) for each in client.search_registered_models()},
        "logged_models": {},
    }
    if hasattr(client, "search_logged_models"):
        for model in client.search_logged_models(ids):
            whole = client.get_logged_model(model.model_id)
            words = _plain(
                whole, "name status model_type source_run_id creation_timestamp last_updated_timestamp tags params"
            )
            metrics = [[m.key, repr(m.value), m.step, m.timestamp, m.run_id] for m in whole.metrics or []]
            files = sorted(_files(lambda path, at=whole: client.list_logged_model_artifacts(at.model_id, path)))
            told["logged_models"][whole.model_id] = words | {"metrics": metrics, "files": files}
    print("@@" + json.dumps(told, default=str, sort_keys=True))


def _plain(thing: Any, names: str) -> dict[str, Any]:
    # A text that is not there is None in some stores and empty in others.
    return {name: getattr(thing, name) or "" for name in names.split()}


def _run(client: MlflowClient, run: Any) -> dict[str, Any]:
    info, data = run.info, run.data
    told = _plain(info, "run_name experiment_id status lifecycle_stage start_time end_time")
    told |= {
        "params": data.params,
        "tags": data.tags,
        "metrics": {key: repr(value) for key, value in data.metrics.items()},
    }
    told["history"] = {
        key: sorted(
            [repr(point.value), point.step, point.timestamp] for point in client.get_metric_history(info.run_id, key)
        )
        for key in data.metrics
    }
    told["inputs"] = [
        [
            each.dataset.name,
            each.dataset.digest,
            each.dataset.source,
            each.dataset.schema,
            each.dataset.profile,
            [[tag.key, tag.value] for tag in each.tags],
        ]
        for each in run.inputs.dataset_inputs
    ]
    outputs = getattr(run, "outputs", None)
    told["outputs"] = [[each.model_id, each.step] for each in outputs.model_outputs] if outputs else []
    told["files"] = sorted(_files(lambda path: client.list_artifacts(info.run_id, path)))
    with tempfile.TemporaryDirectory() as scratch:
        told["content"] = {
            path: hashlib.sha256(Path(client.download_artifacts(info.run_id, path, scratch)).read_bytes()).hexdigest()
            for path, _ in told["files"]
        }
    return told


def _files(listed: Any, folder: str | None = None) -> list[list[object]]:
    found: list[list[object]] = []
    for each in listed(folder):
        found += _files(listed, each.path) if each.is_dir else [[each.path, each.file_size]]
    return found


def _model(client: MlflowClient, model: Any) -> dict[str, Any]:
    whole = client.get_registered_model(model.name)
    told = _plain(whole, "description tags creation_timestamp last_updated_timestamp")
    told["aliases"] = {alias: str(number) for alias, number in whole.aliases.items()}
    told["versions"] = {}
    for each in client.search_model_versions(f"name='{model.name}'"):
        words = "description tags run_id current_stage creation_timestamp last_updated_timestamp status run_link"
        told["versions"][str(each.version)] = _plain(each, words) | {
            "aliases": sorted(client.get_model_version(model.name, each.version).aliases)
        }
        if each.run_id:
            with tempfile.TemporaryDirectory() as scratch:
                folder = mlflow.artifacts.download_artifacts(f"models:/{model.name}/{each.version}", dst_path=scratch)
                told["versions"][str(each.version)]["files"] = sorted(file.name for file in Path(folder).iterdir())
    return told


if __name__ == "__main__":
    main(sys.argv[1])
