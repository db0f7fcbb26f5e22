"""Optuna: its callback for MLflow, alone, around an objective that logs, and nested; and the storage of newer clients."""

import json
from typing import Any

import mlflow
import optuna
from mlflow import MlflowClient
from mlflow.entities import ViewType
from optuna.integration import MLflowCallback

optuna.logging.set_verbosity(optuna.logging.ERROR)
TRIALS = 4


def main() -> dict[str, Any]:
    """Search for the least of a parabola, each way."""
    return {"callback": callback(), "around": around(), "nested": nested(), "storage": storage()}


def study(name: str = "", **more: Any) -> optuna.Study:
    """Make a study that draws the same numbers every time."""
    return optuna.create_study(study_name=name or None, sampler=optuna.samplers.RandomSampler(seed=1), **more)


def told(name: str) -> list[Any]:
    """Give the runs of an experiment by their names."""
    return sorted(
        mlflow.search_runs(experiment_names=[name], output_format="list"), key=lambda run: str(run.info.run_name)
    )


def objective(trial: optuna.Trial) -> float:
    """Square a number; one trial fails."""
    x = trial.suggest_float("x", -1, 1)
    trial.set_user_attr("by", "ada")
    if trial.number == TRIALS - 1:
        raise optuna.TrialPruned
    return float(x * x)


def callback() -> dict[str, Any]:
    """Log the trials as they end: an experiment of the study's name, a run a trial."""
    made = study("parabola")
    made.optimize(objective, n_trials=TRIALS, callbacks=[MLflowCallback(metric_name="square")])
    runs = told("parabola")
    best = mlflow.search_runs(
        experiment_names=["parabola"], order_by=["metrics.square ASC"], max_results=1, output_format="list"
    )
    return {
        "names": [run.info.run_name for run in runs],
        "states": [
            [run.info.status, run.data.tags["state"], run.data.tags["direction"], run.data.tags["by"]] for run in runs
        ],
        "same": [run.data.params["x"] == str(trial.params["x"]) for run, trial in zip(runs, made.trials, strict=True)],
        "values": [run.data.metrics.get("square") == trial.value for run, trial in zip(runs, made.trials, strict=True)],
        "best": best[0].data.metrics["square"] == made.best_value,
        "distribution": runs[0].data.tags["x_distribution"].startswith("FloatDistribution"),
    }


def around() -> dict[str, Any]:
    """Log inside of the objective too: the run ends, and is taken up again by the callback."""
    logging = MLflowCallback(metric_name=["square", "absolute"])

    @logging.track_in_mlflow()
    def both(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", -1, 1)
        for step in range(3):
            mlflow.log_metric("near", x / (step + 1), step=step)
        return x * x, abs(x)

    study("twofold", directions=["minimize", "minimize"]).optimize(both, n_trials=2, callbacks=[logging])
    return {
        "states": [run.info.status for run in told("twofold")],
        "metrics": [sorted(run.data.metrics) for run in told("twofold")],
        "history": [len(MlflowClient().get_metric_history(run.info.run_id, "near")) for run in told("twofold")],
        "direction": [run.data.tags["direction"] for run in told("twofold")],
    }


def nested() -> dict[str, Any]:
    """Log the trials below the run that stands around, and below a trial the folds of it."""
    mlflow.set_experiment("nested")

    def folded(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        for fold in range(2):
            with mlflow.start_run(run_name=f"fold {fold}", nested=True):
                mlflow.log_metric("square", x * x + fold)
        return float(x * x)

    logging = MLflowCallback(create_experiment=False, mlflow_kwargs={"nested": True}, tag_study_user_attrs=True)
    made = study()
    made.set_user_attr("team", "growth")
    with mlflow.start_run(run_name="study") as run:
        made.optimize(logging.track_in_mlflow()(folded), n_trials=2, callbacks=[logging])
    client, experiment = MlflowClient(), [run.info.experiment_id]

    def below(run_id: str) -> list[Any]:
        found = client.search_runs(experiment, f"tags.mlflow.parentRunId = '{run_id}'")
        return sorted(found, key=lambda one: str(one.info.run_name))

    trials = below(run.info.run_id)
    return {
        "trials": [[one.info.run_name, one.data.tags["team"], sorted(one.data.metrics)] for one in trials],
        "folds": [[one.info.run_name for one in below(trial.info.run_id)] for trial in trials],
        "running": len(client.search_runs(experiment, "status = 'RUNNING'", ViewType.ALL)),
    }


def storage() -> dict[str, Any]:
    """Keep the whole study in MLflow and go on with it, where the client can."""
    try:
        from mlflow.optuna.storage import MlflowStorage
    except ImportError:
        return {}
    place = mlflow.set_experiment("kept").experiment_id
    made = study("kept", storage=MlflowStorage(experiment_id=place))
    made.optimize(objective, n_trials=TRIALS)
    again = optuna.load_study(study_name="kept", storage=MlflowStorage(experiment_id=place))
    again.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=1)
    before, after = ({trial.number: trial for trial in study.trials} for study in (made, again))
    return {
        "states": [after[number].state.name for number in sorted(after)],
        "same": [before[number].params == after[number].params for number in range(TRIALS)],
        "value": after[0].value == after[0].params["x"] ** 2,
        "attributes": after[0].user_attrs,
    }


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
