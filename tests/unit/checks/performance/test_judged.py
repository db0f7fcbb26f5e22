import numpy as np
import polars as pl
import pytest

from tidemill.checks.bounds import Bound
from tidemill.checks.errors import InputMissing, InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.performance.brier import Brier
from tidemill.checks.performance.judged import verdict_of
from tidemill.checks.performance.roc_auc import RocAuc


@pytest.mark.parametrize(
    ("value", "low", "high", "sign", "verdict"),
    [
        (0.7, 0.65, 0.75, ">=", Verdict.PASS),
        (0.62, 0.55, 0.69, ">=", Verdict.WARN),
        (0.58, 0.51, 0.65, ">=", Verdict.INCONCLUSIVE),
        (0.5, 0.45, 0.55, ">=", Verdict.FAIL),
        (0.5, 0.45, 0.55, "<=", Verdict.PASS),
        (0.58, 0.51, 0.65, "<=", Verdict.WARN),
        (0.62, 0.55, 0.69, "<=", Verdict.INCONCLUSIVE),
        (0.7, 0.65, 0.75, "<=", Verdict.FAIL),
    ],
)
def test_an_interval_says_whether_a_bound_is_surely_met(value, low, high, sign, verdict):
    assert verdict_of(value, low, high, Bound(sign, 0.6)) is verdict


def scored(rows, champion_noise):
    rng = np.random.default_rng(0)
    truth = (rng.random(rows) < 0.3).astype(float)
    base = truth + rng.normal(0, 1, rows)
    probability = 1 / (1 + np.exp(-base))
    worse = 1 / (1 + np.exp(-(base + rng.normal(0, champion_noise, rows))))
    frame = pl.DataFrame({"late": truth, "new": probability, "old": worse})
    return Inputs(current=frame, truth="late", prediction="new", champion="old")


def test_a_better_candidate_passes_and_a_worse_one_fails():
    inputs = scored(20_000, champion_noise=1.0)
    turned = Inputs(current=inputs.current, truth="late", prediction="old", champion="new")

    assert RocAuc(margin=0.0).run(inputs).verdict is Verdict.PASS
    assert RocAuc(margin=-0.02).run(inputs).verdict is Verdict.PASS
    assert RocAuc(margin=0.005).run(turned).verdict is Verdict.FAIL
    assert Brier(margin=0.0).run(inputs).verdict is Verdict.PASS
    assert Brier(margin=0.001).run(turned).verdict is Verdict.FAIL


def test_too_few_rows_decide_nothing():
    outcome = RocAuc(margin=0.005).run(scored(20, 0.1))

    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "30 are needed" in outcome.reason


def test_a_check_without_a_limit_only_tells():
    outcome = RocAuc().run(scored(500, 0.1))

    assert outcome.verdict is Verdict.PASS
    assert outcome.threshold == ""
    assert outcome.value is not None
    assert outcome.interval is not None
    assert outcome.interval.holds(outcome.value)


def test_two_limits_are_refused():
    with pytest.raises(InvalidParam):
        RocAuc(at_least=0.5, margin=0.1).run(scored(500, 0.1))


def test_a_missing_champion_is_named():
    inputs = scored(500, 0.1)

    with pytest.raises(InputMissing, match="champion"):
        RocAuc(margin=0.1).run(Inputs(current=inputs.current, truth="late", prediction="new"))
