import math

import numpy as np
import polars as pl
import pytest

from tidemill.checks.errors import InvalidBound, InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.performance.latency import Latency, quantile_interval


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_the_interval_holds_the_true_quantile_as_often_as_it_says(quantile):
    rng = np.random.default_rng(0)
    true = -math.log(1 - quantile)
    hits = 0
    for _ in range(400):
        _, inside = quantile_interval(rng.exponential(size=2000), quantile, confidence=0.9)
        hits += inside.holds(true)

    assert hits / 400 > 0.9 - 3.5 * math.sqrt(0.09 / 400)


def timed(values):
    return Inputs(current=pl.DataFrame(), latencies_ms=tuple(values))


def test_fast_answers_pass_and_slow_ones_fail():
    fast = np.random.default_rng(1).exponential(1, 5000)

    assert Latency(p99_ms="< 6").run(timed(fast)).verdict is Verdict.PASS
    assert Latency(p99_ms="< 3", p50_ms="< 1").run(timed(fast)).verdict is Verdict.FAIL


def test_so_few_requests_that_the_tail_has_no_upper_end_do_not_pass():
    assert Latency(p99_ms="< 100").run(timed([1.0] * 20)).verdict is Verdict.WARN


def test_no_requests_are_inconclusive():
    assert Latency(p99_ms="< 5").run(timed([])).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("params", "error"), [({}, InvalidParam), ({"p99_ms": "> 5"}, InvalidParam), ({"p99_ms": "5"}, InvalidBound)]
)
def test_bounds_without_sense_are_refused(params, error):
    with pytest.raises(error):
        Latency(**params).run(timed([1.0]))
