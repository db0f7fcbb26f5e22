"""What a posted form holds."""

from urllib.parse import parse_qs

from starlette.requests import Request

from tidemill.core.errors import InvalidInput

_MOST_FIELDS = 64


class InvalidForm(InvalidInput):
    """A form lacks a field, or holds too many."""

    code = "invalid_form"


def read(request: Request) -> dict[str, str]:
    """Return the fields of a posted form, the last value of each; the body was read before the view began."""
    body: bytes = request._body  # noqa: SLF001 - Starlette keeps it there once it was awaited
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidForm(f"The form cannot be read: {error}", hint="Send it from the page, in UTF-8.") from error
    return {name: values[-1] for name, values in fields.items()}


def need(fields: dict[str, str], name: str) -> str:
    """Return a field that must be there.

    Raises:
        InvalidForm: If it is not, or is empty.
    """
    value = fields.get(name, "").strip()
    if not value:
        raise InvalidForm(f"The form has no {name}", hint=f"Fill in {name}.")
    return value
