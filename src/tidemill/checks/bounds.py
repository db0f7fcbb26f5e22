"""Bounds as people write them: `< 5%`, `>= 0.60`."""

import math
import re

import msgspec

from tidemill.checks.errors import InvalidBound
from tidemill.core.names import shown

_BOUND = re.compile(r"\s*(<=|>=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)\s*")


class Bound(msgspec.Struct, frozen=True):
    """A side and a number.

    Args:
        sign: One of `<`, `<=`, `>`, `>=`.
        value: The number, with percent already divided by 100.
    """

    sign: str
    value: float

    def holds(self, value: float) -> bool:
        """Return whether a value is on the good side."""
        match self.sign:
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value
            case ">":
                return value > self.value
            case _:
                return value >= self.value

    @property
    def is_floor(self) -> bool:
        """Whether larger is better."""
        return self.sign.startswith(">")

    def __str__(self) -> str:
        """Return the bound as a person writes it."""
        return f"{self.sign} {self.value:g}"


def parse_bound(text: str, *, what: str = "A bound") -> Bound:
    """Return the bound that a text such as `< 5%` or `>= 0.6` names.

    Args:
        text: A sign, a number, and perhaps a percent sign.
        what: What is bounded, for the message.

    Raises:
        InvalidBound: If the text is anything else.
    """
    match = _BOUND.fullmatch(text)
    if not match or not math.isfinite(float(match[2])):
        raise InvalidBound(
            f"{what} is {shown(text)}, which is not a bound",
            hint="Write a sign and a number, such as '< 5%' or '>= 0.6'.",
        )
    return Bound(match[1], float(match[2]) / (100 if match[3] else 1))
