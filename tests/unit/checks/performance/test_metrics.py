"""Every metric: its value by scikit-learn, its interval by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from tidemill.checks.errors import LengthMismatch, NotBinary, NotEnough, NotNumbers
from tidemill.checks.performance.catalogue import METRICS, measure, measure_difference
from tidemill.checks.performance.roc_auc import compare_roc_auc, roc_auc

VALUES = {
    "roc_auc": sklearn_metrics.roc_auc_score,
    "log_loss": sklearn_metrics.log_loss,
    "brier": sklearn_metrics.brier_score_loss,
    "accuracy": lambda truth, score: sklearn_metrics.accuracy_score(truth, score >= 0.5),
    "precision": lambda truth, score: sklearn_metrics.precision_score(truth, score >= 0.5),
    "recall": lambda truth, score: sklearn_metrics.recall_score(truth, score >= 0.5),
    "rmse": sklearn_metrics.root_mean_squared_error,
    "mae": sklearn_metrics.mean_absolute_error,
    "r2": sklearn_metrics.r2_score,
}


def draw(rng, rows, noise=1.0):
    truth = (rng.random(rows) < 0.4).astype(float)
    score = 1 / (1 + np.exp(-(2 * truth - 1 + noise * rng.normal(size=rows))))
    return truth, np.round(score, 3)


def test_every_metric_is_held_against_scikit_learn():
    assert set(VALUES) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_the_value_is_that_of_scikit_learn(name):
    truth, score = draw(np.random.default_rng(0), 2000)

    assert measure(name, truth, score).value == pytest.approx(VALUES[name](truth, score))


@pytest.mark.parametrize("name", METRICS)
def test_the_interval_holds_the_true_value_as_often_as_it_says(name):
    rng = np.random.default_rng(1)
    true = measure(name, *draw(rng, 1_000_000)).value

    found = [measure(name, *draw(rng, 400), confidence=0.9) for _ in range(300)]

    covered = sum(one.low <= true <= one.high for one in found) / 300
    assert covered > 0.9 - 3.5 * math.sqrt(0.09 / 300)


@pytest.mark.parametrize("name", METRICS)
def test_the_paired_interval_holds_no_difference_as_often_as_it_says(name):
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(300):
        truth, score = draw(rng, 400)
        logit = np.log(np.clip(score, 0.001, 0.999) / (1 - np.clip(score, 0.001, 0.999)))
        one, other = (1 / (1 + np.exp(-(logit + rng.normal(0, 0.5, 400)))) for _ in range(2))
        found = measure_difference(name, truth, one, other, confidence=0.9)
        hits += found.low <= 0 <= found.high

    assert hits / 300 > 0.9 - 3.5 * math.sqrt(0.09 / 300)


@pytest.mark.parametrize("name", METRICS)
def test_a_model_differs_from_itself_by_nothing(name):
    truth, score = draw(np.random.default_rng(3), 500)

    found = measure_difference(name, truth, score, score)

    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("name", METRICS)
def test_swapping_the_models_turns_the_sign(name):
    rng = np.random.default_rng(4)
    truth, one = draw(rng, 500)
    other = np.clip(one + rng.normal(0, 0.1, 500), 0, 1)

    there, back = measure_difference(name, truth, one, other), measure_difference(name, truth, other, one)

    assert there.value == pytest.approx(-back.value)
    assert there.p_value == pytest.approx(back.p_value)


def slow_delong(truth, score):
    """DeLong's variance by its definition, over all pairs."""
    positive, negative = score[truth == 1], score[truth == 0]
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    beaten, beating = wins.mean(axis=1), wins.mean(axis=0)
    return math.sqrt(beaten.var(ddof=1) / len(beaten) + beating.var(ddof=1) / len(beating))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=6, max_size=60))
def test_the_fast_standard_error_is_delongs(pairs):
    truth = np.array([one for one, _ in pairs], dtype=float)
    score = np.array([other for _, other in pairs], dtype=float)
    if min(truth.sum(), len(truth) - truth.sum()) < 2:
        return

    assert roc_auc(truth, score).standard_error == pytest.approx(slow_delong(truth, score), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.integers(-50, 50)), min_size=4, max_size=60), st.randoms())
def test_the_area_depends_on_order_alone(pairs, random):
    truth = np.array([one for one, _ in pairs], dtype=float)
    score = np.array([other for _, other in pairs], dtype=float)
    if len(set(truth)) < 2:
        return
    rows = list(range(len(truth)))
    random.shuffle(rows)

    area = roc_auc(truth, score).value
    assert roc_auc(truth, np.exp(score / 10)).value == pytest.approx(area)
    assert roc_auc(truth, -score).value == pytest.approx(1 - area)
    assert roc_auc(truth[rows], score[rows]).value == pytest.approx(area)


def test_a_perfect_area_still_has_an_interval():
    found = roc_auc([0] * 10 + [1] * 10, range(20))

    assert found.value == 1
    assert 0.6 < found.low < 0.95


def test_paired_models_are_compared_more_surely_than_unpaired_ones():
    rng = np.random.default_rng(5)
    truth, one = draw(rng, 2000)
    other = np.clip(one + rng.normal(0, 0.02, 2000), 0, 1)

    found = compare_roc_auc(truth, one, other)

    assert found.standard_error < 0.3 * roc_auc(truth, one).standard_error


@pytest.mark.parametrize("name", METRICS)
def test_rows_without_truth_or_score_are_left_out_and_counted(name):
    truth, score = draw(np.random.default_rng(6), 200)
    with_gaps = measure(name, [*truth, None, 1.0, 0.0, float("nan")], [*score, 0.5, float("nan"), float("inf"), 0.5])

    assert with_gaps.left_out == 4
    assert with_gaps.value == pytest.approx(measure(name, truth, score).value)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("truth", "score", "error"),
    [
        ([], [], NotEnough),
        ([1.0], [0.5], NotEnough),
        ([None, None], [0.5, 0.5], NotEnough),
        ([0, 1, 1], [0.5, 0.5], LengthMismatch),
        (["a", "b"], [0.5, 0.5], NotNumbers),
        ([[0, 1]], [0.5], NotNumbers),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(name, truth, score, error):
    with pytest.raises(error) as raised:
        measure(name, truth, score)

    assert raised.value.hint


@pytest.mark.parametrize("name", ["roc_auc", "brier", "log_loss", "accuracy"])
def test_a_truth_that_is_neither_yes_nor_no_is_refused(name):
    with pytest.raises(NotBinary, match="3"):
        measure(name, [0, 1, 3], [0.1, 0.2, 0.3])


def test_one_class_only_has_no_area():
    with pytest.raises(NotEnough, match="positives"):
        roc_auc([1, 1, 1], [0.1, 0.2, 0.3])


def test_absurd_numbers_are_not_enough_and_no_warning():
    with pytest.raises(NotEnough, match="overflows"):
        measure("rmse", [1e308, -1e308, 1.0], [-1e308, 1e308, 1.0])
