"""Models for other servers to adopt: logged and registered in safe formats, with what each answers to the rows of a holdout.

Writes `holdout.parquet` and `answers.json` where it is run.
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import xgboost
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

AGE = tuple(int(part) for part in mlflow.__version__.split(".")[:2])
ROWS = 400
LIGHT = [
    "collections.OrderedDict",
    "collections.defaultdict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
]
Answers = dict[str, dict[str, Any]]


def main() -> dict[str, Any]:
    """Fit, log and register; each model knows the columns that it was fitted on."""
    warnings.simplefilter("ignore")
    mlflow.set_experiment("adopted")
    table = rows(2 * ROWS)
    train, rest = table.head(ROWS), table.tail(ROWS).reset_index(drop=True)
    rest.to_parquet("holdout.parquet")
    with mlflow.start_run():
        answers: Answers = boosters(train, rest)
        if AGE < (3, 0):
            log(mlflow.sklearn, "pickled", numeric(train), LogisticRegression().fit(numeric(train), train["late"]))
        else:
            answers |= scikit(train, rest) | classes(train, rest)
    Path("answers.json").write_text(json.dumps(answers))
    return {"models": sorted(answers)}


def rows(count: int) -> pd.DataFrame:
    """Make flights up: some distances are not known, and what is far or of carrier AA is more often late."""
    draw = np.random.default_rng(7)
    delay, hour = draw.normal(size=count), draw.integers(0, 24, count)
    distance = np.where(draw.random(count) < 0.1, np.nan, draw.gamma(2.0, 500.0, count))
    carrier = draw.choice(["AA", "UA", "WN"], count)
    chance = delay + np.nan_to_num(distance) / 1000 + (carrier == "AA") + draw.normal(scale=0.5, size=count)
    table = pd.DataFrame({"dep delay": delay, "hour": hour, "distance": distance, "carrier": carrier})
    return table.assign(late=(chance > 1.2).astype(int), minutes=chance * 10)


def numeric(table: pd.DataFrame) -> pd.DataFrame:
    """Give the columns that are never missing."""
    return table[["dep delay", "hour"]]


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of numbers, with gaps."""
    return table[["dep delay", "hour", "distance"]]


def log(flavor: Any, name: str, inputs: pd.DataFrame, model: Any, **more: Any) -> None:
    """Log a model and register it; that requirements are given spares a process that would find them out."""
    needs = [
        f"mlflow=={mlflow.__version__}",
        *(f"{each}=={version(each)}" for each in ("numpy", "pandas", "scikit-learn")),
    ]
    named = {"name": name} if AGE >= (3, 0) else {"artifact_path": name}
    signature = infer_signature(inputs, np.zeros(len(inputs)))
    flavor.log_model(model, **named, registered_model_name=name, input_example=inputs.head(30), signature=signature,
                     pip_requirements=needs, **more)  # fmt: skip


def boosters(train: pd.DataFrame, rest: pd.DataFrame) -> Answers:
    """Log what every client can: the frameworks' own formats."""
    light = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(gaps(train), train["late"]), 20
    )
    log(mlflow.lightgbm, "lightgbm-booster", gaps(train), light)
    params = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1}
    extreme = xgboost.train(params, xgboost.DMatrix(gaps(train), train["late"]), 20)
    regressor = xgboost.XGBRegressor(n_estimators=20, n_jobs=1).fit(gaps(train), train["minutes"])
    for name, model in (("xgboost-booster", extreme), ("xgboost-regressor", regressor)):
        log(mlflow.xgboost, name, gaps(train), model, model_format="json")
    return {
        "lightgbm-booster": chances(light.predict(gaps(rest))),
        "xgboost-booster": chances(extreme.predict(xgboost.DMatrix(gaps(rest)))),
        "xgboost-regressor": {"prediction": regressor.predict(gaps(rest)).tolist()},
    }


def scikit(train: pd.DataFrame, rest: pd.DataFrame) -> Answers:
    """Log a pipeline over numbers and texts, and a forest, as skops."""
    mixed, columns = train.drop(columns=["late", "minutes", "distance"]), ["dep delay", "hour"]
    encode = make_column_transformer((OneHotEncoder(), ["carrier"]), (StandardScaler(), columns))
    line = make_pipeline(encode, LogisticRegression()).fit(mixed, train["late"])
    forest = RandomForestClassifier(10, max_depth=4, random_state=0).fit(numeric(train), train["late"])
    log(mlflow.sklearn, "sklearn-pipeline", mixed, line, serialization_format="skops")
    log(mlflow.sklearn, "sklearn-forest", numeric(train), forest, serialization_format="skops",
        skops_trusted_types=["sklearn.tree._tree.Tree"])  # fmt: skip
    return {"sklearn-pipeline": both(line, rest[mixed.columns]), "sklearn-forest": both(forest, numeric(rest))}


def classes(train: pd.DataFrame, rest: pd.DataFrame) -> Answers:
    """Log the classes of LightGBM and XGBoost for scikit-learn, in the formats that the newest client chooses by itself."""
    light = lightgbm.LGBMClassifier(n_estimators=20, verbosity=-1, n_jobs=1).fit(gaps(train), train["late"])
    extreme = xgboost.XGBClassifier(n_estimators=20, n_jobs=1).fit(gaps(train), train["late"])
    safe = {} if AGE >= (3, 17) else {"serialization_format": "skops", "skops_trusted_types": LIGHT}
    log(mlflow.lightgbm, "lightgbm-classifier", gaps(train), light, **safe)
    log(mlflow.xgboost, "xgboost-classifier", gaps(train), extreme)
    return {"lightgbm-classifier": both(light, gaps(rest)), "xgboost-classifier": both(extreme, gaps(rest))}


def chances(told: Any) -> dict[str, Any]:
    """Give what a Booster answers, the chance of class 1, and the likelier class."""
    return {"probability": told.tolist(), "label": (told > 0.5).astype(int).tolist()}


def both(model: Any, inputs: pd.DataFrame) -> dict[str, Any]:
    """Give the chance of the second class, and the class."""
    return {"probability": model.predict_proba(inputs)[:, 1].tolist(), "label": model.predict(inputs).tolist()}


if __name__ == "__main__":
    print(json.dumps(main(), default=str))
