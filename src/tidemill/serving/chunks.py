"""Bodies sent in chunks (RFC 9112, section 7.1)."""

from tidemill.serving.errors import MalformedRequest
from tidemill.serving.heads import too_large

_LONGEST_LINE = 256
_MOST_TRAILERS = 32


class ChunkedBody:
    """Collects one chunked body.

    Args:
        limit: Most bytes of the body; more raise `BodyTooLarge`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._left = 0
        self._trailers = -1
        self._rest = b""

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; return those after the body once it is whole, or None while more must come.

        Raises:
            MalformedRequest: If a chunk is not framed as it must be.
            BodyTooLarge: If the body is over the limit.
        """
        data = self._rest + data
        at = 0
        while True:
            if self._left:
                if len(data) - at < min(self._left, 1) or (self._left <= 2 and not self._closes(data, at)):
                    break
                at = self._take(data, at)
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > _LONGEST_LINE:
                    raise _malformed()
                break
            line, at = data[at:end], end + 2
            if self._trailers >= 0:
                if not line:
                    return data[at:]
                self._trailers += 1
                if self._trailers > _MOST_TRAILERS or len(line) > _LONGEST_LINE:
                    raise _malformed()
                continue
            self._open(line)
        self._rest = data[at:]
        return None

    def body(self) -> bytes:
        """Return what was collected."""
        return b"".join(self._parts)

    def _open(self, line: bytes) -> None:
        digits = line.partition(b";")[0].rstrip(b" \t")
        if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise _malformed()
        size = int(digits, 16)
        if size == 0:
            self._trailers = 0
            return
        self._size += size
        if self._size > self._limit:
            raise too_large(self._limit)
        self._left = size + 2  # with the CRLF that closes the chunk

    def _closes(self, data: bytes, at: int) -> bool:
        """Return whether the CRLF at the end of a chunk is here whole."""
        have = data[at : at + self._left]
        if not b"\r\n"[2 - self._left :].startswith(have[: self._left]):
            raise _malformed()
        return len(have) == self._left

    def _take(self, data: bytes, at: int) -> int:
        if self._left <= 2:
            at += self._left
            self._left = 0
            return at
        part = data[at : at + self._left - 2]
        self._parts.append(part)
        self._left -= len(part)
        return at + len(part)


def _malformed() -> MalformedRequest:
    return MalformedRequest("The chunks of the body are not framed right", hint="Send the body with a Content-Length.")
