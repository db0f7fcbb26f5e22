"""Dates and moments in JSON hold for every row, whatever the first rows say."""

import json
from collections.abc import Callable

import polars as pl
import pytest

from tidemill.core.access import OWNER
from tidemill.data.service import DataService
from tidemill.data.sources import json_file

FIRST: dict[str, object] = {"day": "2013-01-31", "at": "2013-01-31T10:00:00Z", "word": "x", "late": None}
LATER: dict[str, tuple[dict[str, object], dict[str, pl.DataType]]] = {
    "as the first": (FIRST, {"day": pl.Date(), "at": pl.Datetime("us", "UTC")}),
    "a word among days": (FIRST | {"day": "soon"}, {"day": pl.String()}),
    "parts of a second": (FIRST | {"at": "2013-01-31T10:00:00.5Z"}, {"at": pl.Datetime("us", "UTC")}),
    "another zone": (FIRST | {"at": "2013-01-31T10:00:00+02:00"}, {"at": pl.Datetime("us", "UTC")}),
    "a day among words": (FIRST | {"word": "2013-01-31"}, {"word": pl.String()}),
    "days that come late": (FIRST | {"late": "2013-01-31"}, {"late": pl.Date()}),
    "words that come late": (FIRST | {"late": "x"}, {"late": pl.String()}),
    "numbers that come late": (FIRST | {"late": 1.5}, {"late": pl.Float64()}),
    "numbers among words": (FIRST | {"word": 1}, {"word": pl.String()}),
    "another column": (FIRST | {"more": 1}, {"more": pl.Int64(), "day": pl.Date()}),
}


@pytest.mark.parametrize("case", LATER)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_the_first_rows_say_is_proved(
    ingest: Callable[..., object], data: DataService, monkeypatch: pytest.MonkeyPatch, case: str, *, at_once: bool
) -> None:
    row, types = LATER[case]
    monkeypatch.setattr(json_file, "_HEAD", 5)
    if not at_once:
        monkeypatch.setattr(json_file, "_at_once", lambda *_: None)
    rows = [*[FIRST] * 20, row, *[FIRST] * 5]
    ingest("".join(json.dumps(each) + "\n" for each in rows), file="t.jsonl")
    found = data.read(OWNER, "table")
    assert {column: found.schema[column] for column in types} == types
    assert found.height == 26
    assert found["day"].null_count() == 0
