"""The name of bytes is the digest of their content."""

import re
from typing import NewType

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown

Digest = NewType("Digest", str)
"""64 lowercase hex digits: the BLAKE3 digest of some bytes."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class InvalidDigest(InvalidInput):
    """A text is not a digest."""

    code = "invalid_digest"


def parse_digest(text: str) -> Digest:
    """Return the digest that a text holds.

    Raises:
        InvalidDigest: If it is not 64 lowercase hex digits.
    """
    if not _DIGEST.fullmatch(text):
        raise InvalidDigest(f"{shown(text)} is not a digest", hint="A digest is 64 lowercase hexadecimal digits.")
    return Digest(text)
