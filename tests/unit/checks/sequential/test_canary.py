import math

import msgspec
import numpy as np
import pytest

from tidemill.checks.errors import InvalidParam
from tidemill.checks.sequential.canary import Action, CanaryComparison, Side
from tidemill.checks.sequential.watch import start_watch


def watch(rng, comparison, stable, canary, *, looks, rows=200, share=0.2):
    """Return the first action other than to keep watching, looking after every batch."""
    for _ in range(looks):
        now = round(rows * share)
        comparison = comparison.observe(Side.STABLE, count=rows - now, total=int(rng.binomial(rows - now, stable)))
        comparison = comparison.observe(Side.CANARY, count=now, total=int(rng.binomial(now, canary)))
        action = comparison.action()
        if action is not Action.KEEP_WATCHING:
            return action
    return Action.KEEP_WATCHING


def limit(rate, trials):
    return rate + 3 * math.sqrt(rate * (1 - rate) / trials)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_an_equal_canary_is_rarely_ever_rolled_back_however_often_one_looks(rate):
    rng = np.random.default_rng(0)
    comparison = CanaryComparison(what="error_rate", margin=0.9, false_rollback=0.1, false_promotion=1e-9)

    actions = [watch(rng, comparison, rate, rate, looks=15) for _ in range(100)]

    assert actions.count(Action.ROLL_BACK) / 100 <= limit(0.1, 100)


def test_a_canary_at_the_margin_is_rarely_ever_promoted():
    rng = np.random.default_rng(1)
    comparison = CanaryComparison(what="error_rate", margin=0.05, false_rollback=1e-9, false_promotion=0.1)

    actions = [watch(rng, comparison, 0.1, 0.15, looks=15) for _ in range(100)]

    assert actions.count(Action.PROMOTE) / 100 <= limit(0.1, 100)


def test_a_bad_canary_is_rolled_back_within_a_few_hundred_rows():
    rng = np.random.default_rng(2)
    comparison = CanaryComparison(what="error_rate", margin=0.02)

    actions = [watch(rng, comparison, 0.01, 0.15, looks=10) for _ in range(10)]

    assert actions == [Action.ROLL_BACK] * 10


def test_a_good_canary_is_promoted():
    rng = np.random.default_rng(3)
    comparison = CanaryComparison(what="error_rate", margin=0.05)

    actions = [watch(rng, comparison, 0.02, 0.02, looks=20) for _ in range(10)]

    assert actions.count(Action.PROMOTE) >= 9


def test_stages_are_not_mixed():
    # A busy hour with many errors at 1 percent, then a quiet one at 50: pooled, the canary would look far better.
    comparison = CanaryComparison(what="error_rate", margin=0.02, planned_stages=2)
    comparison = comparison.observe(Side.STABLE, count=9900, total=2970).observe(Side.CANARY, count=100, total=30)
    comparison = comparison.next_stage()
    comparison = comparison.observe(Side.STABLE, count=5000, total=50).observe(Side.CANARY, count=5000, total=50)

    decision = comparison.decide()

    assert decision.difference == pytest.approx(0)
    assert decision.interval.holds(0)
    assert (decision.canary_mean, decision.stable_mean) == pytest.approx((80 / 5100, 3020 / 14_900))


def test_evidence_of_one_stage_counts_in_the_next():
    comparison = CanaryComparison(what="error_rate", margin=0.02, planned_stages=3)
    comparison = comparison.observe(Side.STABLE, count=5000, total=50).observe(Side.CANARY, count=500, total=60)

    assert comparison.next_stage().decide().action is Action.ROLL_BACK
    with pytest.raises(InvalidParam):
        comparison.next_stage().next_stage().next_stage()


def test_low_variance_losses_are_told_apart_sooner_than_yes_or_no():
    rng = np.random.default_rng(4)
    losses = np.clip(rng.normal(0.2, 0.05, 4000), 0, 1)
    narrow = CanaryComparison(what="brier", margin=0.02, expected=0.2)
    narrow = narrow.observe_values(Side.STABLE, losses[:2000].tolist()).observe_values(
        Side.CANARY, losses[2000:].tolist()
    )
    wide = CanaryComparison(what="error_rate", margin=0.02, expected=0.2)
    wide = wide.observe(Side.STABLE, count=2000, total=400).observe(Side.CANARY, count=2000, total=400)

    assert narrow.interval().width < 0.5 * wide.interval().width


def test_nothing_seen_is_nothing_decided():
    decision = CanaryComparison(what="error_rate", margin=0.02).decide()

    assert decision.action is Action.KEEP_WATCHING
    assert decision.difference is None
    assert (decision.interval.low, decision.interval.high) == pytest.approx((-1, 1), abs=1e-6)


def test_the_state_goes_through_json_and_does_not_grow():
    comparison = CanaryComparison(what="error_rate", margin=0.02)
    sizes = []
    for _ in range(3):
        for _ in range(100):
            comparison = comparison.observe(Side.CANARY, count=1000, total=10)
        sizes.append(len(msgspec.json.encode(comparison)))

    assert msgspec.json.decode(msgspec.json.encode(comparison), type=CanaryComparison) == comparison
    assert sizes[-1] - sizes[0] < 10


def test_a_watch_rolls_back_for_one_and_promotes_for_all():
    calm = start_watch({"error_rate": 0.05, "slow": 0.05})
    for side in Side:
        calm = calm.observe("error_rate", side, count=3000, total=30)
    assert calm.decide().action is Action.KEEP_WATCHING

    good = calm
    for side in Side:
        good = good.observe("slow", side, count=3000, total=60)
    assert good.decide().action is Action.PROMOTE

    bad = calm.observe("slow", Side.STABLE, count=3000, total=60).observe("slow", Side.CANARY, count=3000, total=600)
    assert bad.decide().action is Action.ROLL_BACK
    assert "slow" in bad.decide().reason


def test_what_is_not_watched_names_the_nearest():
    with pytest.raises(InvalidParam) as raised:
        start_watch({"error_rate": 0.05}).observe("eror_rate", Side.CANARY, count=1, total=0)

    assert "error_rate" in raised.value.hint


@pytest.mark.parametrize(
    "params",
    [{"margin": 0.0}, {"margin": 2.0}, {"margin": 0.1, "tolerance": 0.2}, {"margin": 0.1, "false_rollback": 0.0}],
)
def test_params_without_sense_are_refused(params):
    with pytest.raises(InvalidParam):
        CanaryComparison(what="error_rate", **params)
