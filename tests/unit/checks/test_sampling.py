import numpy as np
import polars as pl

from tidemill.checks.sampling import sample_rows

ROWS = 200_000
FRAME = pl.DataFrame({"x": np.arange(ROWS), "hour": np.arange(ROWS) % 24})


def test_a_small_table_is_taken_whole():
    assert sample_rows(FRAME.head(50), ["x"], 50)["x"].to_list() == list(range(50))


def test_a_sample_is_the_same_every_time_and_as_large_as_asked():
    one, again = (sample_rows(frame, ["x", "hour"], 10_000) for frame in (FRAME, FRAME.lazy()))

    assert one.equals(again)
    assert abs(one.height - 10_000) < 500


def test_a_sample_meets_no_period_and_no_part_of_the_table():
    sample = sample_rows(FRAME, ["x", "hour"], 20_000, number="row")

    hours = np.bincount(sample["hour"].to_numpy())
    parts = np.bincount(sample["x"].to_numpy() // (ROWS // 20))
    assert hours.min() > 0.85 * hours.mean()
    assert hours.max() < 1.15 * hours.mean()
    assert parts.min() > 0.85 * parts.mean()
    assert (sample["row"] == sample["x"] + 1).all()
