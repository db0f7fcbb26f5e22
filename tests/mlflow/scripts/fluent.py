"""The fluent interface: experiments, runs, params, metrics, tags, search."""

import json
import time
from contextlib import suppress
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def main() -> dict[str, Any]:
    """Do what the first pages of the tutorial do."""
    return {**runs(), **batches(), **searches(), **deletions(), **refusals()}


def runs() -> dict[str, Any]:
    """Log to a run, a nested one and one entered again."""
    experiment = mlflow.set_experiment("fluent")
    mlflow.set_experiment_tag("team", "flights")
    with mlflow.start_run(run_name="parent", tags={"a": "1"}, description="a first run") as parent:
        mlflow.log_param("alpha", 0.5)
        mlflow.log_params({"depth": 3, "name": "tree"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"acc": 0.75, "f1": 0.5}, step=7)
        mlflow.set_tag("stage", "dev")
        mlflow.set_tags({"b": "2", "c": "3"})
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_metric("loss", 2.0)
    with mlflow.start_run(run_id=parent.info.run_id):
        mlflow.log_metric("late", 1.5)
    with suppress(ValueError), mlflow.start_run(run_name="broken"):
        broken = mlflow.active_run().info.run_id
        raise ValueError("on purpose")
    client = MlflowClient()
    run, inner = mlflow.get_run(parent.info.run_id), mlflow.get_run(child.info.run_id)
    history = client.get_metric_history(run.info.run_id, "loss")
    children = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    return {
        "experiment": [experiment.name, mlflow.get_experiment_by_name("fluent").tags, experiment.lifecycle_stage],
        "run": [run.info.run_name, run.info.status, run.info.lifecycle_stage, run.info.end_time >= run.info.start_time],
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": {key: run.data.tags[key] for key in ("a", "b", "c", "stage", "mlflow.runName", "mlflow.note.content")},
        "history": [[point.step, round(point.value, 6)] for point in history],
        "ended_badly": mlflow.get_run(broken).info.status,
        "children": [one.info.run_name for one in children],
        "parent_tag": inner.data.tags["mlflow.parentRunId"] == run.info.run_id,
        "default_experiment": mlflow.get_experiment("0").name,
    }


def batches() -> dict[str, Any]:
    """Log in batches, with values that are not finite."""
    client = MlflowClient()
    experiment = client.create_experiment("batches", tags={"k": "v"})
    run = client.create_run(experiment, run_name="batch", tags={"x": "y"})
    now = int(time.time() * 1000)
    client.log_batch(
        run.info.run_id,
        metrics=[Metric("m", at / 10, now + at, at) for at in range(100)] + [Metric("nan", float("nan"), now, 0)],
        params=[Param("p", "1")],
        tags=[RunTag("t", "2")],
    )
    client.log_metric(run.info.run_id, "inf", float("inf"))
    client.update_run(run.info.run_id, name="renamed")
    client.set_terminated(run.info.run_id, "KILLED")
    found = client.get_run(run.info.run_id)
    return {
        "batch": [found.info.run_name, found.info.status, found.data.params, found.data.tags["t"]],
        "batch_points": len(client.get_metric_history(run.info.run_id, "m")),
        "batch_last": found.data.metrics["m"],
        "not_finite": [str(found.data.metrics["nan"]), found.data.metrics["inf"] > 1e300],
    }


def searches() -> dict[str, Any]:
    """Search with filters and orders, as frames, lists and pages."""
    mlflow.set_experiment("searches")
    for at in range(7):
        with mlflow.start_run(run_name=f"run-{at}"):
            mlflow.log_params({"at": at, "kind": "even" if at % 2 == 0 else "odd"})
            mlflow.log_metric("score", at / 10)
            mlflow.set_tag("group", f"g{at % 3}")
    frame = mlflow.search_runs(
        filter_string="metrics.score > 0.15 and params.kind = 'even'", order_by=["metrics.score DESC"]
    )
    listed = mlflow.search_runs(experiment_names=["searches"], filter_string="tags.group LIKE 'g%' AND attributes.status = 'FINISHED'",
                                order_by=["params.at ASC"], max_results=3, output_format="list")  # fmt: skip
    client = MlflowClient()
    mine = [mlflow.get_experiment_by_name("searches").experiment_id]
    page, names = client.search_runs(mine, order_by=["attributes.run_name ASC"], max_results=3), []
    while True:
        names.append([run.info.run_name for run in page])
        if not page.token:
            break
        page = client.search_runs(mine, order_by=["attributes.run_name ASC"], max_results=3, page_token=page.token)
    mlflow.create_experiment("searches two", tags={"of": "me"})
    experiments = mlflow.search_experiments(filter_string="name LIKE 'searches%'", order_by=["name DESC"])
    return {
        "frame": [list(frame["tags.mlflow.runName"]), list(frame["metrics.score"]), list(frame["params.at"])],
        "listed": [run.info.run_name for run in listed],
        "pages": names,
        "experiments": [one.name for one in experiments],
        "experiments_by_tag": [one.name for one in mlflow.search_experiments(filter_string="tags.of = 'me'")],
    }


def deletions() -> dict[str, Any]:
    """Delete and restore runs, tags and experiments."""
    client = MlflowClient()
    mlflow.set_experiment("deletions")
    with mlflow.start_run(run_name="short") as run:
        mlflow.set_tag("gone", "1")
        mlflow.delete_tag("gone")
    mine = [run.info.experiment_id]
    mlflow.delete_run(run.info.run_id)
    seen = [
        len(client.search_runs(mine)),
        len(client.search_runs(mine, run_view_type=ViewType.DELETED_ONLY)),
        client.get_run(run.info.run_id).info.lifecycle_stage,
    ]
    client.restore_run(run.info.run_id)
    seen += [len(client.search_runs(mine)), "gone" in client.get_run(run.info.run_id).data.tags]
    mlflow.delete_experiment(mine[0])
    seen.append(client.get_experiment(mine[0]).lifecycle_stage)
    client.restore_experiment(mine[0])
    client.rename_experiment(mine[0], "deletions, renamed")
    seen += [client.get_experiment(mine[0]).lifecycle_stage, client.get_experiment(mine[0]).name]
    return {"deleted": seen}


def refusals() -> dict[str, Any]:
    """Do what a server refuses, and see the client's errors."""
    client = MlflowClient()
    experiment = mlflow.set_experiment("refusals")
    run = client.create_run(experiment.experiment_id)
    client.log_param(run.info.run_id, "p", 1)
    deleted = client.create_run(experiment.experiment_id)
    client.delete_run(deleted.info.run_id)
    tries = {
        "param": lambda: client.log_param(run.info.run_id, "p", 2),
        "experiment": lambda: client.create_experiment("refusals"),
        "run": lambda: client.get_run("0" * 32),
        "deleted": lambda: client.log_metric(deleted.info.run_id, "m", 1),
        "filter": lambda: client.search_runs([experiment.experiment_id], "colour = 'red'"),
        "model": lambda: client.get_registered_model("nobody"),
        "alias": lambda: client.get_model_version_by_alias("nobody", "a"),
        "key": lambda: client.log_metric(run.info.run_id, "k" * 251, 1),
    }
    codes = {}
    for name, attempt in tries.items():
        try:
            attempt()
            codes[name] = "no error"
        except MlflowException as error:
            codes[name] = error.error_code
    return {"refused": codes}


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
