"""Looking often does not make a fair candidate look bad, and a bad one is found."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.sequential import BoundedMean, Comparison, Decision, ImpossibleBatch


def bernoulli(generator: random.Random, count: int, chance: float) -> tuple[int, float, float]:
    hits = float(sum(generator.random() < chance for _ in range(count)))
    return count, hits, hits


def watch(generator: random.Random, stable: float, candidate: float, looks: int, batch: int) -> Decision:
    """Return the first `worse`, or the last decision."""
    seen = Comparison(error_rate=0.05)
    for _ in range(looks):
        seen = Comparison(
            stable=seen.stable.add(*bernoulli(generator, batch, stable)),
            candidate=seen.candidate.add(*bernoulli(generator, batch, candidate)),
            error_rate=0.05,
        )
        if seen.decide() is Decision.WORSE:
            return Decision.WORSE
    return seen.decide()


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5])
def test_a_fair_candidate_is_rarely_called_worse_however_often_one_looks(rate: float) -> None:
    generator = random.Random(11)
    wrong = sum(watch(generator, rate, rate, looks=60, batch=20) is Decision.WORSE for _ in range(200))
    assert wrong <= 200 * 0.05


def test_a_bad_candidate_is_found_soon() -> None:
    generator = random.Random(5)
    found = sum(watch(generator, 0.01, 0.2, looks=20, batch=50) is Decision.WORSE for _ in range(100))
    assert found >= 95


def test_bounds_cover_the_mean_at_every_look() -> None:
    generator = random.Random(3)
    missed = 0
    for _ in range(200):
        seen = BoundedMean()
        for _ in range(50):
            numbers = [generator.betavariate(2, 5) for _ in range(10)]
            seen = seen.add(10, sum(numbers), sum(number * number for number in numbers))
            if not seen.low(0.05) <= 2 / 7 <= seen.high(0.05):
                missed += 1
                break
    assert missed <= 200 * 0.1


def test_a_margin_lets_a_slightly_worse_candidate_pass() -> None:
    seen = Comparison(margin=0.1)
    both = seen.stable.add(20_000, 200.0, 200.0)
    slightly = seen.candidate.add(20_000, 600.0, 600.0)
    assert Comparison(stable=both, candidate=slightly, margin=0.1).decide() is Decision.NOT_WORSE
    assert Comparison(stable=both, candidate=slightly).decide() is Decision.WORSE


def test_nothing_is_decided_before_anything_was_seen() -> None:
    assert Comparison().decide() is Decision.UNDECIDED
    assert (BoundedMean().low(0.05), BoundedMean().high(0.05)) == (0.0, 1.0)


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=20), min_size=1, max_size=10))
def test_bounds_contain_the_mean_so_far_and_stay_in_range(batches: list[list[float]]) -> None:
    seen = BoundedMean()
    for batch in batches:
        seen = seen.add(len(batch), sum(batch), sum(number * number for number in batch))
    assert 0 <= seen.low(0.05) <= seen.mean + 1e-9
    assert seen.mean - 1e-9 <= seen.high(0.05) <= 1
    assert seen.radius(0.01) > seen.radius(0.2)


@pytest.mark.parametrize("batch", [(1, 2.0, 1.0), (-1, 0.0, 0.0), (2, 1.0, 1.5), (1, -0.5, 0.0)])
def test_numbers_outside_the_unit_interval_are_refused(batch: tuple[int, float, float]) -> None:
    with pytest.raises(ImpossibleBatch):
        BoundedMean().add(*batch)
