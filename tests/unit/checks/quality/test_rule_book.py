from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.checks.drift.reference import build_reference
from tidemill.checks.errors import ColumnMissing, InputMissing, InvalidExpression, InvalidRule
from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.language import MOST_RULES, parse_rules
from tidemill.checks.quality.surroundings import Before

FLIGHTS = pl.DataFrame(
    {
        "id": [1, 2, 3, 3],
        "carrier": ["UA", "AA", "ZZ", None],
        "out": [datetime(2013, 1, 1, 5), datetime(2013, 1, 1, 6), datetime(2013, 1, 2, 7), None],  # noqa: DTZ001
        "back": [datetime(2013, 1, 1, 7), datetime(2013, 1, 1, 5), datetime(2013, 1, 2, 9), None],  # noqa: DTZ001
        "table": ["x", "x", "y", "y"],
    }
)


class Around:
    def __init__(self, now=datetime(2013, 1, 3, tzinfo=UTC), rows=None, values=(), then=None):
        self.now = now
        self.room = None
        self.rows = rows
        self.known = pl.Series(values)
        self.then = then

    def values(self, dataset, column):
        return self.known

    def before(self):
        return Before("flights@1", self.rows) if self.rows is not None else None

    def reference(self, dataset, columns):
        return build_reference(self.then, columns or None) if self.then is not None else None


def judged(rules, frame=FLIGHTS, **around):
    return parse_rules(rules).judge(frame, Around(**around))


def only(rules, frame=FLIGHTS, **around):
    (finding,) = judged(rules, frame, **around)
    return finding


def test_a_condition_between_columns_names_rows_and_columns():
    found = only({"table": {"expect": "back >= out"}})

    assert (found.verdict, found.bad, found.rows, found.first) == (Verdict.FAIL, 1, 4, (2,))
    assert (found.name, found.columns) == ("expect: back >= out", ("back", "out"))


def test_the_column_under_which_a_condition_stands_is_blamed():
    assert only({"out": {"expect": "back >= out"}}).column == "out"


def test_columns_that_name_a_row_together():
    found = only({"table": {"unique": ["id", "table"]}})

    assert (found.bad, found.first, found.name) == (1, (4,), "unique: id, table")


def test_a_column_that_is_called_table_stands_in_backquotes():
    assert only({"`table`": {"in": ["x", "y"]}}).column == "table"
    with pytest.raises(InvalidRule) as raised:
        parse_rules({"table": {"nulls": "never"}})
    assert "backquotes" in raised.value.hint


def test_a_rule_that_warns_puts_no_row_aside():
    for rules in (
        {"carrier": {"in": ["UA"], "severity": "warn"}},
        {"carrier": {"in": {"is": ["UA"], "severity": "warn"}}},
        {"table": {"expect": {"is": "carrier = 'UA'", "severity": "warn"}}},
    ):
        found = only(rules)
        assert (found.verdict, found.bad, found.first) == (Verdict.WARN, 2, (2, 3))
        assert parse_rules(rules).caught(FLIGHTS.schema) == []


def test_a_share_of_bad_rows_may_be_tolerated():
    rules = {"carrier": {"in": {"is": ["UA", "AA"], "bad": "<= 25%"}}}

    assert only(rules).verdict is Verdict.PASS
    assert parse_rules(rules).caught(FLIGHTS.schema) == []
    assert only({"carrier": {"in": {"is": ["UA"], "bad": "<= 25%"}}}).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("values", "known", "bad"),
    [
        ([1, 2, None, 9], [1, 2], 1),
        ([1.0, 2.5, None], [1, 2], 1),
        (["a", "b"], ["a"], 1),
        ([date(2013, 1, 1), date(2013, 1, 2)], [date(2013, 1, 1)], 1),
        ([1, 2], [], 2),
        ([None, None], [1], 0),
    ],
)
def test_values_must_be_those_of_another_dataset(values, known, bad):
    assert only({"x": {"references": "others.id"}}, pl.DataFrame({"x": values}), values=known).bad == bad


def test_columns_of_types_that_share_no_value_cannot_refer():
    with pytest.raises(InvalidRule) as raised:
        judged({"carrier": {"references": "others.id"}}, values=[1, 2])
    assert "integer" in raised.value.message


def test_a_reference_needs_a_workspace():
    with pytest.raises(InputMissing):
        parse_rules({"id": {"references": "others.id"}}).judge(FLIGHTS)


def test_the_newest_row_must_not_be_old_and_what_lies_ahead_tells_nothing():
    assert only({"out": {"fresh": "2d"}}).verdict is Verdict.PASS
    assert only({"out": {"fresh": "12h"}}).verdict is Verdict.FAIL
    ahead = pl.DataFrame({"out": [datetime(2012, 1, 1), datetime(2099, 1, 1)]})  # noqa: DTZ001
    assert only({"out": {"fresh": "2d"}}, ahead).verdict is Verdict.FAIL
    assert only({"out": {"fresh": "1d"}}, pl.DataFrame({"out": [date(2013, 1, 2)]})).verdict is Verdict.PASS


def test_what_freshness_says_does_not_change_while_it_holds():
    later = datetime(2013, 1, 3, 5, tzinfo=UTC)

    assert only({"out": {"fresh": "2d"}}) == only({"out": {"fresh": "2d"}}, now=later)


@pytest.mark.parametrize(
    ("rule", "before", "verdict"),
    [
        ({"between": [1, 4]}, None, Verdict.PASS),
        ({"between": [5, None]}, None, Verdict.FAIL),
        ({"between": [None, 3]}, None, Verdict.FAIL),
        ({"change": "< 30%"}, None, Verdict.PASS),
        ({"change": "< 30%"}, 5, Verdict.PASS),
        ({"change": "< 30%"}, 6, Verdict.FAIL),
        ({"change": "< 30%"}, 3, Verdict.FAIL),
        ({"change": "< 30%", "severity": "warn"}, 3, Verdict.WARN),
    ],
)
def test_the_number_of_rows(rule, before, verdict):
    found = only({"table": {"rows": rule}}, rows=before)

    assert (found.verdict, found.bad) == (verdict, None)


def test_drift_against_another_version():
    frame = pl.DataFrame({"x": [float(i % 97) for i in range(4000)], "k": ["a", "b"] * 2000})
    moved = frame.with_columns(pl.col("x") + 60)
    rules = {"table": {"drift": {"against": "flights@1", "columns": ["x"], "tolerance": 0.1}}}

    assert only(rules, frame, then=frame).verdict is Verdict.PASS
    assert only(rules, moved, then=frame).verdict is Verdict.FAIL
    assert only({"table": {"drift": {"against": "previous"}}}, moved).verdict is Verdict.PASS


def test_too_few_rows_for_drift_decide_nothing():
    found = only({"table": {"drift": {"against": "flights@1", "columns": ["id"]}}}, then=FLIGHTS)

    assert found.verdict is Verdict.INCONCLUSIVE


def test_rules_do_not_read_the_rows_again(monkeypatch):
    passes = []
    collect = pl.LazyFrame.collect

    def counted(self, **how):
        passes.append(how)
        return collect(self, **how)

    monkeypatch.setattr(pl.LazyFrame, "collect", counted)
    few, many = (
        {"id": {"nulls": "never"}},
        {
            "id": {"nulls": "never", "type": "integer", "between": [0, 9]},
            "carrier": {"length": [2, 2], "matches": "[A-Z]+"},
            "table": {"expect": ["id > 0", "out is missing or out > '2012-01-01'"], "rows": {"between": [1, None]}},
        },
    )

    for rules in (few, many):
        passes.clear()
        judged(rules, FLIGHTS.lazy())
        assert passes == [{"engine": "streaming"}]


def test_counts_of_all_rules_and_of_the_rows_that_any_catches():
    book = parse_rules(
        {"id": {"between": [2, 9]}, "carrier": {"in": ["UA"]}, "out": {"nulls": {"is": "never", "severity": "warn"}}}
    )

    found = book.examine(FLIGHTS)

    assert [finding.bad for finding in found.findings] == [1, 2, 1]
    assert [finding.put_aside for finding in found.findings] == [1, 2, 0]
    assert (found.rows, found.bad) == (4, 3)


CELL = st.one_of(st.none(), st.integers(-3, 3))


@given(st.lists(st.tuples(CELL, CELL), max_size=30), st.integers(-3, 3))
def test_rows_put_aside_add_up(rows, low):
    frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
    rules = {
        "a": {"nulls": "never", "between": [low, None], "unique": True},
        "b": {"in": {"is": [0, 1], "severity": "warn"}, "increasing": True},
        "table": {"expect": ["a <= b", "a + b < 4"], "unique": ["a", "b"]},
    }
    book = parse_rules(rules)

    found = book.examine(frame)

    masks = [one.bad for one in book.caught(frame.schema)]
    any_bad = frame.select(pl.any_horizontal(masks).alias("x"))["x"].sum() if rows else 0
    assert found.bad == sum(one.put_aside for one in found.findings) == any_bad
    assert all(one.put_aside <= (one.bad or 0) <= found.rows == len(rows) for one in found.findings)


def test_first_rows_are_found_far_behind_and_next_to_each_other():
    rows = 300_000
    frame = pl.DataFrame({"x": [0] * (rows - 40) + [1, 0] * 20, "y": range(rows)})
    first = only({"x": {"in": [0]}}, frame).first

    assert first == tuple(range(rows - 39, rows + 1, 2))


def test_unknown_columns_name_the_nearest():
    with pytest.raises(ColumnMissing) as raised:
        judged({"table": {"expect": "back >= outt"}})
    assert "'out'" in raised.value.hint


def test_a_condition_that_does_not_fit_the_types_names_the_place():
    with pytest.raises(InvalidExpression) as raised:
        judged({"table": {"expect": "out > carrier"}})
    assert raised.value.details["position"] == 7
    assert raised.value.where == "rules.table.expect"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({f"c{i}": {"nulls": "never"} for i in range(MOST_RULES + 1)}, "more than 20,000 rules"),
        ({"x": {"in": list(range(300_000))}}, "more than 200,000 values"),
        ({"x": {"in": [[[[[[[[[1]]]]]]]]]}}, "nested too deep"),
        ({"table": {"expect": ["a > b", "a > b"]}}, "twice"),
        ({"table": {"rowss": {}}}, "rowss"),
        ({"table": {"rows": {"change": "< x"}}}, "rows"),
        ({"table": {"drift": {"against": "a", "toleranc": 0.1}}}, "toleranc"),
        ({"table": {"unique": ["a", "a"]}}, "unique"),
        ({"x": {"expect": "x > " + "(" * 10_000 + "1" + ")" * 10_000}}, "the most"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_rules_are_refused(rules, words):
    with pytest.raises(InvalidRule) as raised:
        parse_rules(rules)
    assert words in raised.value.message
    assert raised.value.hint


def test_aliases_that_would_explode_are_refused():
    inner: list[object] = [1] * 100
    for _ in range(5):
        inner = [inner] * 100
    with pytest.raises(InvalidRule):
        parse_rules({"x": {"in": inner}})


NESTED = pl.DataFrame({"x": [[1], [1], None], "s": [{"a": 1}, {"a": 2}, None]})


@pytest.mark.parametrize("column", ["x", "s"])
@pytest.mark.parametrize(
    "rule",
    [
        {"in": [1]},
        {"between": [0, 1]},
        {"matches": "a"},
        {"length": [0, 1]},
        {"increasing": True},
        {"fresh": "2d"},
        {"type": "text"},
    ],
    ids=str,
)
def test_lists_and_structs_are_judged_by_few_rules_and_the_others_say_so(column, rule):
    with pytest.raises(InvalidRule) as raised:
        judged({column: rule}, NESTED)
    assert "cannot judge" in raised.value.message

    assert [one.bad for one in judged({column: {"nulls": "never", "unique": True}}, NESTED)] in ([1, 1], [1, 0])
