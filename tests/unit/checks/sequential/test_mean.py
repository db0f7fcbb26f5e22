import math

import msgspec
import numpy as np
import pytest

from tidemill.checks.errors import InvalidParam
from tidemill.checks.sequential.evidence import Arm, evidence_above, evidence_below
from tidemill.checks.sequential.mean import MeanSequence


@pytest.mark.parametrize("true", [0.01, 0.4])
def test_the_interval_rarely_ever_misses_the_true_mean_at_any_look(true):
    rng = np.random.default_rng(0)
    needed, missed = math.log(2 / 0.1), 0
    for _ in range(300):
        arm = Arm()
        for _ in range(30):
            arm = arm.add(50, total := int(rng.binomial(50, true)), total, expected=0.1)
            if evidence_above(arm, true) >= needed or evidence_below(arm, true) >= needed:
                missed += 1
                break

    assert missed / 300 <= 0.1 + 3 * math.sqrt(0.09 / 300)


def test_the_interval_narrows_around_the_mean():
    few, many = (MeanSequence(expected=0.1).observe(count=rows, total=rows // 10) for rows in (100, 100_000))

    assert few.interval().holds(0.1)
    assert many.interval().holds(0.1)
    assert many.interval().width < 0.01 < few.interval().width


def test_before_the_first_row_the_mean_may_be_anything():
    sequence = MeanSequence()

    assert sequence.mean() is None
    assert (sequence.interval().low, sequence.interval().high) == (0, 1)


def test_a_sequence_goes_through_json():
    sequence = MeanSequence().observe(count=10, total=3.5, squares=2.0)

    assert msgspec.json.decode(msgspec.json.encode(sequence), type=MeanSequence) == sequence


def test_a_confidence_without_sense_is_refused():
    with pytest.raises(InvalidParam):
        MeanSequence(confidence=1.0)
