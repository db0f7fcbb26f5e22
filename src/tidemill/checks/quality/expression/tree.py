"""The tree of an expression; every node knows where it stands in the text."""

from dataclasses import dataclass
from datetime import timedelta

from tidemill.checks.errors import InvalidExpression
from tidemill.core.names import shown

_AROUND = 24

Literal = str | int | float | bool | timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of an expression.

    Args:
        at: Where it begins in the text, from 0.
    """

    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """A column."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Value(Node):
    """A number, a text, true, false, null or a duration."""

    value: Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """An operator or a function with what it works on: `+`, `and`, `is missing`, `abs`, ..."""

    word: str
    parts: tuple[Node, ...]


def fault(text: str, at: int, message: str, hint: str) -> InvalidExpression:
    """Return the error of an expression, with the place and what stands around it."""
    start = max(0, at - _AROUND)
    near = text[start : at + _AROUND]
    return InvalidExpression(
        f"{message}, at character {at + 1}, near {shown(near)}" if text else message,
        hint=hint,
        details={"position": at + 1, "near": near},
    )


def columns_of(node: Node) -> tuple[str, ...]:
    """Return the columns that an expression names, in the order of the text."""
    found: dict[str, None] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Name):
            found[one.name] = None
        elif isinstance(one, Call):
            waiting.extend(reversed(one.parts))
    return tuple(found)
