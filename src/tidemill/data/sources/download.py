"""Bytes from elsewhere into a file: what breaks off goes on where it was, and nothing grows without end."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tidemill.core.names import shown
from tidemill.data.errors import InvalidOption, SourceFailed, SourceTooLarge

MOST_BYTES = 1 << 40
_TRIES = 6
_FIRST_WAIT_S = 0.2


class Interrupted(Exception):
    """A transfer broke off, and may go on."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes as they come.

    Args:
        start: Where in the whole they begin; 0 when the other side starts over.
        total: How long the whole is, where that is known.
        pieces: The bytes; raises `Interrupted` when they break off.
    """

    start: int
    total: int | None
    pieces: Iterable[bytes]


Answer = TypeVar("Answer")


def patiently(work: Callable[[], Answer], wait: Callable[[float], None] = time.sleep) -> Answer:
    """Return what some work gives, which is done again a few times while it is interrupted.

    Raises:
        Interrupted: If it still is then.
    """
    for turn in range(_TRIES - 1):
        try:
            return work()
        except Interrupted:
            wait(_FIRST_WAIT_S * 2**turn)
    return work()


def download(
    get: Callable[[int], AbstractContextManager[Stream]],
    target: Path,
    name: str,
    most: int = MOST_BYTES,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Write what comes to a file, and return how long it is.

    Args:
        get: Gives the bytes from a place on, or from the start.
        target: The file.
        name: How messages call it.
        most: The most bytes.
        wait: Waits some seconds before another try.

    Raises:
        SourceFailed: If it breaks off again and again without getting further.
        SourceTooLarge: If it is longer than `most`.
    """
    have, tries = 0, _TRIES
    with target.open("wb") as sink:
        while True:
            before = have
            try:
                with get(have) as stream:
                    if stream.total is not None and stream.total > most:
                        raise _too_large(name, most)
                    if stream.start != have:
                        have = sink.seek(0)
                        sink.truncate()
                    for piece in stream.pieces:
                        have += len(piece)
                        if have > most:
                            raise _too_large(name, most)
                        sink.write(piece)
                    if stream.total is not None and have < stream.total:
                        raise Interrupted(f"it ended after {have} of {stream.total} bytes")
                    return have
            except Interrupted as error:
                tries = _TRIES if have > before else tries - 1
                if not tries:
                    raise SourceFailed(
                        f"{shown(name, 200)} breaks off at byte {have}: {shown(str(error), 200)}",
                        hint="Look at the connection, and ingest again.",
                    ) from None
                wait(_FIRST_WAIT_S * 2 ** (_TRIES - tries))


def _too_large(name: str, most: int) -> SourceTooLarge:
    return SourceTooLarge(
        f"{shown(name, 200)} is longer than {most} bytes", hint="Raise the limit with the option most_bytes."
    )


def parse_most(text: str) -> int:
    """Return the limit that an option `most_bytes` orders; a terabyte when it is empty.

    Raises:
        InvalidOption: If it is no number.
    """
    if not text:
        return MOST_BYTES
    if not text.isascii() or not text.isdigit():
        raise InvalidOption(f"most_bytes is {shown(text)}", hint="Give a whole number of bytes.")
    return int(text)
