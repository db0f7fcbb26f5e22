"""Limits that the verbs of delivery share."""

LONGEST_COMMENT = 4000
MOST_LISTED = 1000


def most(limit: int) -> int:
    """Return how many to list at the most."""
    return min(max(limit, 1), MOST_LISTED)
