"""Which names and texts are accepted, everywhere the same."""

import re

from tidemill.core.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class InvalidName(InvalidInput):
    """A name holds what a name may not hold."""

    code = "invalid_name"


class InvalidText(InvalidInput):
    """A text holds what no text here may hold, or is too long."""

    code = "invalid_text"


def check_name(value: str, what: str = "name") -> str:
    """Return the name of a project, dataset, pipeline, model or endpoint if it is fit to be one.

    Raises:
        InvalidName: If it is empty, over 128 characters, begins with a dot or a dash, or holds other than
            letters, digits, `_`, `-` and `.`.
    """
    if not _NAME.fullmatch(value):
        raise InvalidName(
            f"{shown(value)} is not a name for a {what}",
            hint="Use 1 to 128 of a-z, A-Z, 0-9, '_', '-' and '.', and begin with none of the last two.",
        )
    return value


def check_text(value: str, what: str, longest: int, *, lines: bool = False) -> str:
    """Return a free text if it has no control characters, direction marks or lone surrogates and is not too long.

    Args:
        value: The text.
        what: What it is, for the message.
        longest: The most characters.
        lines: Whether line breaks and tabs are fine.

    Raises:
        InvalidText: If the text is not fit.
    """
    if len(value) > longest:
        raise InvalidText(
            f"{what} has {len(value)} characters, and {longest} is the most", hint="Shorten it, or store it as a file."
        )
    bare = re.sub(r"[\n\r\t]", "", value) if lines else value
    if found := _CONTROL.search(bare):
        raise InvalidText(
            f"{what} holds the character U+{ord(found[0]):04X}", hint="Remove control and direction characters."
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidText(f"{what} holds half of a surrogate pair", hint="Give valid Unicode text.") from None
    return value


def shown(value: str, longest: int = 60) -> str:
    """Return any text, shortened and safe inside a message: what cannot be seen, as control characters, is escaped."""
    cut = value if len(value) <= longest else value[: longest - 1] + "…"
    return repr(cut)
