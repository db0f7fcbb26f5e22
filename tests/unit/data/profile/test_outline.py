"""Of a stored profile only what somebody looks at is read."""

import json

import polars as pl
import pytest

from tidemill.data.errors import UnknownColumn
from tidemill.data.profile.build import decode_profile, encode_profile, profile_frame
from tidemill.data.profile.outline import Outline


@pytest.fixture
def stored() -> bytes:
    frame = pl.DataFrame({"a": [1, 2, None], "b": ["x", "y", "y"], "when": [1.5, 2.5, 4.0]})
    return encode_profile(profile_frame(frame))


def test_the_outline_says_what_columns_are_found_and_ordered_by(stored):
    outline = Outline(stored)

    brief = [(each.name, each.type, each.rows, each.nulls, each.distinct) for each in outline.columns]
    assert brief == [("a", "int64", 3, 1, 2), ("b", "text", 3, 0, 2), ("when", "float64", 3, 0, 3)]
    assert outline.relations == decode_profile(stored).relations


def test_a_part_holds_the_columns_in_the_order_asked_for(stored):
    whole = decode_profile(stored)

    assert Outline(stored).part(["when", "a"]).columns == (whole.columns[2], whole.columns[0])
    assert Outline(stored).part() == whole


def test_columns_that_nobody_asks_for_are_not_read(stored):
    told = json.loads(stored)
    told["columns"][1]["top"] = "no list"
    outline = Outline(json.dumps(told).encode())

    assert outline.part(["a"]).columns[0].name == "a"
    with pytest.raises(ValueError, match="top"):
        outline.part(["b"])


def test_an_unknown_column_is_told_with_the_nearest(stored):
    with pytest.raises(UnknownColumn, match="wen_") as told:
        Outline(stored).part(["wen_"])
    assert "'when'" in told.value.hint
