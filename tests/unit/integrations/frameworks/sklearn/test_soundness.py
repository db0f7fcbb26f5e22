"""Trees with indices that lead astray are found before scikit-learn follows them."""

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from tidemill.integrations.frameworks.sklearn.soundness import check_trees
from tidemill.models.manifest import DamagedModel

ROWS = np.random.default_rng(0).normal(size=(80, 3))
NUMBER, CLASS = ROWS[:, 0] + ROWS[:, 2], (ROWS[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeRegressor(max_leaf_nodes=9),
        RandomForestClassifier(3),
        BaggingRegressor(n_estimators=3, max_features=2),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingRegressor(max_iter=3),
        IsolationForest(n_estimators=3),
        make_pipeline(RandomForestClassifier(2)),
        LogisticRegression(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_sound_trees_pass(model):
    check_trees(model.fit(ROWS, CLASS if "Classifier" in repr(model) or "Logistic" in repr(model) else NUMBER))


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", 0), ("left_child", 10**9), ("right_child", -7), ("feature", 3), ("feature", -2)],
)
def test_a_node_that_leads_astray_is_found(field, value):
    model = RandomForestClassifier(2, random_state=0).fit(ROWS, CLASS)
    tree = model.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    with pytest.raises(DamagedModel):
        check_trees(model)


def test_more_nodes_than_there_are_are_found():
    model = DecisionTreeRegressor().fit(ROWS, NUMBER)
    state = model.tree_.__getstate__()
    state["node_count"] += 1000
    model.tree_.__setstate__(state)
    with pytest.raises(DamagedModel):
        check_trees(model)


def test_an_estimator_that_takes_fewer_features_than_its_trees_is_found():
    for model in (RandomForestClassifier(2), GradientBoostingClassifier(n_estimators=2)):
        model.fit(ROWS, CLASS)
        model.n_features_in_ = 2
        with pytest.raises(DamagedModel):
            check_trees(model)
    model = DecisionTreeRegressor().fit(ROWS, NUMBER)
    model.n_features_in_ = 2
    with pytest.raises(DamagedModel):
        check_trees(model)


@pytest.mark.parametrize(
    ("field", "value"), [("left", 0), ("left", 2**31), ("right", 2**32 - 1), ("feature_idx", 3), ("feature_idx", -1)]
)
def test_a_histogram_tree_that_leads_astray_is_found(field, value):
    model = HistGradientBoostingRegressor(max_iter=2).fit(ROWS, NUMBER)
    model._predictors[1][0].nodes[field][0] = value
    with pytest.raises(DamagedModel):
        check_trees(model)


def test_a_histogram_tree_that_asks_for_a_set_that_is_not_there_is_found():
    model = HistGradientBoostingRegressor(max_iter=2).fit(ROWS, NUMBER)
    model._predictors[0][0].nodes["is_categorical"][0] = 1
    with pytest.raises(DamagedModel):
        check_trees(model)


def test_what_is_no_tree_in_the_place_of_one_is_found():
    model = RandomForestClassifier(2).fit(ROWS, CLASS)
    model.estimators_[0].tree_ = "a tree"
    with pytest.raises(DamagedModel):
        check_trees(model)
