"""Pages of a list: how many, from where, and the token that asks for the next ones."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

import msgspec

from tidemill.core.errors import InvalidInput

T = TypeVar("T")
_FURTHEST = 2**53


class InvalidPageToken(InvalidInput):
    """A page token was not made by this server."""

    code = "invalid_page_token"


class _Place(msgspec.Struct, frozen=True):
    offset: int


def page_of(
    find: Callable[[int, int], list[T]], *, max_results: int, most: int, page_token: str
) -> tuple[list[T], str]:
    """Return a page of what there is, and the token of the next one; an empty token after the last.

    Args:
        find: Returns at most so many (its first argument), from an offset (its second).
        max_results: The most to return.
        most: The most that may be asked for.
        page_token: The token of the page before; empty for the first page.

    Raises:
        InvalidInput: If `max_results` is out of range.
        InvalidPageToken: If the token was not made here.
    """
    if not 1 <= max_results <= most:
        raise InvalidInput(
            f"Invalid value {max_results} for parameter 'max_results' supplied", hint=f"Ask for 1 to {most} at a time"
        )
    offset = decode_token(page_token)
    found = find(max_results + 1, offset)
    return found[:max_results], encode_token(offset + max_results) if len(found) > max_results else ""


def encode_token(offset: int) -> str:
    """Return the token of what begins at an offset."""
    return base64.b64encode(msgspec.json.encode(_Place(offset))).decode()


def decode_token(token: str) -> int:
    """Return the offset that a token means; 0 for an empty one.

    Raises:
        InvalidPageToken: If it was not made here.
    """
    if not token:
        return 0
    try:
        offset = msgspec.json.decode(base64.b64decode(token.encode(), validate=True), type=_Place).offset
    except (msgspec.DecodeError, binascii.Error, UnicodeError):
        offset = -1
    if not 0 <= offset <= _FURTHEST:
        raise InvalidPageToken("Invalid page token: it was not made here", hint="Give the token of the page before")
    return offset
