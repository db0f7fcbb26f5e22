"""A small verified model, made once, to be copied, cut and bent."""

import shutil

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from tidemill.models.saving import save_model


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Give the folder of a small classifier, its model and its example."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=200), "kind": pd.Categorical(rng.choice(["a", "b"], 200))})
    table.loc[3, "x"] = np.nan
    model = lgb.LGBMClassifier(n_estimators=5, verbose=-1).fit(table, (table["x"] > 0).astype(int))
    folder = tmp_path_factory.mktemp("made") / "model"
    save_model(model, folder, example=table, run_id="r7")
    return folder, model, table


@pytest.fixture
def folder(made, tmp_path):
    """Give a copy of the small model's folder."""
    return shutil.copytree(made[0], tmp_path / "model")
