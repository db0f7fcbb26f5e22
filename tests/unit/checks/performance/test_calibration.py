import math

import numpy as np
import polars as pl
import pytest

from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.performance.calibration import Calibration, calibration


def draw(rng, rows, shift=0.0):
    chance = rng.uniform(0.1, 0.8, rows)
    return (rng.random(rows) < chance).astype(float), chance + shift


def test_the_noise_is_taken_off_where_the_plain_error_keeps_it():
    rng = np.random.default_rng(0)
    found = [calibration(*draw(rng, 500)) for _ in range(100)]

    assert np.mean([one.expected_error for one in found]) > 0.05
    assert np.median([one.error for one in found]) < 0.03


@pytest.mark.parametrize("shift", [0.05, 0.1])
def test_the_error_is_the_gap(shift):
    found = calibration(*draw(np.random.default_rng(1), 200_000, shift))

    assert found.error == pytest.approx(shift, abs=0.005)
    assert found.interval.holds(shift)


def test_the_interval_holds_the_true_error_as_often_as_it_says():
    rng = np.random.default_rng(2)
    found = [calibration(*draw(rng, 1000, 0.1), confidence=0.9).interval for _ in range(300)]

    covered = sum(one.holds(0.1) for one in found) / 300
    assert covered > 0.9 - 3.5 * math.sqrt(0.09 / 300)


def test_spiegelhalters_test_rejects_true_chances_as_often_as_it_says():
    rng = np.random.default_rng(3)
    rejected = sum(calibration(*draw(rng, 400)).p_value < 0.05 for _ in range(400)) / 400

    assert rejected == pytest.approx(0.05, abs=0.035)


@pytest.mark.parametrize("rows", [1000, 1_000_000])
def test_the_verdict_is_that_of_the_error_and_not_of_the_number_of_rows(rows):
    rng = np.random.default_rng(4)
    verdicts = []
    for shift in (0.02, 0.15):
        truth, score = draw(rng, rows, shift)
        inputs = Inputs(current=pl.DataFrame({"t": truth, "p": score}), truth="t", prediction="p")
        verdicts.append(Calibration(at_most=0.05).run(inputs).verdict)

    assert verdicts == [Verdict.PASS, Verdict.FAIL]


def test_equal_scores_stay_in_one_bin():
    found = calibration([0, 1] * 100, [0.5] * 200)

    assert len(found.bins) == 1
    assert found.error == 0


def test_sure_and_right_scores_have_no_error():
    found = calibration([0] * 60 + [1] * 60, [0.0] * 60 + [1.0] * 60)

    assert (found.error, found.spiegelhalter_z) == (0, 0)


def test_scores_that_are_no_chances_are_refused():
    with pytest.raises(InvalidParam):
        calibration([0, 1] * 100, [0.5, 1.5] * 100)


def test_few_rows_are_not_enough():
    with pytest.raises(NotEnough):
        calibration([0, 1], [0.5, 0.5])
