"""What can be wrong with a search: the place, what stands there, and what was expected."""

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown


class InvalidFilter(InvalidInput):
    """A filter is not in the search language, or names what the searched things do not have.

    Args:
        position: Where the fault is, in characters from 0.
        found: What stands there, as it was written.
        expected: What would have been right there.
        hint: What to do next.
        message: The sentence, when what was found and expected does not say enough.
    """

    code = "invalid_filter"

    def __init__(self, *, position: int, found: str, expected: str, hint: str, message: str = "") -> None:
        there = shown(found) if found else "its end"
        super().__init__(
            message or f"The {self.part} has {there} where {expected} is expected",
            hint=hint,
            where=f"column {position + 1}",
            details={"column": position + 1, "found": found[:200], "expected": expected},
        )

    part = "filter"


class InvalidOrder(InvalidFilter):
    """A key to order by is not in the search language, or is nothing to order by; place and hint are a filter's."""

    code = "invalid_order"
    part = "order"
