"""A training that logs while its server comes and goes: says a word, waits for a line, goes on."""

import json
import sys
import time

import mlflow
from mlflow.exceptions import MlflowException

IMPORTED = sorted(name for name in sys.modules if name.startswith("tidemill"))


def say(word: str, **facts: object) -> None:
    print(f"@@{word} {json.dumps(facts)}", flush=True)


def main() -> None:
    experiment = mlflow.set_experiment(f"spooled {time.time()}")
    client = mlflow.MlflowClient()
    run = mlflow.start_run(run_name="online")
    for step in range(100):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    say("started", imported=IMPORTED)
    input()

    longest = 0.0

    def timed(action, *args, **options):
        nonlocal longest
        began = time.perf_counter()
        answer = action(*args, **options)
        longest = max(longest, time.perf_counter() - began)
        return answer

    for step in range(100, 200):
        timed(mlflow.log_metric, "loss", 1 / (step + 1), step=step)
    timed(mlflow.set_tag, "kept", "yes")
    timed(mlflow.set_tag, "dropped", "yes")
    timed(mlflow.delete_tag, "dropped")
    timed(mlflow.log_text, "what was found", "notes/found.txt")
    timed(mlflow.end_run)
    name = f"never seen {time.time()}"
    client_run = client.create_run(experiment.experiment_id, run_name="offline")
    client.log_param(client_run.info.run_id, "depth", 4)
    client.set_terminated(client_run.info.run_id)
    timed(mlflow.set_experiment, name)
    with mlflow.start_run(run_name="elsewhere"):
        mlflow.log_param("alone", True)
    known = client.get_run(run.info.run_id)
    unanswered = ""
    try:
        client.search_runs([experiment.experiment_id])
    except MlflowException as error:
        unanswered = error.error_code
    say("without", longest=longest, status=known.info.status, metrics=known.data.metrics, unanswered=unanswered)
    input()

    deadline = time.monotonic() + 60
    found = []
    while time.monotonic() < deadline:
        try:
            found = client.search_runs([experiment.experiment_id])
            elsewhere = mlflow.search_runs(experiment_names=[name], output_format="list")
            if len(found) == 2 and len(elsewhere) == 1 and elsewhere[0].info.status == "FINISHED":
                break
        except MlflowException as error:
            if error.error_code not in {"TEMPORARILY_UNAVAILABLE", "RESOURCE_DOES_NOT_EXIST"}:
                raise
        time.sleep(0.1)
    points = client.get_metric_history(run.info.run_id, "loss")
    told = client.get_run(run.info.run_id)
    say(
        "after",
        runs={each.info.run_name: [each.info.status, each.data.params] for each in found},
        points=[[point.step, point.value] for point in points],
        text=mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/found.txt"),
        tags={key: value for key, value in told.data.tags.items() if not key.startswith("mlflow.")},
    )


main()
