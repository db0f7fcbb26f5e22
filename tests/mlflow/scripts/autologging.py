"""Autologging of scikit-learn, LightGBM and XGBoost: their usual quick-starts."""

import json
from typing import Any

import lightgbm
import mlflow
import xgboost
from mlflow import MlflowClient
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, train_test_split

NEW = int(mlflow.__version__.split(".")[0]) >= 3


def main() -> dict[str, Any]:
    """Train with autologging on and see what was logged."""
    mlflow.set_experiment("autologging")
    try:
        return {**scikit(), **search(), **light(), **extreme()}
    finally:
        mlflow.autolog(disable=True, silent=True)


def seen(run_id: str) -> dict[str, Any]:
    """Give what a run holds after training."""
    run = mlflow.get_run(run_id)
    return {
        "status": run.info.status,
        "params": len(run.data.params) > 3,
        "metrics": sorted(run.data.metrics),
        "predicts": len(mlflow.pyfunc.load_model(f"runs:/{run_id}/model").predict(load_iris().data[:3])),
        "inputs": len(run.inputs.dataset_inputs) > 0,
        "models": len(run.outputs.model_outputs) if NEW else 1,
        "files": sorted(one.path for one in MlflowClient().list_artifacts(run_id) if one.path != "model"),
    }


def scikit() -> dict[str, Any]:
    """Fit a forest."""
    mlflow.sklearn.autolog(silent=True)
    x, y = load_iris(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    with mlflow.start_run() as run:
        forest = RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0).fit(x_train, y_train)
        forest.score(x_test, y_test)
    found = seen(run.info.run_id)
    found["depth"] = mlflow.get_run(run.info.run_id).data.params["max_depth"]
    return {"scikit": found}


def search() -> dict[str, Any]:
    """Search a grid: child runs under one parent."""
    x, y = load_iris(return_X_y=True)
    with mlflow.start_run() as run:
        GridSearchCV(RandomForestClassifier(random_state=0), {"n_estimators": [2, 3]}, cv=2).fit(x, y)
    children = MlflowClient().search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    mlflow.sklearn.autolog(disable=True)
    return {"grid": [len(children), "best_cv_score" in mlflow.get_run(run.info.run_id).data.metrics]}


def light() -> dict[str, Any]:
    """Train LightGBM with a validation set."""
    mlflow.lightgbm.autolog(silent=True)
    x, y = load_iris(return_X_y=True)
    train = lightgbm.Dataset(x[::2], y[::2])
    params = {
        "objective": "multiclass",
        "num_class": 3,
        "verbosity": -1,
        "metric": "multi_logloss",
        "min_data_in_leaf": 2,
    }
    with mlflow.start_run() as run:
        lightgbm.train(
            params, train, num_boost_round=5, valid_sets=[lightgbm.Dataset(x[1::2], y[1::2], reference=train)]
        )
    mlflow.lightgbm.autolog(disable=True)
    found = seen(run.info.run_id)
    found["history"] = len(MlflowClient().get_metric_history(run.info.run_id, found["metrics"][-1]))
    return {"lightgbm": found}


def extreme() -> dict[str, Any]:
    """Train XGBoost with a validation set."""
    mlflow.xgboost.autolog(silent=True)
    x, y = load_iris(return_X_y=True)
    train, valid = xgboost.DMatrix(x[::2], y[::2]), xgboost.DMatrix(x[1::2], y[1::2])
    with mlflow.start_run() as run:
        xgboost.train(
            {"objective": "multi:softprob", "num_class": 3, "max_depth": 2},
            train,
            num_boost_round=4,
            evals=[(valid, "valid")],
            verbose_eval=False,
        )
    mlflow.xgboost.autolog(disable=True)
    found = seen(run.info.run_id)
    found["history"] = len(MlflowClient().get_metric_history(run.info.run_id, "valid-mlogloss"))
    return {"xgboost": found}


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
