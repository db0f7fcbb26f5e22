from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data.profile.records import Gap
from tidemill.data.profile.timeline import MOST_PERIODS, gaps, merge_timelines, timeline_of

moments = st.lists(st.floats(-1e10, 1e10) | st.integers(0, 86400 * 400).map(float), min_size=1, max_size=30)


@given(st.lists(moments, min_size=1, max_size=5), st.randoms())
def test_merged_timelines_are_the_timeline_of_all_rows(lots: list[list[float]], random: Random) -> None:
    whole = timeline_of(np.concatenate(lots))
    parts = [timeline_of(np.array(lot)) for lot in lots]
    random.shuffle(parts)
    known = [part for part in parts if part is not None]
    while len(known) > 1:
        at = random.randrange(len(known) - 1)
        known[at : at + 2] = [merge_timelines(known[at : at + 2])]
    assert known[0] == whole
    assert len(known[0].counts) <= MOST_PERIODS
    assert sum(known[0].counts) == sum(map(len, lots))


def test_gaps_are_periods_without_rows_longest_first() -> None:
    days = np.array([0, 1, 2, 5, 6, 20, 21]) * 86_400.0
    found = timeline_of(days, np.array([1, 2, 3, 4, 5, 6, 7]), least_s=86_400)
    assert found is not None
    assert (found.step_s, sum(found.counts)) == (86_400, 28)
    assert gaps(found) == [Gap(start_s=7 * 86_400, end_s=20 * 86_400), Gap(start_s=3 * 86_400, end_s=5 * 86_400)]
    assert timeline_of(np.array([])) is None


def test_moments_of_any_age_have_periods() -> None:
    found = timeline_of(np.array([-6.2e10, 2.5e11, 9.2e12]))
    assert found is not None
    assert sum(found.counts) == 3
