"""Loads a LightGBM model with category columns for MLflow's python_function.

MLflow hands texts where LightGBM wants pandas categories, so a model that has some brings this file along, in its
folder `code`. It needs lightgbm and pandas, not Tidemill; Tidemill itself never runs what is in a model folder.
"""

import json
from pathlib import Path
from typing import Any

import lightgbm
import pandas as pd


class Model:
    """What python_function asks.

    Args:
        folder: The model folder.
    """

    def __init__(self, folder: Path) -> None:
        about = json.loads(folder.joinpath("tidemill.json").read_text(encoding="utf-8"))
        self._names = [field["name"] for field in about["signature"]["inputs"]]
        self._booster = lightgbm.Booster(model_file=str(folder / about["model_file"]))
        lists = self._booster.pandas_categorical or []
        self._categories = dict(zip(about["settings"]["category_columns"], lists, strict=True))

    def predict(self, frame: Any, params: object = None) -> Any:  # noqa: ANN401 - pandas in, numpy out
        """Return the Booster's answer to rows whose categories are plain values."""
        made = {name: self._column(name, frame[name]) for name in self._names}
        return self._booster.predict(pd.DataFrame(made))

    def _column(self, name: str, values: Any) -> Any:  # noqa: ANN401 - a pandas column
        if name in self._categories:
            known = self._categories[name]
            return pd.Categorical([one if one in known else None for one in values], categories=known)
        return pd.to_numeric(values).astype("float64")


def _load_pyfunc(path: str) -> Model:
    """Return the model in a folder, as MLflow asks for it."""
    return Model(Path(path))
