"""A plan that cannot be carried out is refused."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.cli.endpoints import deploy
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.rules import ON_TIMEOUT, WATCHABLE, InvalidPlan, check_plan, parse_share
from tidemill.projects.spec import RolloutSpec

PLANS = st.builds(
    RolloutPlan,
    shares=st.lists(st.floats(allow_nan=True) | st.sampled_from([0.01, 0.1, 0.5, 1.0]), max_size=4),
    watch=st.lists(st.sampled_from([*WATCHABLE, "latency_p95", "roc_auc"]), max_size=3),
    false_rollback=st.floats() | st.just(0.05),
    on_timeout=st.sampled_from([*ON_TIMEOUT, "pray"]),
    min_requests=st.integers(-1, 10),
)


@given(PLANS)
def test_a_checked_plan_can_be_carried_out(plan):
    try:
        found = check_plan(plan)
    except InvalidPlan:
        return
    assert all(0 < share < 1 for share in found.shares)
    assert sorted(set(found.shares)) == found.shares
    assert 0 < found.false_rollback < 1
    assert sum(word.startswith("latency") for word in found.watch) <= 1
    assert check_plan(found) == found


@pytest.mark.parametrize(
    "change",
    [
        {"shares": [0.5, 0.1]},
        {"shares": [0.1, 0.1]},
        {"shares": [0.0]},
        {"shares": [math.nan]},
        {"shares": [1.5]},
        {"shares": [at / 100 for at in range(1, 40)]},
        {"watch": ["eror_rate"]},
        {"watch": ["error_rate", "error_rate"]},
        {"false_rollback": 0.0},
        {"false_rollback": math.nan},
        {"on_timeout": "hope"},
        {"min_requests": 0},
        {"interval_s": 0.0},
        {"stage_timeout_s": math.inf},
        {"slow_ms": -1.0},
        {"slow_factor": 0.9},
        {"slow_factor": math.nan},
        {"slow_factor": math.inf},
        {"watch": ["latency_p10"]},
        {"watch": ["latency_p999"]},
        {"watch": ["latency", "latency_p99"]},
        {"watch": ["latency_p95", "error_rate", "latency_p99"]},
    ],
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(InvalidPlan) as caught:
        check_plan(msgspec.structs.replace(RolloutPlan(shares=[0.1]), **change))
    assert caught.value.code == "invalid_plan"
    assert caught.value.hint


def test_a_last_share_of_all_is_the_promotion():
    assert check_plan(RolloutPlan(shares=[0.1, 1.0])).shares == [0.1]
    assert check_plan(RolloutPlan(shares=[1.0])).shares == []


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0.5", 0.5), (" 1 % ", 0.01), (0.25, 0.25), (1, 1.0)])
def test_shares_are_read_as_people_write_them(text, share):
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["ten", "%", "", "0%", "101%", "-5%", "nan", "inf%", 0, 2])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(InvalidPlan):
        parse_share(text)


def test_time_alone_promotes_nothing_unless_a_plan_says_so():
    assert RolloutPlan().on_timeout == "wait"
    assert RolloutSpec().on_timeout == RolloutPlan().on_timeout
    (option,) = [each for each in deploy.params if each.name == "on_timeout"]
    assert option.default == RolloutPlan().on_timeout
