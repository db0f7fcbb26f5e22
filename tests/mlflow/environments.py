"""Virtual environments with real MLflow clients, made when first needed: `python -m tests.mlflow.environments` makes them all."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.environments import made

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = "MLFLOW_TESTS_ENVIRONMENTS"
"""The variable that names another folder for the environments, say one that several checkouts share."""
CACHE: Final = Path(os.environ.get(PLACE) or ROOT / ".cache" / "mlflow-venvs")
OLDEST: Final = "2.9.2"
MIDDLE: Final = "3.10.1"
NEWEST: Final = "3.17.2"

# What a user of that time had beside it; 2.9 does not know the newest SQLAlchemy, scikit-learn,
# LightGBM, XGBoost and setuptools, nor 3.10 the newest Starlette.
BESIDE: Final[Mapping[str, Sequence[str]]] = {
    OLDEST: ("setuptools<80", "sqlalchemy<2.1", "scikit-learn<1.4", "lightgbm<4.2", "xgboost-cpu<2.2"),
    MIDDLE: ("starlette<1", "lightgbm", "xgboost-cpu"),
    NEWEST: ("lightgbm", "xgboost-cpu", "psycopg[binary]"),
}
ALWAYS: Final = ("optuna", "optuna-integration[mlflow]", "psutil", "matplotlib", "pillow")
# PyTorch is large and its CPU build is not on every index: name the requirement to have it tested, say "torch==2.13.0".
TORCH: Final = "MLFLOW_TESTS_TORCH"
WITH_TORCH: Final[Mapping[str, Sequence[str]]] = {
    OLDEST: ("lightning", "tensorflow-cpu<2.16"),  # it knows no Keras but TensorFlow's of then
    MIDDLE: ("lightning", "keras>=3"),
    NEWEST: ("lightning", "keras>=3"),
}


def requirements(version: str) -> list[str]:
    """Give what a version's environment is made of."""
    torch = os.environ.get(TORCH, "")
    return [f"mlflow=={version}", *BESIDE[version], *ALWAYS, *([torch, *WITH_TORCH[version]] if torch else [])]


def environment(version: str) -> Path:
    """Give the folder of programs of a version's environment; make it when it is not there or made of other things."""
    return made(CACHE, version, requirements(version))


if __name__ == "__main__":
    for each in (OLDEST, MIDDLE, NEWEST):
        print(environment(each))
