from datetime import date

import polars as pl
import pytest

from tidemill.checks.errors import InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.categories import Categories
from tidemill.checks.quality.duplicates import Duplicates
from tidemill.checks.quality.missing_values import MissingValues
from tidemill.checks.quality.monotone import MonotoneTime
from tidemill.checks.quality.pattern import Pattern
from tidemill.checks.quality.ranges import Ranges
from tidemill.checks.quality.schema import SchemaMatch
from tidemill.checks.quality.unique import UniqueKey

FRAME = pl.DataFrame(
    {
        "id": [1, 2, 2, None],
        "x": [1.0, None, float("nan"), 9.0],
        "c": ["a", "a", "b", "zz"],
        "day": [date(2013, 1, 1), date(2013, 1, 3), date(2013, 1, 2), None],
    }
)


def run(check, frame=FRAME, **more):
    return check.run(Inputs(current=frame, **more))


@pytest.mark.parametrize(
    ("check", "value", "verdict"),
    [
        (MissingValues(columns=("x",)), 0.5, Verdict.FAIL),
        (MissingValues(columns=("x",), at_most=0.5), 0.5, Verdict.PASS),
        (Ranges(columns=("x",), low=0, high=5), 0.5, Verdict.FAIL),
        (Categories(columns=("c",), allowed=("a", "b")), 0.25, Verdict.FAIL),
        (Pattern(columns=("c",), matches="[a-z]"), 0.25, Verdict.FAIL),
        (Duplicates(), 0.0, Verdict.PASS),
        (Duplicates(columns=("c",)), 0.25, Verdict.FAIL),
        (UniqueKey(columns=("id",)), 0.5, Verdict.FAIL),
        (UniqueKey(columns=("c", "x")), 0.25, Verdict.FAIL),
        (MonotoneTime(columns=("day",)), 0.25, Verdict.FAIL),
        (SchemaMatch(types={"id": "number", "c": "text", "day": "time"}), 0.0, Verdict.PASS),
        (SchemaMatch(types={"id": "text", "gone": "text"}), 2.0, Verdict.FAIL),
        (SchemaMatch(types={"id": "integer"}, allow_more=False), 3.0, Verdict.FAIL),
    ],
    ids=str,
)
def test_a_check_counts_every_row(check, value, verdict):
    outcome = run(check)

    assert (outcome.value, outcome.verdict) == (value, verdict)


def test_columns_that_fit_are_found_by_themselves():
    outcome = run(Ranges(low=0, high=5))

    assert [row[0] for row in outcome.table.rows] == ["x"]


def test_the_schema_of_the_reference_is_expected_when_none_is_given():
    changed = FRAME.with_columns(pl.col("c").cast(pl.Categorical), pl.col("id").cast(pl.String))

    outcome = run(SchemaMatch(), changed, reference=FRAME)

    assert outcome.table.rows == (("id", "should be integer and is text"),)


@pytest.mark.parametrize(
    "check",
    [Ranges(), Ranges(low=2, high=1), Categories(), Pattern(), Pattern(matches="("), UniqueKey(), MonotoneTime(),
     SchemaMatch(types={"x": "int"})],
    ids=str,
)  # fmt: skip
def test_params_without_sense_are_refused_with_a_hint(check):
    with pytest.raises(InvalidParam) as raised:
        run(check)

    assert raised.value.hint
