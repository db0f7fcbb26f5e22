from contextlib import suppress
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.errors import InvalidExpression
from tidemill.checks.quality.expression.parse import parse_expression
from tidemill.checks.quality.expression.tokens import WORDS
from tidemill.checks.quality.expression.translate import translate
from tidemill.checks.quality.expression.tree import columns_of

ROWS = pl.DataFrame(
    {
        "a": [1, 2, None, 4],
        "b": [1.0, 3.0, 2.0, float("nan")],
        "t": ["x", "yy", None, "z"],
        "d": [date(2013, 1, 1)] * 4,
        "m": [datetime(2013, 1, 1, 5)] * 4,  # noqa: DTZ001
        "z": pl.Series([datetime(2013, 1, 1, 5)] * 4).dt.replace_time_zone("America/New_York"),  # noqa: DTZ001
        "u": pl.Series([1, 2, 3, 4], dtype=pl.UInt8),
        "k": [True, False, None, True],
        "s": [timedelta(hours=1)] * 4,
        "l": [[1]] * 4,
        "dep delay": [5, -1, 0, None],
        "n": [None] * 4,
    }
)
YES, NO, OPEN = True, False, None


def answers(text, frame=ROWS):
    condition = translate(parse_expression(text), text, frame.schema)
    return frame.lazy().with_columns(condition.alias("x")).collect(engine="streaming")["x"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a >= b", [YES, NO, OPEN, OPEN]),
        ("a <= b and not k", [NO, YES, OPEN, NO]),
        ("a > 1 or k", [YES, YES, OPEN, YES]),
        ("t in ('x', 'yy')", [YES, YES, OPEN, NO]),
        ("t not in ('x')", [NO, YES, OPEN, YES]),
        ("a is missing", [NO, NO, YES, NO]),
        ("b is not null", [YES, YES, YES, NO]),
        ("a between 1 and 3", [YES, YES, OPEN, NO]),
        ("a not between 1 and 3", [NO, NO, OPEN, YES]),
        ("t matches '[a-z]'", [YES, NO, OPEN, YES]),
        ("m - d < 6h", [YES] * 4),
        ("d + 1d > m", [YES] * 4),
        ("s = 60m", [YES] * 4),
        ("d >= '2013-01-02'", [NO] * 4),
        ("m = '2013-01-01T06:00+01:00'", [YES] * 4),
        ("z = '2013-01-01T10:00'", [YES] * 4),
        ("date(m) == d", [YES] * 4),
        ("year(m) = 2013 and hour(m) = 5 and weekday(m) = 2", [YES] * 4),
        ("u - a >= 0", [YES, YES, OPEN, YES]),
        ("u - 4 <= 0", [YES] * 4),
        ("-a < 0", [YES, YES, OPEN, YES]),
        ("a % 2 = 1", [YES, NO, OPEN, NO]),
        ("a / 0 > 1", [OPEN] * 4),
        ("1 + 2 * 3 = 7 and (1 + 2) * 3 = 9", [YES] * 4),
        ("least(a, b) <= a", [YES, YES, OPEN, YES]),
        ("coalesce(b, 0) < 9", [YES] * 4),
        ("if(k, a > 1, true)", [NO, YES, YES, YES]),
        ("length(t) = 1", [YES, NO, OPEN, YES]),
        ("concat(t, '!') = 'x!'", [YES, NO, OPEN, NO]),
        ("`dep delay` >= 0", [YES, NO, YES, OPEN]),
        ("n > 1", [OPEN] * 4),
        ("a = null", [OPEN] * 4),
        ("length(n) < 3 or n matches 'x'", [OPEN] * 4),
        ("coalesce(n, t) = 'x'", [YES, NO, OPEN, NO]),
        ("least(n, a) < 3 and year(n) = 1", [OPEN, OPEN, OPEN, NO]),
        ("abs(`dep delay`) <= 1", [NO, YES, YES, OPEN]),
        ("starts_with(upper(t), 'Y') <> false", [NO, YES, OPEN, NO]),
    ],
)
def test_what_an_expression_says_of_rows(text, expected):
    assert answers(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a >", 4, "missing before the end"),
        ("(a > 1", 7, "')'"),
        ("a >= t", 6, "text"),
        ("bb >= 1", 1, "no column 'bb'"),
        ("a = b = c", 7, "in a row"),
        ("t = 'x", 5, "not closed"),
        ("1x > a", 1, "runs into"),
        ("foo(a) > 1", 1, "no function 'foo'"),
        ("abs(a, b) > 1", 1, "takes 1"),
        ("a + t > 1", 3, "does not fit"),
        ("a", 1, "gives a number"),
        ("__import__('os')", 1, "no function"),
        ("a; drop", 2, "belongs to no"),
        ("m > 'soon'", 5, "no moment"),
        ("a in (b)", 7, "A list holds"),
        ("t matches '('", 11, "cannot be read"),
        ("t matches t", 11, "pattern"),
        ("k < k", 3, "does not fit"),
        ("a is 5", 6, "`is`"),
        ("l = 1", 1, "list"),
        ("m + 900000000d > m", 5, "too long"),
        ("m + 99999999999999d > m", 5, "too long"),
        ("a > 1 b", 7, "Nothing can follow"),
        ("a.b > 1", 2, "belongs to no"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text, position, words):
    with pytest.raises(InvalidExpression) as raised:
        answers(text)

    assert raised.value.details["position"] == position
    assert words in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4000 + "a" + ")" * 4000,
        "(" * 900 + "a" + ")" * 900,
        "not " * 1500 + "k",
        "-" * 1500 + "a > 1",
        "abs(" * 900 + "a" + ")" * 900,
        "a" + " + a" * 900 + " > 1",
        " and ".join(["a > 1"] * 1000),
        "(" * 10_000,
    ],
    ids=lambda text: text[:8],
)
def test_what_is_too_long_or_nested_too_deep_is_refused(text):
    with pytest.raises(InvalidExpression):
        answers(text)


def test_the_most_that_is_allowed_is_judged():
    assert answers(" and ".join(["a > 0"] * 400)) == [YES, YES, OPEN, YES]
    assert answers("(" * 45 + "a > 0" + ")" * 45) == [YES, YES, OPEN, YES]


def test_columns_are_named_once_in_order():
    assert columns_of(parse_expression("b > a and a < c and `is` = 1")) == ("b", "a", "c", "is")


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text):
    with suppress(InvalidExpression):
        answers(text)


WORD = st.sampled_from(
    ["a", "b", "t", "m", "k", "s", "1", "'x'", "2h", "(", ")", ",", "+", "-", "<=", "=", *sorted(WORDS)]
)


@given(st.lists(WORD, min_size=1, max_size=14))
def test_any_row_of_words_is_an_expression_or_refused(words):
    with suppress(InvalidExpression):
        answers(" ".join(words))
