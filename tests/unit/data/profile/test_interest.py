"""What a person should look at first."""

import polars as pl

from tidemill.data.profile.build import profile_frame
from tidemill.data.profile.interest import interest


def test_columns_that_say_nothing_or_are_strange_come_first():
    rows = 400
    frame = pl.DataFrame(
        {
            "plain": [float(at % 7) for at in range(rows)],
            "tail": [1.0 + at % 5 for at in range(rows - 2)] + [1e6, 2e6],
            "some nulls": [None if at % 10 == 0 else float(at % 7) for at in range(rows)],
            "many nulls": [None if at % 10 else float(at) for at in range(rows)],
            "not finite": [float("inf"), *(float(at) for at in range(rows - 1))],
            "one value": ["x"] * rows,
            "none": pl.Series([None] * rows, dtype=pl.Float64),
        }
    )
    columns = profile_frame(frame).columns

    ordered = sorted(columns, key=lambda column: -interest(column).score)

    assert [column.name for column in ordered][:4] == ["none", "one value", "not finite", "many nulls"]
    assert {column.name: interest(column).why for column in ordered} == {
        "none": "no values",
        "one value": "one value",
        "not finite": "not finite",
        "many nulls": "nulls",
        "tail": "skewed",
        "some nulls": "nulls",
        "plain": "",
    }
