from datetime import UTC, datetime

import numpy as np
import pytest

from tidemill.core.moments import from_ms, to_ms
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.verdicts import judge
from tidemill.monitoring.service.observing import loss

SINCE = to_ms(datetime(2026, 3, 1, tzinfo=UTC))


def look(house, watch=("error_rate",), since=SINCE, slow_ms=100.0):
    return house.monitoring.observe(
        endpoint="delay", stable="d1", canary="d2", since_ms=since, watch=list(watch), slow_ms=slow_ms
    )


def ask(house, deployment="d1", *, scores=(0.5,), at=SINCE + 1000, **more):
    columns = {"x": [1.0] * len(scores)}
    frame = house.frame(columns, {"probability": list(scores)}, deployment=deployment, at=from_ms(at), **more)
    house.write(frame)
    return frame["ids"]


def fail(house, deployment, status):
    house.write({"t": SINCE + 1000, "endpoint": "delay", "deployment": deployment, "model": "delay", "version": 1,
                 "status": status, "code": "x", "ms": 1.0})  # fmt: skip


def counts(stats):
    return (stats.requests, stats.errors, stats.slow)


def test_requests_errors_and_slow_ones_are_counted_by_deployment(house):
    ask(house, scores=(0.1, 0.2, 0.3))
    ask(house, "d2", ms=250.0)
    ask(house, "d3")
    ask(house, at=SINCE - 5)
    ask(house, endpoint="other")
    fail(house, "d2", 503)
    fail(house, "", 422)
    found = look(house)
    assert (counts(found.stable), counts(found.canary)) == ((1, 0, 0), (2, 1, 1))


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_a_deployment_refuses_is_its_error_and_what_the_endpoint_refuses_is_nobodys(house, is_sealed):
    for deployment, times in (("d1", 3), ("d2", 1), ("", 40)):
        for _ in range(times):
            fail(house, deployment, 422)
    ask(house)
    if is_sealed:
        house.writer.close()
        house.tick()
    found = look(house)
    assert (counts(found.stable), counts(found.canary)) == ((4, 3, 0), (1, 1, 0))


@pytest.mark.parametrize(
    ("refused", "goes_back"), [({"": 300}, False), ({"d1": 225, "d2": 75}, False), ({"d2": 75}, True)]
)
def test_a_canary_goes_back_only_for_rows_that_it_alone_refuses(house, refused, goes_back):
    for deployment, answered in (("d1", 900), ("d2", 300)):
        ask(house, deployment, scores=[0.5] * answered, requests=answered)
    for deployment, times in refused.items():
        for _ in range(times):
            fail(house, deployment, 422)
    verdict = judge(RolloutPlan(shares=[0.25], watch=["error_rate"], min_requests=200), [look(house)], late=False)
    assert verdict is not None
    assert verdict.promote is not goes_back


def test_a_micro_batch_counts_each_of_its_requests(house):
    ask(house, scores=(0.1, 0.2, 0.3), requests=3, ms=500.0)
    assert counts(look(house).stable) == (3, 0, 3)


def test_each_look_adds_what_is_new_wherever_it_is_by_then(house):
    total = 0
    for step in range(12):
        for _ in range(step + 1):
            ask(house)
            ask(house, "d2")
            total += 1
        if step % 3 == 0:
            house.tick()
        if step % 4 == 1:
            house.writer.close()
        if step % 4 == 3:
            house.tick()
        found = look(house)
        assert (found.stable.requests, found.canary.requests) == (total, total)
    assert look(house, slow_ms=50.0) == look(house)  # a fresh observation, from the start
    assert look(house, since=SINCE - 1).stable.requests == total


def test_what_was_sealed_before_it_was_read_is_counted_from_its_segments(house):
    ask(house)
    assert look(house).stable.requests == 1
    ask(house)
    house.writer.close()
    house.tick()
    ask(house)
    house.tick()
    assert look(house).stable.requests == 3


@pytest.mark.parametrize("is_sealed", [False, True])
def test_losses_of_requests_with_known_truths_are_told(house, is_sealed):
    one = ask(house, scores=(0.9, 0.5))
    two = ask(house, "d2", scores=(0.2,))
    other = ask(house, "d2", scores=(0.3,))
    if is_sealed:
        house.writer.close()
        house.tick()
    assert look(house, ["brier"]).stable.scores == {}
    house.tell([*one, *two, "unknown"], [True, False, True, True])
    found = look(house, ["brier", "error_rate"])
    count, total, squares = found.stable.scores["brier"]
    assert (count, total) == (1, pytest.approx((0.01 + 0.25) / 2))
    assert squares == pytest.approx(0.13**2)
    assert found.canary.scores["brier"][:2] == (1, pytest.approx(0.64))
    house.tell(other, [False])
    assert look(house, ["brier", "error_rate"]).canary.scores["brier"][0] == 2


def test_truths_in_large_lots_count_too(house):
    ids = [one for _ in range(1200) for one in ask(house)]
    house.tell(ids, [True] * 1200)
    count, total, _ = look(house, ["accuracy"]).stable.scores["accuracy"]
    assert (count, total) == (1200, 0.0)


@pytest.mark.parametrize("name", ["log_loss", "brier", "accuracy", "absolute_error"])
def test_a_loss_is_between_0_and_1_and_smaller_for_better(name):
    truth = np.array([1.0, 1.0, 1.0, 0.0])
    score = np.array([1.0, 0.6, 0.0, 1.0])
    found = loss(name, truth, score, 1.0)
    assert found[0] == pytest.approx(0, abs=1e-3)
    assert found[0] <= found[1] <= found[2] == found[3] == pytest.approx(1.0)
