"""A model is saved whole and verified, or not at all."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tidemill.core.errors import InvalidInput
from tidemill.models.examples import InvalidExample
from tidemill.models.loading import load_predictor
from tidemill.models.manifest import UntrustedTypes
from tidemill.models.saving import FolderExists, UnknownModelKind, can_save, save_model

ROWS = np.random.default_rng(0).normal(size=(60, 2))
TRUTH = (ROWS[:, 0] > 0).astype(int)


def fitted():
    return LogisticRegression().fit(ROWS, TRUTH)


def nothing_left(tmp_path):
    return list(tmp_path.iterdir()) == []


def test_an_object_that_is_no_model_is_refused(tmp_path):
    assert not can_save({"a": 1})
    assert can_save(fitted())
    with pytest.raises(UnknownModelKind, match=r"builtins\.dict") as error:
        save_model({}, tmp_path / "m", example=ROWS)
    assert "lightgbm, sklearn" in error.value.hint


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    place = tmp_path / "m"
    place.mkdir()
    with pytest.raises(FolderExists):
        save_model(fitted(), place, example=ROWS)
    assert nothing_left(place)


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (LogisticRegression(), ROWS),
        (StandardScaler().fit(ROWS), ROWS),
        (DBSCAN().fit(ROWS), ROWS),
        (fitted(), ROWS[:0]),
        (fitted(), ROWS[:, :1]),
        (fitted(), None),
    ],
    ids=["not fitted", "no predict", "predicts no new rows", "no rows", "too few columns", "no example"],
)
def test_what_cannot_be_asked_is_refused_and_leaves_nothing(tmp_path, model, example):
    with pytest.raises((InvalidInput, InvalidExample)):
        save_model(model, tmp_path / "m", example=example)
    assert nothing_left(tmp_path)


def half(values):
    return values * 0.5


def test_a_type_that_is_not_known_to_be_safe_needs_somebody_s_word(tmp_path):
    model = make_pipeline(FunctionTransformer(half), LogisticRegression()).fit(ROWS, TRUTH)
    with pytest.raises(UntrustedTypes) as error:
        save_model(model, tmp_path / "m", example=ROWS)
    assert "half" in str(error.value.details["types"])
    assert nothing_left(tmp_path)


def test_a_model_is_the_same_after_two_saves(tmp_path):
    one = save_model(fitted(), tmp_path / "a", example=ROWS)
    two = save_model(fitted(), tmp_path / "b", example=ROWS)
    assert one.signature == two.signature
    row = [0.3, -0.1]
    assert load_predictor(tmp_path / "a").predict_row(row) == load_predictor(tmp_path / "b").predict_row(row)
