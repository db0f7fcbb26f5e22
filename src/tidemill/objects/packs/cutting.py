"""A large file as chunks whose ends its content decides, so that an insertion moves no other chunk."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from blake3 import blake3

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import pyfastcdc
else:
    pyfastcdc = lazy("pyfastcdc")

WHOLE = 1 << 20
"""Size in bytes up to which a file is one chunk."""

_AVERAGE = 1 << 16
_LONGEST = 1 << 18
_WINDOW = 2 << 20


class Window(NamedTuple):
    """A stretch of a file that ends where a chunk does.

    Args:
        content: Its bytes; valid until `give_back`.
        lengths: The lengths of its chunks in bytes.
        buffer: What `give_back` is given.
    """

    content: memoryview
    lengths: list[int]
    buffer: bytearray


class Cutter:
    """Reads files in windows, with buffers that are used again.

    Memory is bounded by the windows that were not given back.
    """

    def __init__(self) -> None:
        self._free: list[bytearray] = []

    def windows(self, file: BinaryIO) -> Iterator[Window]:
        """Yield a file's windows, from an unbuffered file at its start."""
        cdc = pyfastcdc.FastCDC(avg_size=_AVERAGE, min_size=_AVERAGE // 4, max_size=_LONGEST)
        rest = b""
        is_end = False
        while not is_end:
            buffer = self._free.pop() if self._free else bytearray(_WINDOW + _LONGEST)
            buffer[: len(rest)] = rest
            filled = len(rest)
            view = memoryview(buffer)
            while filled < len(buffer):
                count = file.readinto(view[filled:])  # type: ignore[attr-defined]  # a raw file has it
                if not count:
                    is_end = True
                    break
                filled += count
            lengths = [chunk.length for chunk in cdc.cut_buf(view[:filled])]
            if not is_end:
                # The last chunk may end later than the buffer does.
                filled -= lengths.pop()
                rest = bytes(view[filled:])
            if filled:
                yield Window(view[:filled], lengths, buffer)

    def give_back(self, window: Window) -> None:
        """Take a window's buffer, which nobody reads any more."""
        self._free.append(window.buffer)


def digests_of(window: Window) -> list[bytes]:
    """Return the raw digests of a window's chunks."""
    found, at = [], 0
    for length in window.lengths:
        found.append(blake3(window.content[at : at + length]).digest())
        at += length
    return found
