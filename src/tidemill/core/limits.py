"""How much of a list is given at once."""

from tidemill.core.errors import InvalidInput


class InvalidLimit(InvalidInput):
    """A page of that size is not given."""

    code = "invalid_limit"


def check_limit(limit: int, what: str, *, most: int = 1000) -> int:
    """Return how many things a caller asks for, if they can be given at once.

    Args:
        limit: What the caller asks for.
        what: What there is a list of, such as `alerts`.
        most: The most that is given.

    Raises:
        InvalidLimit: If it is not from 1 to the most.
    """
    if not 1 <= limit <= most:
        raise InvalidLimit(f"{limit} {what} cannot be given at once", hint=f"Ask for 1 to {most}.")
    return limit
