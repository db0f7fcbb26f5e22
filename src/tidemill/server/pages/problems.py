"""What is wrong with a search, shown where it is wrong."""

from dataclasses import dataclass

from tidemill.core.errors import TidemillError
from tidemill.server.status import status_of
from tidemill.tracking.search.faults import InvalidFilter, InvalidOrder


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with what was asked, and where in the filter.

    Args:
        message: The sentence.
        hint: What to do next.
        before: The filter up to the fault.
        at: The fault.
        after: The rest.
        column: Where it is, from 0; -1 when it is not in the filter.
        instead: The address of a search for the text as a part of names; empty where that makes no sense.
        status: The HTTP status.
    """

    message: str
    hint: str
    before: str = ""
    at: str = ""
    after: str = ""
    column: int = -1
    instead: str = ""
    status: int = 400


def fault_of(error: TidemillError, text: str, offset: int = 0, instead: str = "") -> Problem:
    """Return what is wrong with a search.

    Args:
        error: What was said of it.
        text: The filter as it was written.
        offset: How many characters were put before it.
        instead: The address of another search that may be meant.
    """
    if not isinstance(error, InvalidFilter) or isinstance(error, InvalidOrder):
        return Problem(error.message, error.hint, status=status_of(error))
    column = error.details.get("column")
    place = column - 1 - offset if isinstance(column, int) else 0
    place = min(max(place, 0), len(text))
    end = place + max(len(str(error.details.get("found", ""))), 1)
    return Problem(error.message, error.hint, text[:place], text[place:end], text[end:], place, instead)
