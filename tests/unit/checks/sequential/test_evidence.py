import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.errors import OutOfBounds
from tidemill.checks.sequential.evidence import Arm, evidence_above, evidence_below

losses = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@given(losses)
def test_evidence_falls_and_is_convex_as_the_mean_rises(values):
    arm = Arm().add_values(values)
    points = [evidence_above(arm, step / 40) for step in range(41)]

    for one, other in pairwise(points):
        assert other <= one + 1e-9
    for before, middle, after in zip(points, points[1:], points[2:], strict=False):
        assert middle <= (before + after) / 2 + 1e-9


@given(losses, st.floats(0, 1))
def test_evidence_below_mirrors_evidence_above(values, mean):
    arm, mirrored = Arm().add_values(values), Arm().add_values([1 - value for value in values])

    assert evidence_below(arm, mean) == pytest.approx(evidence_above(mirrored, 1 - mean), abs=1e-6)


@given(losses, losses)
def test_batches_keep_count_and_sum(first, second):
    arm = Arm()
    for batch in (first, second):
        arm = arm.add(len(batch), sum(batch), sum(value * value for value in batch))
    one_by_one = Arm().add_values(first + second)

    assert arm.count == one_by_one.count
    assert arm.total == pytest.approx(one_by_one.total)


@pytest.mark.parametrize("mean", [0.02, 0.5])
def test_evidence_at_the_true_mean_is_one_on_average_at_most(mean):
    # Exactly, over all outcomes of 12 yes-or-no rows added one by one.
    expected = 0.0
    for outcome in range(2**12):
        values = [outcome >> place & 1 for place in range(12)]
        chance = math.prod(mean if value else 1 - mean for value in values)
        expected += chance * math.exp(evidence_above(Arm().add_values(values), mean))

    assert 0.1 < expected <= 1 + 1e-9


@pytest.mark.parametrize(
    ("count", "total", "squares"),
    [(-1, 0, 0), (2, 3, 3), (2, -1, 1), (2, 1, 0.1), (2, 1, 1.5), (2, math.nan, 1), (0, 1, 1)],
)
def test_sums_that_no_losses_have_are_refused(count, total, squares):
    with pytest.raises(OutOfBounds):
        Arm().add(count, total, squares)


def test_a_value_outside_is_refused():
    with pytest.raises(OutOfBounds):
        Arm().add_values([0.5, 1.5])
    with pytest.raises(OutOfBounds):
        Arm().add_values([math.nan])
