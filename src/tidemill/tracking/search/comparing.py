"""One condition as SQL on a column of texts, numbers or moments."""

import math
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tidemill.tracking.search.constructs import like
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.syntax import COMPARATORS, Condition, Literal, Operator
from tidemill.tracking.store.values import NOT_A_NUMBER, encode_value

LONGEST_PATTERN = 1_000
MOST_WILDCARDS = 32
_LAST = 2**63 - 1


class Kind(StrEnum):
    """What the values of a key are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"


NULLITY = (Operator.IS_NULL, Operator.IS_NOT_NULL)
LISTS = (Operator.IN, Operator.NOT_IN)
_PATTERNS = (Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE)
_TEXT = (Operator.EQUAL, Operator.DIFFERENT, *_PATTERNS, *LISTS, *NULLITY)
_OPERATORS = {
    Kind.TEXT: _TEXT,
    Kind.NUMBER: (*COMPARATORS, *LISTS, *NULLITY),
    Kind.TIME: (*COMPARATORS, *NULLITY),
}
_ASKED = {
    Kind.TEXT: "a quoted text",
    Kind.NUMBER: "a number without quotes",
    Kind.TIME: "a number of milliseconds since 1970, without quotes",
}


def check(condition: Condition, kind: Kind, operators: tuple[Operator, ...] | None = None) -> None:
    """Let a condition pass whose operator and values are fit for a kind of key.

    Raises:
        InvalidFilter: If the operator is none of this kind's, or a value is of another kind.
    """
    allowed = operators or _OPERATORS[kind]
    if condition.operator not in allowed:
        listed = ", ".join(allowed)
        raise InvalidFilter(
            position=condition.operator_position,
            found=condition.operator,
            expected=f"one of {listed}",
            hint=f"{condition.name.written} is a {kind}; it takes {listed}.",
        )
    for literal in condition.values:
        if isinstance(literal.value, str) != (kind is Kind.TEXT):
            raise InvalidFilter(
                position=literal.position,
                found=literal.written,
                expected=_ASKED[kind],
                hint=f"{condition.name.written} is a {kind}.",
            )
    if condition.operator in _PATTERNS:
        _pattern(condition.values[0])


def compare(column: sa.ColumnElement[str], condition: Condition, kind: Kind) -> sa.ColumnElement[bool]:
    """Return whether a value that is there makes a condition true; the condition was checked."""
    if kind is Kind.TEXT:
        return _compare_text(column, condition)
    if kind is Kind.TIME:
        return _compare_time(sa.type_coerce(column, sa.BigInteger), condition)
    numbers = [sa.literal(float(literal.value), sa.Float(53)) for literal in condition.values]
    if condition.operator in LISTS:
        return _negated(sa.or_(*(column == number for number in numbers)), condition.operator is Operator.NOT_IN)
    return _compared(column, condition.operator, numbers[0])


def compare_metric(column: sa.ColumnElement[float], condition: Condition) -> sa.ColumnElement[bool]:
    """Return whether a metric's stored value makes a condition true; NaN is different from every number."""
    number = sa.literal(encode_value(float(condition.values[0].value)), sa.Float(53))
    compared = _compared(column, condition.operator, number)
    if condition.operator in (Operator.LESS, Operator.AT_MOST):
        return sa.and_(column != sa.literal(NOT_A_NUMBER, sa.Float(53)), compared)
    return compared


def _compare_text(column: sa.ColumnElement[str], condition: Condition) -> sa.ColumnElement[bool]:
    texts = [str(literal.value) for literal in condition.values]
    match condition.operator:
        case Operator.EQUAL:
            return column == sa.literal(texts[0], sa.Text)
        case Operator.DIFFERENT:
            return column != sa.literal(texts[0], sa.Text)
        case Operator.IN:
            return column.in_(texts)
        case Operator.NOT_IN:
            return column.not_in(texts)
        case _:
            operator = condition.operator
            found = like(
                column, _pattern(condition.values[0]), mind_case=operator in (Operator.LIKE, Operator.NOT_LIKE)
            )
            return _negated(found, operator in (Operator.NOT_LIKE, Operator.NOT_ILIKE))


def _pattern(literal: Literal) -> str:
    """Return a pattern that no text makes slow: few wildcards, and none that means nothing."""
    pattern = str(literal.value)
    while "%%" in pattern:
        pattern = pattern.replace("%%", "%")
    if len(pattern) > LONGEST_PATTERN or pattern.count("%") > MOST_WILDCARDS:
        raise InvalidFilter(
            position=literal.position,
            found=literal.written,
            expected=f"a pattern of at most {LONGEST_PATTERN} characters and {MOST_WILDCARDS} times %",
            hint="Search for a shorter part of the text, or for the whole text by =.",
        )
    return pattern


def _compare_time(column: sa.ColumnElement[int], condition: Condition) -> sa.ColumnElement[bool]:
    """Compare whole milliseconds, as they are shown, with a number; the column has microseconds."""
    wanted = max(min(float(condition.values[0].value), 9e15), -9e15)
    low, high = math.ceil(wanted), math.floor(wanted)
    first, after = _microseconds(low), _microseconds(high + 1)
    found: sa.ColumnElement[bool]
    match condition.operator:
        case Operator.LESS:
            found = column < first
        case Operator.AT_MOST:
            found = column < after
        case Operator.GREATER:
            found = column >= after
        case Operator.AT_LEAST:
            found = column >= first
        case Operator.EQUAL:  # a part of a millisecond makes `after` the smaller one, and equals nothing
            found = sa.and_(column >= first, column < after)
        case _:
            found = sa.or_(column < first, column >= after)
    return found


def _microseconds(milliseconds: int) -> sa.ColumnElement[int]:
    return sa.literal(max(min(milliseconds * 1000, _LAST), -_LAST), sa.BigInteger)


def _compared(
    column: sa.ColumnElement[Any], operator: Operator, value: sa.ColumnElement[float]
) -> sa.ColumnElement[bool]:
    match operator:
        case Operator.EQUAL:
            return column == value
        case Operator.DIFFERENT:
            return column != value
        case Operator.LESS:
            return column < value
        case Operator.AT_MOST:
            return column <= value
        case Operator.GREATER:
            return column > value
        case _:
            return column >= value


def _negated(found: sa.ColumnElement[bool], negate: bool) -> sa.ColumnElement[bool]:  # noqa: FBT001 - reads as written
    return sa.not_(found) if negate else found
