"""Relations of large tables stand on an eighth of the rows, from all over the table."""

from itertools import pairwise

import numpy as np
import polars as pl

from tidemill.data.profile.build import profile_batches, profile_frame
from tidemill.data.profile.relations import relations_of


def table(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    first = rng.normal(size=rows)
    # The second half goes the other way: who looked at the beginning only would say 1.
    second = np.where(np.arange(rows) < rows // 2, first, -first)
    return pl.DataFrame({"a": first, "b": second, **{f"n{i}": rng.normal(size=rows) for i in range(4)}})


def test_a_relation_of_a_large_table_is_that_of_rows_from_all_over_it():
    frame = table(400_000)

    found = profile_frame(frame)

    [pair] = [each for each in relations_of(found.relations) if {each.first, each.second} == {"a", "b"}]
    assert abs(pair.value) < 0.1
    assert 40_000 < pair.rows < 60_000
    assert found.rows == 400_000
    assert found.columns[0].rows == 400_000


def test_small_tables_are_looked_at_whole():
    frame = table(20_000)

    found = profile_batches(frame.slice(at, 5000) for at in range(0, 20_000, 5000))

    assert {each.rows for each in relations_of(found.relations)} == {20_000}


def test_all_batches_of_a_large_table_are_looked_at_alike():
    frame = table(400_000)
    ends = [0, 300_000, 340_000, 380_000, 400_000]

    found = profile_batches(frame[start:end] for start, end in pairwise(ends))

    assert all(40_000 < each.rows < 60_000 for each in relations_of(found.relations))
