from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.data import errors
from tidemill.data.split import Cut, hold_out, split_by_time

DAYS = pl.DataFrame({"at": [datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(90)], "row": range(90)})


def test_cuts_give_stretches_that_hold_every_row_once() -> None:
    january, february, march = split_by_time(DAYS, "at", at=[date(2013, 2, 1), datetime(2013, 3, 1, tzinfo=UTC)])
    assert [january.height, february.height, march.height] == [31, 28, 31]
    assert pl.concat([january, february, march]).equals(DAYS)


def test_what_has_no_order_is_not_cut() -> None:
    frame = pl.DataFrame({"at": [[1], [2]]})
    for how in ({"at": [1]}, {"shares": (0.5, 0.5)}):
        with pytest.raises(errors.InvalidOption, match="no order"):
            split_by_time(frame, "at", **how)


def test_cuts_fit_dates_naive_moments_and_numbers() -> None:
    frame = DAYS.with_columns(day=pl.col("at").dt.date(), naive=pl.col("at").dt.replace_time_zone(None))
    cuts: dict[str, Cut] = {"day": datetime(2013, 2, 1, tzinfo=UTC), "naive": date(2013, 2, 1), "row": 31}
    for column, cut in cuts.items():
        assert [part.height for part in split_by_time(frame, column, at=[cut])] == [31, 59]


@given(
    times=st.lists(st.integers(0, 30), max_size=60),
    shares=st.sampled_from([(0.7, 0.3), (0.5, 0.25, 0.25), (0.1, 0.9), (0.2, 0.2, 0.2, 0.4)]),
)
def test_shares_keep_rows_of_one_moment_together_and_lose_none(times: list[int], shares: tuple[float, ...]) -> None:
    frame = pl.DataFrame({"at": pl.Series(times, dtype=pl.Int64), "row": range(len(times))})
    parts = split_by_time(frame, "at", shares=shares)
    assert len(parts) == len(shares)
    assert sorted(row for part in parts for row in part["row"]) == list(range(len(times)))
    seen: set[int] = set()
    for part in parts:
        assert not seen & set(part["at"])
        assert all(new > old for new in part["at"] for old in seen)
        seen |= set(part["at"])


def test_what_cannot_be_split_is_refused() -> None:
    for options in ({}, {"at": [1], "shares": [0.5, 0.5]}, {"at": [5, 5]}, {"shares": [0.5, 0.6]}, {"shares": [1, 0]}):
        with pytest.raises(errors.InvalidOption):
            split_by_time(DAYS, "row", **options)
    with pytest.raises(errors.InvalidOption):
        split_by_time(pl.DataFrame({"at": [1, None]}), "at", at=[1])
    with pytest.raises(errors.UnknownColumn):
        split_by_time(DAYS, "att", at=[1])


@given(rows=st.integers(0, 50), share=st.floats(0.01, 0.99), seed=st.integers(0, 5))
def test_a_hold_out_takes_its_share_and_is_the_same_again(rows: int, share: float, seed: int) -> None:
    frame = pl.DataFrame({"row": pl.Series(range(rows), dtype=pl.Int64)})
    rest, held = hold_out(frame, share=share, seed=seed)
    assert held.height == round(share * rows)
    assert sorted([*rest["row"], *held["row"]]) == list(range(rows))
    assert hold_out(frame, share=share, seed=seed)[1].equals(held)


def test_a_share_beyond_all_rows_is_refused() -> None:
    with pytest.raises(errors.InvalidOption):
        hold_out(DAYS, share=1.0)
