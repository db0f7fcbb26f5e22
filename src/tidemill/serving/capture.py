"""Predictions on disk before they are answered.

A segment is a file of frames: the length of the payload and its CRC-32, both little-endian and 32 bits, then the
payload in MessagePack. One event-loop turn is one `write`, so a killed process loses nothing that it answered, and
at most the last frames of a file are torn. While open, a segment is `<pid>-<ms>.seg` and locked; closed, `.done`.
"""

import fcntl
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from tidemill.serving.errors import CaptureUnavailable

_HEAD = struct.Struct("<II")
_LONGEST_FRAME = 256 * 1024 * 1024


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was captured of one micro-batch, or of one request that failed.

    Args:
        t: Milliseconds since the epoch when it arrived.
        endpoint: Which endpoint.
        status: HTTP status of the answer.
        ms: Milliseconds from arrival to answer.
        deployment: Which deployment answered; empty when none did.
        model: Its model.
        version: Its model version; 0 when none.
        route: Its route, such as `stable` or `canary`.
        ids: Prediction ids, one a row.
        columns: Inputs and passed-through columns by name, each with a value a row.
        outputs: The model's outputs by name, each with a value a row.
        code: The code of the error when it failed.
        requests: How many requests the micro-batch held.
    """

    t: int
    endpoint: str
    status: int = 0
    ms: float = 0.0
    deployment: str = ""
    model: str = ""
    version: int = 0
    route: str = ""
    ids: list[str] = []
    columns: dict[str, list[object]] = {}
    outputs: dict[str, list[object]] = {}
    code: str = ""
    requests: int = 1


def _plain(value: object) -> object:
    """Return a Python value for one of numpy's."""
    item: Callable[[], object] | None = getattr(value, "item", None)
    if item is None:
        raise NotImplementedError(f"{type(value).__name__} cannot be captured")
    return item()


_encode = msgspec.msgpack.Encoder(enc_hook=_plain).encode


def pack_frame(frame: Frame | dict[str, object]) -> bytes:
    """Return the bytes of a frame as they stand in a segment."""
    payload = _encode(frame)
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


class CaptureWriter:
    """Appends to the segments of this process.

    Args:
        folder: Where the segments are; made when missing.
        segment_bytes: A segment that has grown past this is closed.
        segment_s: A segment that is older is closed.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = 8 * 1024 * 1024, segment_s: float = 60.0) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segment_s = segment_s
        self._file = -1
        self._path = folder
        self._size = 0
        self._opened = 0.0
        self._newest = 0
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, frames: Sequence[bytes]) -> int:
        """Write frames in one go; return how many bytes that were.

        Raises:
            CaptureUnavailable: If they could not be written whole; then none of them is in the segment.
        """
        data = b"".join(frames)
        try:
            if self._file < 0:
                self._open()
            written = os.write(self._file, data)
            if written != len(data):
                written += self._finish(memoryview(data)[written:])
        except OSError as error:
            self._cut_back()
            hint = f"Free space on the disk of {self._folder.name}, or start the server with --capture best-effort."
            raise CaptureUnavailable(f"The prediction could not be recorded: {error.strerror}", hint=hint) from error
        self._size += written
        if self._size >= self._segment_bytes:
            self.close()
        return written

    def _finish(self, rest: memoryview) -> int:
        """Write what a short write left over; a full disk shows itself on the second try."""
        written = 0
        while written < len(rest):
            written += os.write(self._file, rest[written:])
        return written

    def _cut_back(self) -> None:
        """Take half-written frames off the end, so that the segment stays whole.

        The next frames go to a fresh segment: a reader may have taken bytes for whole frames that are cut off here,
        and would go on in the middle of what is written over them.
        """
        if self._file >= 0:
            with suppress(OSError):  # Then a reader stops at the torn end.
                os.ftruncate(self._file, self._size)
            with suppress(OSError):
                self.close()

    def _open(self) -> None:
        while True:
            self._newest = max(time.time_ns() // 1_000_000, self._newest + 1)
            path = self._folder / f"{os.getpid()}-{self._newest}.seg"
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            break
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file, self._path, self._size, self._opened = file, path, 0, time.monotonic()

    def close_if_old(self) -> None:
        """Close the segment if its time is over."""
        if self._file >= 0 and time.monotonic() - self._opened >= self._segment_s:
            self.close()

    def close(self) -> None:
        """Close the segment and name it `.done`."""
        if self._file < 0:
            return
        file, self._file = self._file, -1
        try:
            if self._size:
                self._path.replace(self._path.with_suffix(".done"))
            else:
                self._path.unlink()
        finally:
            os.close(file)


def seal_orphans(folder: Path, *, older_s: float = 0.0) -> list[Path]:
    """Name the segments that killed processes left open `.done`; return their new paths.

    A living writer holds a lock on its segment, so only those without one are taken.

    Args:
        folder: Where the segments are.
        older_s: Only segments last written so long ago, so that none is taken between its making and its lock.
    """
    sealed: list[Path] = []
    for path in sorted(folder.glob("*.seg")):
        try:
            if older_s and time.time() - path.stat().st_mtime < older_s:
                continue
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not path.exists():
                    continue
                done = path.with_suffix(".done")
                path.rename(done)
        except OSError:
            continue  # In use by a living process, or closed by it just now.
        sealed.append(done)
    return sealed


class PayloadReader:
    """The payloads of the whole frames of a segment, in order; iterate over it once.

    Args:
        path: Of an open or closed segment.
        start: Byte to begin at, for instance the `end` of an earlier reading.

    While a payload is handled `end` is the byte at which its frame begins. After the iteration it is the byte after
    the last whole frame, and `torn_bytes` how many bytes follow it that are no whole frame: 0 in a segment that was
    closed well.
    """

    def __init__(self, path: Path, *, start: int = 0) -> None:
        self.path = path
        self.end = start
        self.torn_bytes = 0

    def payloads(self) -> Iterator[bytes]:
        """Yield the payloads up to the end or the first torn frame."""
        with self.path.open("rb") as file:
            file.seek(self.end)
            while (payload := _read_payload(file)) is not None:
                yield payload
                self.end = file.tell()
            self.torn_bytes = max(0, os.fstat(file.fileno()).st_size - self.end)


class SegmentReader(PayloadReader):
    """The whole frames of a segment, in order; iterate over it once, as over the payloads."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames up to the end or the first torn one."""
        for payload in self.payloads():
            try:
                frame = _decode(payload)
            except msgspec.DecodeError:
                self.torn_bytes = self.path.stat().st_size - self.end
                return
            yield frame


_decode = msgspec.msgpack.Decoder(Frame).decode


def _read_payload(file: BinaryIO) -> bytes | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    if length > _LONGEST_FRAME:
        return None
    payload = file.read(length)
    if len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    return payload


def read_segment(path: Path, *, start: int = 0) -> SegmentReader:
    """Return an iterator of the frames of a segment that stops, without an error, before a torn end."""
    return SegmentReader(path, start=start)
