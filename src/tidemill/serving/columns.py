"""What a request may hold: the inputs of the model and the columns that only pass through."""

from collections.abc import Iterable

import msgspec

from tidemill.models.signatures import Field


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a request.

    Args:
        name: As clients write it.
        type: One of MLflow's words, or `any` for a scalar of whatever kind.
        required: Whether a row must have a value for it.
    """

    name: str
    type: str
    required: bool


def from_fields(fields: Iterable[Field]) -> tuple[Column, ...]:
    """Return the columns of a signature's fields."""
    return tuple(Column(name=field.name, type=field.type, required=field.required) for field in fields)
