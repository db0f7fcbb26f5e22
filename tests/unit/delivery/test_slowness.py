"""The limit of slow requests is that of what stands, times an allowance, when enough is known of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.delivery.ports import Latencies
from tidemill.delivery.records import RolloutPlan
from tidemill.delivery.rules import latency_share
from tidemill.delivery.slowness import limit_of, needed_rows, relative_word


@pytest.mark.parametrize(
    ("word", "share"), [("latency_p99", 0.99), ("latency_p50", 0.5), ("latency", None), ("x", None)]
)
def test_a_word_says_which_share_it_means(word: str, share: float | None) -> None:
    assert latency_share(word) == share
    assert relative_word(RolloutPlan(watch=["error_rate", word])) == (word if share else None)


@pytest.mark.parametrize(("share", "rows"), [(0.99, 1000), (0.95, 200), (0.9, 100), (0.5, 20)])
def test_rarer_answers_take_more_rows(share: float, rows: int) -> None:
    assert needed_rows(share) == rows


@given(rows=st.integers(0, 5000), past=st.floats(0.01, 1e5), factor=st.floats(1, 10), slow_ms=st.floats(1, 1e4))
def test_the_limit_is_one_of_two_and_says_which(rows: int, past: float, factor: float, slow_ms: float) -> None:
    plan = RolloutPlan(watch=["latency_p99"], slow_factor=factor, slow_ms=slow_ms)
    found = limit_of(plan, "latency_p99", Latencies(rows=rows, quantile_ms=past if rows else None))
    assert found.slow_ms == (past * factor if rows >= 1000 else slow_ms)
    assert found.facts["from"] == ("history" if rows >= 1000 else "plan")
    assert found.facts["slow_ms"] == found.slow_ms
