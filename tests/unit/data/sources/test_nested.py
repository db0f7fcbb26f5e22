import datetime as dt
import json
from decimal import Decimal

import polars as pl
import pytest

from tidemill.data.errors import UnsupportedSource
from tidemill.data.sources.nested import flat_batches


def flattened(frame):
    (found,) = flat_batches([frame], "t")
    return found


def test_lists_and_records_become_json_and_missing_ones_stay_missing():
    found = flattened(
        pl.DataFrame(
            {
                "list": [[1, None], [], None],
                "texts": [['é"}', "{"], [None], None],
                "record": [{"a": Decimal("1.50"), "b": [dt.date(2013, 1, 1)]}, {"a": None, "b": None}, None],
                "array": pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int64, 2)),
            }
        )
    )

    assert [found[name].dtype for name in found.columns] == [pl.String] * 4
    loaded = [[json.loads(value) if value else None for value in row] for row in found.rows()]
    assert loaded == [
        [[1, None], ['é"}', "{"], {"a": "1.50", "b": ["2013-01-01"]}, [1, 2]],
        [[], [None], {"a": None, "b": None}, [3, 4]],
        [None, None, None, None],
    ]


def test_whole_decimals_are_integers_and_durations_seconds():
    frame = pl.DataFrame({"whole": [Decimal(5)], "part": [Decimal("5.5")], "long": [dt.timedelta(seconds=1.5)]})

    found = flattened(frame)

    assert found.rows() == [(5, Decimal("5.5"), 1.5)]
    assert found["whole"].dtype == pl.Int64


def test_a_type_of_the_driver_is_what_it_is_made_of():
    pa = pytest.importorskip("pyarrow")
    field = pa.field("at", pa.timestamp("us"), metadata={"ARROW:extension:name": "google:sqlType:datetime"})
    batch = pa.record_batch([pa.array([0], pa.timestamp("us"))], schema=pa.schema([field]))

    assert flattened(pl.DataFrame(batch)).rows() == [(dt.datetime(1970, 1, 1),)]  # noqa: DTZ001 - it has no zone


@pytest.mark.parametrize("value", [[b"x"], {"a": b"x"}, {"a": [{"b": b"x"}]}])
def test_bytes_inside_of_something_are_refused(value):
    with pytest.raises(UnsupportedSource, match="'x' of 't'"):
        flattened(pl.DataFrame({"x": [value]}))


def test_a_plain_frame_is_left_alone():
    frame = pl.DataFrame({"a": [1], "b": ["x"], "c": [b"x"], "d": [1.5]})

    assert flattened(frame) is frame
