"""What the checks of texts find, and what they leave alone."""

import math
from datetime import timedelta

import polars as pl
import pytest

from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.mixed_nulls import MixedNulls
from tidemill.checks.integrity.mixed_types import MixedTypes
from tidemill.checks.integrity.single_value import SingleValue
from tidemill.checks.integrity.special_characters import SpecialCharacters
from tidemill.checks.integrity.string_mismatch import StringMismatch
from tidemill.checks.integrity.text_lengths import TextLengths
from tidemill.checks.outcome import Verdict

CITIES = ["New York", "Los Angeles", "Zürich", "東京"] * 25


def run(check, values, **more):
    return check.run(Inputs(current=pl.DataFrame({"city": values, **more})))


@pytest.mark.parametrize(
    ("check", "bad", "rows"),
    [
        (SpecialCharacters(), ["?!", "--", "@@@"], 3),
        (SpecialCharacters(), ["ZÃ¼rich"], 1),
        (SpecialCharacters(), ["a\x00b", "a\ufffdb"], 2),
        (MixedTypes(), ["12", "3.5"], 2),
        (StringMismatch(), ["new york", "NEW-YORK", "\uff4e\uff45\uff57 york"], 3),
        (TextLengths(), ["x" * 500], 1),
    ],
    ids=str,
)
def test_bad_texts_are_counted_and_shown(check, bad, rows):
    clean, found = run(check, CITIES), run(check, CITIES + bad)

    assert clean.verdict is Verdict.PASS
    assert clean.value == 0
    assert found.verdict in (Verdict.WARN, Verdict.FAIL)
    assert found.value == pytest.approx(rows / (100 + len(bad)))
    assert found.table.rows[0][0] == "city"
    assert found.table.rows[0][4]


def test_codes_of_both_kinds_are_no_mixture():
    assert run(MixedTypes(), ["12", "AB"] * 50).verdict is Verdict.PASS
    assert run(MixedTypes(), [str(each) for each in range(100)]).verdict is Verdict.PASS


def test_words_among_numbers_are_a_mixture():
    outcome = run(MixedTypes(), [str(each) for each in range(99)] + ["ninety-nine"])

    assert outcome.verdict is Verdict.FAIL
    assert "words in 1 of 100 rows, such as 'ninety-nine'" in outcome.reason


def test_missing_values_in_two_ways_are_told_with_their_rows():
    outcome = run(MixedNulls(), ["a", None, "NA", "n/a", "", "b"], x=[1.0, math.nan, None, 2.0, 3.0, 4.0])

    assert outcome.verdict is Verdict.WARN
    assert outcome.value == 4
    assert {row[:2] for row in outcome.table.rows} >= {("city", "'NA'"), ("city", "null"), ("x", "NaN"), ("x", "null")}
    assert run(MixedNulls(), ["a", None, None]).verdict is Verdict.PASS


def test_a_column_with_one_value_is_found_and_one_that_says_by_missing_is_not():
    frame = pl.DataFrame({"one": [1, 1, 1], "none": [None, None, None], "maybe": ["x", None, "x"], "two": [1, 2, 1]})

    outcome = SingleValue().run(Inputs(current=frame))

    assert [row[:2] for row in outcome.table.rows] == [("one", "1"), ("none", None)]


def test_bytes_and_durations_may_be_single_values_too():
    frame = pl.DataFrame({"b": [b"\xff"] * 2, "d": [timedelta(1)] * 2, "two": [b"a", b"\xff"]})

    outcome = SingleValue().run(Inputs(current=frame))

    assert [row[0] for row in outcome.table.rows] == ["b", "d"]


def test_severity_says_whether_a_finding_fails_or_warns():
    assert run(SpecialCharacters(severity="fail"), [*CITIES, "?!"]).verdict is Verdict.FAIL
    assert run(MixedTypes(severity="warn"), [*CITIES, "12"]).verdict is Verdict.WARN


def test_texts_of_one_length_may_vary_a_little():
    assert run(TextLengths(), ["AB"] * 500 + ["ABCD"]).verdict is Verdict.PASS
    assert run(TextLengths(), ["AB"] * 500 + ["ABCDEFGHI"]).verdict is Verdict.WARN


def test_values_are_counted_once_for_all_checks():
    inputs = Inputs(current=pl.DataFrame({"city": CITIES}))
    for check in (SpecialCharacters(), MixedTypes(), StringMismatch(), TextLengths()):
        check.run(inputs)

    assert list(inputs.memo) == [("values", "current", "city")]
