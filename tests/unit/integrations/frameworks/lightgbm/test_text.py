"""A model's text is walked before LightGBM's library sees it."""

import re
import warnings

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.integrations.frameworks.lightgbm.text import check_trees, read_header
from tidemill.models.manifest import DamagedModel


def train(**more):
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"x y": rng.normal(size=300), "kind": pd.Categorical(rng.choice(["a", "b", "c"], 300))})
    truth = (table["x y"] + (table["kind"] == "b") > 0.4).astype(int)
    given = {"n_estimators": 4, "num_leaves": 6, "min_data_per_group": 1, "cat_smooth": 0, "verbose": -1, **more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lgb.LGBMClassifier(**given).fit(table, truth).booster_.model_to_string()


TEXT = train()
LINEAR = train(linear_tree=True)


def test_the_head_says_what_the_model_is():
    head = read_header(TEXT)
    assert head.features == ("x_y", "kind")
    assert (head.objective, head.classes, head.categorical) == ("binary", 1, (1,))
    assert head.categories == [["a", "b", "c"]]


@pytest.mark.parametrize("text", [TEXT, LINEAR, train(boosting_type="rf", subsample=0.5, subsample_freq=1)])
def test_sound_trees_pass(text):
    assert check_trees(text, read_header(text)) == 4


def changed(pattern, by, text=TEXT):
    found = re.sub(pattern, by, text, count=1, flags=re.MULTILINE)
    assert found != text
    return found


@pytest.mark.parametrize(
    "text",
    [
        changed(r"^left_child=\S+", "left_child=0"),
        changed(r"^left_child=\S+", "left_child=999"),
        changed(r"^right_child=(.*) \S+$", r"right_child=\1 -999"),
        changed(r"^right_child=.*$", "right_child="),
        changed(r"^split_feature=\S+", "split_feature=2"),
        changed(r"^split_feature=\S+", "split_feature=-1"),
        changed(r"^num_leaves=\d+", "num_leaves=0"),
        changed(r"^num_leaves=\d+", "num_leaves=4000000000"),
        changed(r"^num_leaves=\d+", "num_leaves=x"),
        changed(r"^leaf_value=\S+ ", "leaf_value="),
        changed(r"^threshold=\S+ ", "threshold="),
        changed(r"^decision_type=.*$", "decision_type=1 1 1 1 1"),
        changed(r"^cat_boundaries=.*$", "cat_boundaries=0 100000"),
        changed(r"^cat_boundaries=.*$", "cat_boundaries=5 1"),
        changed(r"^cat_threshold=.*$", "cat_threshold="),
        changed(r"^tree_sizes=\S+ ", "tree_sizes="),
        changed(r"^Tree=2\n", "Leaf=2\n"),
        changed(r"^left_child=.*\n", ""),
        changed(r"^leaf_features=.*$", "leaf_features=7 7 7 7 7 7", LINEAR),
        changed(r"^num_features=.*$", "num_features=9 9 9 9 9 9", LINEAR),
        changed(r"^leaf_const=.*$", "leaf_const=", LINEAR),
        changed(r"(?s)\nTree=0.*\nend of trees", "\n\nend of trees"),
    ],
)
def test_trees_that_lead_astray_are_refused(text):
    with pytest.raises(DamagedModel):
        check_trees(text, read_header(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tree\n",
        TEXT[:-40],
        TEXT.replace("end of trees", ""),
        changed(r"^max_feature_idx=1", "max_feature_idx=5"),
        changed(r"^max_feature_idx=1", "max_feature_idx=x"),
        changed(r"^num_tree_per_iteration=1", "num_tree_per_iteration=0"),
        changed(r"^feature_infos=.*\n", ""),
        changed(r"^pandas_categorical:.*$", "pandas_categorical:[[[1]]]"),
        changed(r"^pandas_categorical:.*$", "pandas_categorical:{"),
        changed(r"^pandas_categorical:.*$", "pandas_categorical:" + "[" * 100_000),
    ],
    ids=range(11),
)
def test_a_head_that_is_cut_or_contradicts_itself_is_refused(text):
    with pytest.raises(DamagedModel):
        read_header(text)


@given(st.integers(0, len(TEXT) - 1), st.integers(1, 40))
def test_whatever_is_cut_out_of_the_trees_gives_a_plain_error_or_a_sound_model(at, length):
    text = TEXT[:at] + TEXT[at + length :]
    try:
        check_trees(text, read_header(text))
    except DamagedModel:
        return
    head = read_header(text)
    assert head.classes == 1
