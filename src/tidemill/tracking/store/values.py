"""How a metric's value stands in the database, which orders numbers and knows no NaN."""

LARGEST = 1.7976931348623157e308
NOT_A_NUMBER = -LARGEST
"""NaN has no place in an SQL order; this value, which no metric can have otherwise, stands for it."""
_NEXT_TO_IT = -1.7976931348623155e308


def encode_value(value: float) -> float:
    """Return a metric's value as the database keeps it."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return NOT_A_NUMBER
    return _NEXT_TO_IT if value == NOT_A_NUMBER else value


def decode_value(value: float) -> float:
    """Return a metric's value as it was logged."""
    return float("nan") if value == NOT_A_NUMBER else value
