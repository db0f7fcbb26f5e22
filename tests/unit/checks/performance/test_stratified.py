"""The mean of a metric within parts, counted by their rows."""

import numpy as np
import pytest

from tidemill.checks.errors import NotEnough
from tidemill.checks.performance.mae import MAE
from tidemill.checks.performance.metric import estimate
from tidemill.checks.performance.roc_auc import ROC_AUC
from tidemill.checks.performance.stratified import estimate_within


def rows(seed=0, count=600):
    random = np.random.default_rng(seed)
    truth = (random.random(count) < 0.4).astype(float)
    return truth, truth + random.normal(size=count), np.arange(count) // 200, np.arange(count) % 20


def test_it_is_the_mean_of_the_parts_by_rows():
    truth, score, _, days = rows()
    parts = (np.arange(600) >= 150).astype(np.int64)
    found = estimate_within(ROC_AUC, truth, score, parts, clusters=days)
    each = [estimate(ROC_AUC, truth[parts == part], score[parts == part]).value for part in (0, 1)]
    assert found.value == pytest.approx(0.25 * each[0] + 0.75 * each[1])
    assert (found.clusters, found.rows, found.positives) == (20, 600, int(truth.sum()))


def test_parts_on_other_scales_do_not_mix():
    truth, score, parts, _ = rows()
    shifted = score + 10.0 * parts
    assert estimate_within(ROC_AUC, truth, shifted, parts).value > 0.7
    assert estimate(ROC_AUC, truth, shifted).value < 0.65


def test_for_a_mean_the_interval_is_that_of_all_rows_where_parts_are_alike():
    truth, score, parts, days = rows()
    whole = estimate(MAE, truth, score, clusters=days, confidence=0.9)
    found = estimate_within(MAE, truth, score, parts, clusters=days, confidence=0.9)
    assert found.value == pytest.approx(whole.value)
    assert found.standard_error == pytest.approx(whole.standard_error, rel=0.1)


def test_one_cluster_says_nothing_of_chance():
    truth, score, parts, days = rows()
    with pytest.raises(NotEnough):
        estimate_within(ROC_AUC, truth, score, parts, clusters=days * 0)
