"""A canary is stopped when it is surely worse, and seldom otherwise, however often one looks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.errors import OutOfBounds
from tidemill.delivery.ports import Arms, ArmStats
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.verdicts import compare, judge

PLAN = RolloutPlan(shares=[0.01, 0.1, 0.5], watch=["error_rate", "latency", "brier"], min_requests=200)


def arm(requests=0, errors=0, slow=0, brier=(0, 0.0, 0.0)):
    return ArmStats(requests=requests, errors=errors, slow=slow, scores={"brier": brier})


def facts_of(verdict, word):
    facts = verdict.facts[word]
    assert isinstance(facts, dict)
    return facts


def test_a_stage_ends_well_after_enough_requests():
    quiet = Arms(stable=arm(9000, 90), canary=arm(199, 2))
    assert judge(PLAN, [quiet], late=False) is None
    enough = Arms(stable=arm(9000, 90), canary=arm(200, 2))
    verdict = judge(PLAN, [enough], late=False)
    assert verdict is not None
    assert verdict.promote
    assert "200 requests, and no measure is surely worse" in verdict.reason
    assert "brier could not be compared" in verdict.reason
    assert facts_of(verdict, "error_rate")["canary_count"] == 200


@pytest.mark.parametrize(
    ("canary", "measure"),
    [
        (arm(60, 30), "error_rate"),
        (arm(60, 0, 30), "latency"),
        (arm(60, 0, 0, (60, 40.0, 30.0)), "brier"),
    ],
)
def test_what_is_surely_worse_in_any_measure_goes_back(canary, measure):
    stable = arm(6000, 60, 60, (6000, 900.0, 300.0))
    verdict = judge(PLAN, [Arms(stable=stable, canary=canary)], late=False)
    assert verdict is not None
    assert not verdict.promote
    assert verdict.reason.startswith(measure)
    assert "surely worse" in verdict.reason
    facts = facts_of(verdict, measure)
    assert facts["evidence_worse"] >= facts["needed"] == pytest.approx(60)


def test_evidence_of_an_earlier_stage_counts_on():
    bad = Arms(stable=arm(6000, 60), canary=arm(60, 30))
    assert judge(PLAN, [bad, Arms()], late=False) is not None


@pytest.mark.parametrize(("on_timeout", "promote"), [("promote", True), ("rollback", False), ("wait", None)])
def test_a_late_stage_does_as_the_plan_says(on_timeout, promote):
    plan = RolloutPlan(shares=[0.5], on_timeout=on_timeout)
    verdict = judge(plan, [Arms(stable=arm(10), canary=arm(7))], late=True)
    if promote is None:
        assert verdict is None
    else:
        assert verdict is not None
        assert verdict.promote is promote
        assert "7 of 200 requests" in verdict.reason


def test_counts_that_contradict_themselves_are_refused():
    with pytest.raises(OutOfBounds):
        judge(PLAN, [Arms(stable=arm(10, 20), canary=arm(5))], late=False)


counts = st.integers(0, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@given(counts, counts, st.booleans())
def test_a_verdict_never_goes_back_on_a_canary_that_looks_no_worse(stable, canary, late):
    plan = RolloutPlan(shares=[0.5], on_timeout="promote")
    arms = Arms(stable=arm(*stable), canary=arm(*canary))
    verdict = judge(plan, [arms], late=late)
    share = [errors / requests if requests else 0.0 for requests, errors in (stable, canary)]
    if share[1] <= share[0] and verdict is not None:
        assert verdict.promote
    if canary[0] >= plan.min_requests:
        assert verdict is not None


def roll_out(rng, plan, stable, canary, *, requests=250, looks=20):
    """Return whether a whole rollout ended well, and after how many requests; looked at after every batch."""
    stages, seen = [], 0
    for share in plan.shares:
        stages.append(Arms())
        for _ in range(looks):
            seen += requests
            to_canary = rng.binomial(requests, share)
            parts = []
            for known, count, rates in (
                (stages[-1].stable, requests - to_canary, stable),
                (stages[-1].canary, to_canary, canary),
            ):
                losses = rng.beta(2, 2 / rates[2] - 2, size=count)
                before = known.scores.get("brier", (0, 0.0, 0.0))
                parts.append(
                    arm(
                        known.requests + count,
                        known.errors + int(rng.binomial(count, rates[0])),
                        known.slow + int(rng.binomial(count, rates[1])),
                        (before[0] + count, before[1] + losses.sum(), before[2] + float(np.square(losses).sum())),
                    )
                )
            stages[-1] = Arms(stable=parts[0], canary=parts[1])
            if any(compare(plan, word, stages).is_surely_worse() for word in plan.watch):  # as `judge` does
                return False, seen
            if stages[-1].canary.requests >= plan.min_requests:
                break
    return True, seen


def test_no_more_than_the_stated_share_of_good_rollouts_goes_back():
    rng = np.random.default_rng(11)
    plan = RolloutPlan(shares=[0.1, 0.5], watch=["error_rate"], false_rollback=0.2, min_requests=1000)
    same = (0.02, 0.05, 0.2)
    ended = [roll_out(rng, plan, same, same)[0] for _ in range(80)]
    assert ended.count(False) / len(ended) <= plan.false_rollback


def test_a_bad_canary_is_stopped_soon():
    rng = np.random.default_rng(12)
    plan = RolloutPlan(shares=[0.05, 0.2, 0.5], watch=["error_rate", "latency", "brier"], min_requests=1000)
    good = (0.01, 0.05, 0.2)
    for bad in ((0.3, 0.05, 0.2), (0.01, 0.5, 0.2), (0.01, 0.05, 0.6)):
        found = [roll_out(rng, plan, good, bad) for _ in range(10)]
        assert not any(ended for ended, _ in found)
        assert np.median([seen for _, seen in found]) <= 1500  # of which the canary had 75
