"""Pages of a list: how many, from where, and the token that asks for the next ones."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar
from zlib import crc32

import msgspec

from tidemill.core.errors import InvalidInput

T = TypeVar("T")
_FURTHEST = 2**53


class InvalidPageToken(InvalidInput):
    """A page token was not made by this server."""

    code = "invalid_page_token"


class _Place(msgspec.Struct, frozen=True, omit_defaults=True):
    offset: int
    search: str = ""


def page_of(
    find: Callable[[int, int], list[T]], *, max_results: int, most: int, page_token: str, search: str = ""
) -> tuple[list[T], str]:
    """Return a page of what there is, and the token of the next one; an empty token after the last.

    Args:
        find: Returns at most so many (its first argument), from an offset (its second).
        max_results: The most to return.
        most: The most that may be asked for.
        page_token: The token of the page before; empty for the first page.
        search: What is searched for, when the token shall hold for nothing else.

    Raises:
        InvalidInput: If `max_results` is out of range.
        InvalidPageToken: If the token was not made here, or for another search.
    """
    if not 1 <= max_results <= most:
        raise InvalidInput(
            f"Invalid value {max_results} for parameter 'max_results' supplied", hint=f"Ask for 1 to {most} at a time"
        )
    mark = f"{crc32(search.encode(errors='replace')):08x}" if search else ""
    offset = decode_token(page_token, mark)
    found = find(max_results + 1, offset)
    return found[:max_results], encode_token(offset + max_results, mark) if len(found) > max_results else ""


def encode_token(offset: int, search: str = "") -> str:
    """Return the token of what begins at an offset, with the mark of the search that it is of."""
    return base64.b64encode(msgspec.json.encode(_Place(offset, search))).decode()


def decode_token(token: str, search: str = "") -> int:
    """Return the offset that a token means; 0 for an empty one.

    Raises:
        InvalidPageToken: If it was not made here, or bears the mark of another search.
    """
    if not token:
        return 0
    try:
        place = msgspec.json.decode(base64.b64decode(token.encode(), validate=True), type=_Place)
    except (msgspec.DecodeError, binascii.Error, UnicodeError, RecursionError):
        place = _Place(-1)
    if not 0 <= place.offset <= _FURTHEST:
        raise InvalidPageToken("Invalid page token: it was not made here", hint="Give the token of the page before")
    if place.search != search:
        raise InvalidPageToken(
            "Invalid page token: it is of another search", hint="Give the same filter and order for every page"
        )
    return place.offset
