"""What the search language is, and what it says about texts that are not in it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.core.errors import TidemillError
from tidemill.tracking.search.faults import InvalidFilter, InvalidOrder
from tidemill.tracking.search.parser import DEEPEST, parse, parse_order
from tidemill.tracking.search.syntax import All, Condition, Either, Linked, Node, Not


def shown(node: Node | None) -> str:
    match node:
        case None:
            return "everything"
        case Condition():
            values = ", ".join(repr(literal.value) for literal in node.values)
            return f"{node.name.entity}:{node.name.key} {node.operator} {values}".strip()
        case Linked():
            return f"{node.name.entity}:{node.name.key}@{node.name.version}"
        case Not():
            return f"not({shown(node.term)})"
        case All() | Either():
            word = " and " if isinstance(node, All) else " or "
            return "(" + word.join(map(shown, node.terms)) + ")"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", "everything"),
        (" \n ", "everything"),
        ("metrics.loss<0.5", "metrics:loss < 0.5"),
        ("metrics.val/loss >= -1e-3", "metrics:val/loss >= -0.001"),
        ("status = 'FINISHED'", ":status = 'FINISHED'"),
        ('`run_name` = "a"', ":run_name = 'a'"),
        ('params."two words" LIKE \'%"x"%\'', "params:two words LIKE '%\"x\"%'"),
        ('Tags.`mlflow.user` iLike "it\'s"', 'tags:mlflow.user ILIKE "it\'s"'),
        ("tags.mlflow.source.name is Not nuLL", "tags:mlflow.source.name IS NOT NULL"),
        ("run_id not in ('a','b')", ":run_id NOT IN 'a', 'b'"),
        ("tags.a NOT LIKE 'b%'", "tags:a NOT LIKE 'b%'"),
        ("tags.a='1'AND tags.b='2'", "(tags:a = '1' and tags:b = '2')"),
        ("a.a=1 or b.b=2 and c.c=3 or d.d=4", "(a:a = 1 or (b:b = 2 and c:c = 3) or d:d = 4)"),
        ("((a.a=1 AND (b.b=2 AND c.c=3)))", "(a:a = 1 and b:b = 2 and c:c = 3)"),
        ("not not not (a.a=1 or b.b=2)", "not((a:a = 1 or b:b = 2))"),
        ("dataset.flights@3 AND model.delay", "(dataset:flights@3 and model:delay@None)"),
        ('model."a b"@2', "model:a b@2"),
        ("tags.user@3 = 'x'", "tags:user@3 = 'x'"),
        ("metrics.a = 123456789012345678901234567890", "metrics:a = 1.2345678901234568e+29"),
    ],
)
def test_a_filter_is_read(text: str, read: str) -> None:
    assert shown(parse(text).root) == read


@pytest.mark.parametrize(
    ("text", "column", "found", "expected"),
    [
        ("metrics.a >", 12, "", "a number or a quoted text"),
        ("metrics.a > high", 13, "high", "a number or a quoted text"),
        ("params.a 'x'", 10, "'x'", "an operator"),
        ("params.a == 'x'", 10, "==", "an operator"),
        ("params.a <> 'x'", 10, "<>", "an operator"),
        ("params.a = 'it''s'", 16, "'s'", "AND, OR or the end of the filter"),
        ("params.a = 'x", 12, "'x", "a closing '"),
        ("params.a = \u2018x\u2019", 12, "\u2018", "a key, an operator or a value"),
        ("params. = 'x'", 9, "=", "a key after params."),
        ("(metrics.a > 1", 15, "", "a closing )"),
        ("metrics.a > 1)", 14, ")", "the end of the filter"),
        ("metrics.a > 1 metrics.b > 2", 15, "metrics.b", "AND, OR"),
        ("metrics.a > 1and metrics.b > 2", 13, "1and", "a number"),
        ("AND metrics.a > 1", 1, "AND", "a key"),
        ("metrics.a NOT = 1", 15, "=", "IN, LIKE or ILIKE"),
        ("run_id IN ()", 12, ")", "a number or a quoted text"),
        ("run_id IN ('a' 'b')", 16, "'b'", ", or )"),
        ("tags.a IS 'x'", 11, "'x'", "NULL or NOT NULL"),
        ("status", 7, "", "an operator"),
        ("model.`a b`@2 = 1", 15, "=", "AND, OR or the end"),
        ("model.a@9999999999", 1, "model.a@9999999999", "the number of a version"),
        ("tags.a = '\0'", 11, "\0", "a character of text"),
        ("tags.a = '\ud800'", 11, "\ud800", "a character of text"),
    ],
)
def test_a_text_that_is_no_filter_is_refused_with_its_place(text: str, column: int, found: str, expected: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse(text)

    error = caught.value
    assert (error.code, error.where, error.details["found"]) == ("invalid_filter", f"column {column}", found)
    assert expected in str(error.details["expected"])
    assert error.hint


def test_long_deep_and_wide_filters_are_refused_at_once() -> None:
    started = time.perf_counter()
    for text in [
        "tags.a = '" + "x" * 10_000_000 + "'",
        "(" * 90_000,
        "(" * (DEEPEST + 1) + "a.a = 1" + ")" * (DEEPEST + 1),
        " AND ".join(["a.a=1"] * 1001),
        "run_id IN (" + ",".join(["''"] * 10_001) + ")",
        "NOT " * 24_000,
        "1" * 99_000,
    ]:
        with pytest.raises(InvalidFilter):
            parse(text)

    assert time.perf_counter() - started < 10
    assert parse("(" * DEEPEST + "a.a = 1" + ")" * DEEPEST).root


@given(st.text() | st.text(alphabet="()'\"`@.,=<>! andornotinlike019ab-", max_size=80))
def test_any_text_is_a_filter_or_an_error_of_the_language(text: str) -> None:
    for read in (parse, parse_order):
        try:
            read(text)
        except TidemillError as error:
            assert isinstance(error, InvalidFilter)  # noqa: PT017 - either way is right


def test_orders_are_read() -> None:
    read = [parse_order(text) for text in ("metrics.`a b` desc", "start_time", 'params."x" ASC')]

    assert [(one.name.entity, one.name.key, one.descending) for one in read] == [
        ("metrics", "a b", True),
        ("", "start_time", False),
        ("params", "x", False),
    ]


@pytest.mark.parametrize("text", ["", "metrics.a down", "metrics.a DESC ASC", "'a'", "a b", "DESC"])
def test_a_text_that_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidOrder) as caught:
        parse_order(text)

    assert caught.value.code == "invalid_order"


@pytest.mark.parametrize("text", ["", "metrics.a down", "start_time DESC, run_id"])
def test_the_hint_of_an_order_speaks_of_orders(text: str) -> None:
    with pytest.raises(InvalidOrder) as caught:
        parse_order(text)

    assert caught.value.hint.startswith("Write one key, then ASC or DESC")
