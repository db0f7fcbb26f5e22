from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.errors import ColumnMissing, InvalidRule
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.language import RULES, parse_rules

NAN = float("nan")
NOW = datetime(2013, 1, 3, tzinfo=UTC)


def bad_rows(values, rule, dtype=None):
    """Return which rows a rule finds bad, counted from 1."""
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    (caught,) = parse_rules({"x": rule}).caught(frame.schema)
    flags = frame.select(caught.bad.alias("bad"))["bad"]
    assert flags.null_count() == 0
    return [index for index, is_bad in enumerate(flags.to_list(), start=1) if is_bad]


@pytest.mark.parametrize(
    ("values", "rule", "bad"),
    [
        ([1, None, 6000, 6001, 0], {"between": [1, 6000]}, [4, 5]),
        ([1.0, NAN, None, float("inf")], {"between": [0, None]}, [2]),
        (["5", "x", None, "7"], {"between": [1, 6]}, [2, 4]),
        ([date(2013, 1, 1), date(2014, 1, 1), None], {"between": ["2013-01-01", "2013-12-31"]}, [2]),
        ([datetime(2013, 12, 31, 23, 59), datetime(2014, 1, 1)], {"between": [None, date(2013, 12, 31)]}, [2]),  # noqa: DTZ001
        (["2013-05-01", "2013-05-01T10:00:00", "soon", "2012-01-01"], {"between": ["2013-01-01", None]}, [3, 4]),
        ([datetime(2013, 12, 31), None], {"between": [None, "9999-12-31"]}, []),  # noqa: DTZ001
        ([datetime(2013, 1, 1, 2)], {"between": ["2013-01-01T05:00+02:00", None]}, [1]),  # noqa: DTZ001
        ([1, 2**62], {"between": [0, 10**20]}, []),
        ([b"UA", b"\xff", None], {"in": ["UA"]}, [2]),
        ([b"UA", b"\xff", b"U"], {"matches": "U"}, [1, 2]),
        ([b"UA", b"\xff", b"U"], {"length": [1, 1]}, [1, 2]),
        ([timedelta(days=1), None], {"matches": "1 day.*"}, []),
        ([timedelta(days=1)], {"type": "boolean"}, [1]),
        ([2**53, 2**53 + 1], {"between": [-(10**20), 2**53]}, [2]),
        ([1, 2, 3], {"between": [1.5, 2.5]}, [1, 3]),
        ([1, None], {"between": [float("inf"), None]}, [1]),
        ([1, 2], {"between": [10**20, None]}, [1, 2]),
        ([2**53, 2**53 + 1], {"in": [2**53 + 1, 1.5, 10**20]}, [1]),
        (["UA", "zz", None], {"in": ["UA", "AA"]}, [2]),
        ([1, 2, 3], {"in": [1, 2]}, [3]),
        ([True, False, None], {"in": [True]}, [2]),
        (["N123A", "123", "N1\nx", None], {"matches": "N[0-9]+[A-Z]*"}, [2, 3]),
        (["ab|", "b"], {"matches": "a|b"}, [1]),
        (["a", "", "abcd", None, "é"], {"length": [1, 3]}, [2, 3]),
        ([1, 2, 2, None, None, 1], {"unique": True}, [3, 6]),
        ([1, 3, 2, None, 3, 4], {"increasing": True}, [3]),
        ([1, 3, 2, None, 3, 4], {"increasing": "strictly"}, [3, 5]),
        ([None, 5, 4], {"increasing": True}, [3]),
        (["1", "2.5", "x", None, "1e3"], {"type": "number"}, [3]),
        (["1", "2.5", "x", None, "inf"], {"type": "integer"}, [2, 3, 5]),
        (["true", "FALSE", "maybe", "1"], {"type": "boolean"}, [3]),
        (["2013-01-01", "soon", None], {"type": "date"}, [2]),
        ([1.0, None, NAN], {"nulls": "never"}, [2, 3]),
        (["NaN", None], {"nulls": False}, [2]),
    ],
)
def test_a_rule_finds_the_rows_that_break_it(values, rule, bad):
    assert bad_rows(values, rule) == bad


COLUMNS = [
    pl.Series([1, None]), pl.Series([1.5, NAN]), pl.Series(["a", None]), pl.Series([True, None]),
    pl.Series([date(2013, 1, 1), None]), pl.Series([datetime(2013, 1, 1), None]),  # noqa: DTZ001
    pl.Series(["a", None], dtype=pl.Categorical), pl.Series([None, None]), pl.Series([], dtype=pl.Int8),
]  # fmt: skip
EVERY_RULE: list[dict[str, object]] = [
    {"nulls": "< 5%"}, {"nulls": "never"}, {"type": "number"}, {"type": "date"}, {"in": ["a"]}, {"in": [1]},
    {"in": [True]},
    {"between": [0, 1]}, {"between": ["2013-01-01", None]}, {"matches": "a"}, {"length": [0, 9]}, {"unique": True},
    {"increasing": True}, {"references": "others.id"}, {"fresh": "2d"}, {"expect": "x is missing or not x is missing"},
]  # fmt: skip


class Others:
    """Another dataset with one value of the column's own type, and no version before."""

    now = NOW
    room = None

    def __init__(self, like):
        self.like = like

    def values(self, dataset, column):
        return self.like.drop_nulls().unique().head(1)

    def before(self):
        return None

    def reference(self, dataset, columns):
        return None


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: f"{column.dtype}[{len(column)}]")
@pytest.mark.parametrize("rule", EVERY_RULE, ids=str)
def test_every_rule_answers_for_every_type_of_column(column, rule):
    frame = column.alias("x").to_frame()
    book = parse_rules({"x": rule})

    around = Others(frame["x"])

    eager, lazy = book.judge(frame, around), book.judge(frame.lazy(), around)

    assert len(eager) == 1
    assert eager == lazy


def test_all_rules_are_tried_above():
    assert {word for rule in EVERY_RULE for word in rule} == set(RULES)


@given(st.lists(st.text(max_size=12)))
def test_no_text_breaks_a_mask(values):
    for rule in ({"between": [0, 1]}, {"between": ["2013-01-01", None]}, {"type": "integer"}, {"matches": ".*"}):
        bad_rows(values, rule, pl.String)


def test_a_share_of_missing_values_is_held_against_its_bound():
    book = parse_rules({"x": {"nulls": "< 50%"}})

    assert book.caught(pl.Schema({"x": pl.Int64()})) == []
    assert book.judge(pl.DataFrame({"x": [1, None, 3]}))[0].verdict is Verdict.PASS
    assert book.judge(pl.DataFrame({"x": [1, None]}))[0].verdict is Verdict.FAIL


def test_a_column_of_another_type_breaks_its_type():
    (outcome,) = parse_rules({"x": {"type": "number"}}).judge(pl.DataFrame({"x": [date(2013, 1, 1)]}))

    assert outcome.verdict is Verdict.FAIL
    assert "is date" in outcome.reason


def test_an_empty_table_breaks_no_rule():
    book = parse_rules({"x": {"nulls": "< 5%", "unique": True, "between": [0, 1]}})

    outcomes = book.judge(pl.DataFrame({"x": pl.Series([], dtype=pl.Float64)}))

    assert {outcome.verdict for outcome in outcomes} == {Verdict.PASS}


def test_a_missing_column_is_an_error_unless_optional():
    with pytest.raises(ColumnMissing) as raised:
        parse_rules({"distence": {"nulls": "never"}}).caught(pl.Schema({"distance": pl.Int64()}))
    assert "distance" in raised.value.hint

    assert parse_rules({"gone": {"nulls": "never", "optional": True}}).judge(pl.DataFrame({"x": [1]})) == []


@pytest.mark.parametrize(
    "rules",
    [
        {"x": 5}, {"x": {"betweenn": [1, 2]}}, {"x": {"between": [2, 1]}}, {"x": {"between": [1]}},
        {"x": {"between": [None, None]}}, {"x": {"between": [1, "2013-01-01"]}}, {"x": {"between": [NAN, 1]}},
        {"x": {"between": ["soon", None]}}, {"x": {"in": []}}, {"x": {"in": ["a", 1]}}, {"x": {"in": "a"}},
        {"x": {"in": [None]}}, {"x": {"matches": "("}}, {"x": {"matches": "(?=a)"}}, {"x": {"matches": "a" * 2000}},
        {"x": {"matches": 5}}, {"x": {"nulls": "> 5%"}}, {"x": {"nulls": "5"}}, {"x": {"nulls": 0.1}},
        {"x": {"unique": "yes"}}, {"x": {"increasing": 1.5}}, {"x": {"length": [3, 1]}}, {"x": {"length": [True, 2]}},
        {"x": {"type": "int"}}, {"x": {"optional": "maybe"}},
        {"x": {"severity": "loud"}}, {"x": {"between": {"is": [1, 2], "severity": "loud"}}},
        {"x": {"references": "ids"}}, {"x": {"between": [0, 10**400]}},
        {"x": {"between": ["0001-01-01T00:00+14:00", None]}}, {"x": {"between": [None, "9999-12-31T23:00-14:00"]}},
        {"x": {"in": [10**400]}}, {"x": {"fresh": "999999d"}},
        {"x": {"between": {"is": [1, 2], "bad": "> 1%"}}}, {"x": {"between": {"is": [1, 2], "severit": "warn"}}},
        {"x": {"nulls": {"is": "never", "bad": "< 1%"}}}, {"x": {"fresh": 2}}, {"x": {"fresh": "0d"}},
        {"x": {"expect": 5}}, {"x": {"expect": "1 < 2"}}, {"x": {"rows": {"change": "< 5%"}}}, {"x": {"drift": {}}},
        {"x": {"matches": "a)|(b"}}, {"x": {"matches": "((a{1000}){1000}){1000}"}},
        {"x": {"references": {"column": "id"}}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_rule_is_refused_naming_column_and_hint(rules):
    with pytest.raises(InvalidRule) as raised:
        parse_rules(rules)

    assert "'x'" in raised.value.message
    assert raised.value.hint
    assert raised.value.where.startswith("rules.x")


def test_an_unknown_rule_names_the_nearest():
    with pytest.raises(InvalidRule) as raised:
        parse_rules({"x": {"betweenn": [1, 2]}})

    assert "'between'" in raised.value.hint


def test_a_pattern_that_would_explode_elsewhere_is_linear_here():
    assert bad_rows(["a" * 5000 + "!"], {"matches": "(a+)+"}) == [1]
