import numpy as np
import pytest

from tidemill.checks.errors import NotEnough
from tidemill.checks.performance.catalogue import METRICS
from tidemill.checks.performance.metric import estimate


def days_of_alike_rows(random, days=40, rows=60):
    luck = random.normal(0, 0.8, days)
    day = np.repeat(np.arange(days), rows)
    truth = (random.random(days * rows) < 1 / (1 + np.exp(-luck[day]))).astype(float)
    score = 0.5 * truth + random.normal(0, 0.5, days * rows)
    return truth, 1 / (1 + np.exp(-score)), day


def test_rows_of_their_own_give_the_error_of_single_rows():
    random = np.random.default_rng(1)
    truth, score = (random.random(4000) < 0.3).astype(float), random.random(4000)
    for name in ("roc_auc", "brier", "log_loss", "accuracy"):
        alone = estimate(METRICS[name], truth, score)
        clustered = estimate(METRICS[name], truth, score, clusters=np.arange(4000))
        assert clustered.value == alone.value
        assert clustered.standard_error == pytest.approx(alone.standard_error, rel=2e-3)


def test_alike_rows_of_a_day_widen_the_interval():
    truth, score, day = days_of_alike_rows(np.random.default_rng(2))
    alone = estimate(METRICS["brier"], truth, score)
    clustered = estimate(METRICS["brier"], truth, score, clusters=day)
    assert clustered.standard_error > 1.2 * alone.standard_error


def test_the_interval_holds_the_mean_about_as_often_as_it_says():
    random = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        means = random.normal(5, 1, 8)
        day = np.repeat(np.arange(8), 30)
        errors = means[day] + random.normal(0, 1, 240)
        found = estimate(METRICS["mae"], np.zeros(240), errors, clusters=day, confidence=0.9)
        held += found.low <= 5 <= found.high
    assert 0.85 <= held / 300 <= 0.95


def test_one_day_has_no_interval():
    with pytest.raises(NotEnough):
        estimate(METRICS["brier"], np.array([0.0, 1]), np.array([0.1, 0.9]), clusters=np.zeros(2))
