"""What is known of a deployment's latencies: counts over bins, newest windows first."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tidemill.delivery.ports import Latencies
from tidemill.monitoring.latency import count_latencies, quantile
from tidemill.monitoring.service import observing

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_quantile_of_counts_is_that_of_the_values_to_8_percent(share):
    values = np.random.default_rng(3).lognormal(2, 1, 20_000)
    assert quantile(count_latencies(values), share) == pytest.approx(np.quantile(values, share), rel=0.09)


def test_nothing_has_no_quantile():
    assert quantile([], 0.99) is None
    assert quantile([0, 0], 0.99) is None


def past(house, deployment="d1", share=0.99):
    return house.monitoring.latencies(endpoint="delay", deployment=deployment, share=share)


def test_latencies_are_those_of_one_deployment_over_its_windows(house, days):
    for at in range(3):  # three days, of which the last is slower
        house.answer(days(1, rows=100, start=MARCH + timedelta(days=at)), ms=40.0 if at == 2 else 10.0)
    house.answer(days(1, rows=500, start=MARCH), deployment="d2", ms=900.0)
    assert past(house) == Latencies()  # nothing was counted yet
    house.tick()
    assert past(house).rows == 300
    assert past(house).quantile_ms == pytest.approx(40.0, rel=0.08)
    assert past(house, share=0.5).quantile_ms == pytest.approx(10.0, rel=0.08)
    assert past(house, "d2").quantile_ms == pytest.approx(900.0, rel=0.08)
    assert past(house, "d3") == Latencies()


def test_latencies_are_the_newest_ones(house, days, monkeypatch):
    monkeypatch.setattr(observing, "_RECENT_ROWS", 150)
    for at, ms in enumerate([900.0, 20.0, 10.0]):
        house.answer(days(1, rows=100, start=MARCH + timedelta(days=at)), ms=ms)
    house.tick()
    assert past(house).rows == 200
    assert past(house).quantile_ms == pytest.approx(20.0, rel=0.08)
