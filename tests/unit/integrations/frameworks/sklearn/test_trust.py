"""Only types that are known, or vouched for, come to life."""

import builtins
import os
import pickle
import subprocess

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tidemill.integrations.frameworks.sklearn import ScikitLearn
from tidemill.integrations.frameworks.sklearn.trust import check_types, load
from tidemill.models.loading import load_predictor
from tidemill.models.manifest import DamagedModel, UnsafeModel, UntrustedTypes
from tidemill.models.saving import save_model


class Mine:
    """A type of the user's own."""


def written(tmp_path, model):
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    return path


def test_scikit_learn_s_own_types_need_nobody_s_word(tmp_path):
    assert check_types(written(tmp_path, LogisticRegression()), ()) == ()


def test_another_type_is_named_and_comes_to_life_only_when_vouched_for(tmp_path):
    path = written(tmp_path, make_pipeline(FunctionTransformer(np.linalg.norm), LogisticRegression()))
    with pytest.raises(UntrustedTypes) as error:
        load(path, ())
    names = error.value.details["types"]
    assert names == ["numpy.linalg.norm"]
    with pytest.raises(UntrustedTypes):
        load(path, ["numpy.linalg", "numpy.linalg.nor", "numpy.linalg.norm2"])
    assert check_types(path, ["numpy.linalg.norm"]) == ("numpy.linalg.norm",)


@pytest.mark.parametrize("function", [os.system, builtins.eval, subprocess.run, os.execv])
def test_what_runs_programs_is_refused_whoever_vouches(tmp_path, function):
    path = written(tmp_path, FunctionTransformer(function))
    held = skops.io.get_untrusted_types(file=path)
    assert held
    with pytest.raises(UnsafeModel):
        load(path, held)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(Mine()), b"\x80\x04."])
def test_a_pickle_or_any_other_file_is_refused(tmp_path, content):
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    with pytest.raises(DamagedModel, match="not a file of skops"):
        load(path, ())


def test_a_cut_file_is_refused(tmp_path):
    path = written(tmp_path, LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    content = path.read_bytes()
    for keep in (10, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:keep])
        with pytest.raises(DamagedModel):
            load(path, ())


def test_types_that_were_vouched_for_are_recorded_and_work(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=80), "kind": pd.Categorical(rng.choice(["a", "b"], 80))})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype", min_samples_leaf=2)
    model.fit(table, ((table["kind"] == "a") ^ (table["x"] > 1)).astype(int))
    word = ["functools.partial", "sklearn.utils.validation.check_array"]
    manifest = save_model(model, tmp_path / "m", example=table, trusted=[*word, "not.there"])
    assert manifest.trusted == tuple(word)
    probability, label = load_predictor(tmp_path / "m").predict_row([0.5, "a"])
    assert probability == model.predict_proba(table.iloc[:1].assign(x=0.5, kind="a").astype(table.dtypes))[0, 1]
    assert label == 1


def test_an_estimator_is_known_without_importing_anything():
    assert ScikitLearn().can_write(LogisticRegression())
    assert not ScikitLearn().can_write(Mine())
