"""A spool: a folder into which one process writes what it wants tracked, in order, before anybody else knows of it.

    <spool>/<id>/
        lock            held as long as the writer lives, by the operating system
        place.json      which server it is for, and who writes; never a token
        00000001.log    the entries, a line with a checksum each; a new file every 8 MiB
        position        up to where the server has confirmed
        refused.log     what the server refused for good, and why
        files/          copies of artifacts that wait

The folder goes when all is delivered and its writer has ended.
"""

import errno
import fcntl
import json
import os
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tidemill.client.tracking.frames import Entry, frame
from tidemill.core.ids import new_id

SEGMENT_BYTES = 8 << 20
MOST_BYTES = 2 << 30
MOST_IN_MEMORY = 64 << 20
_SPARE_BYTES = 64 << 20
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where entries are to go: a server by its URL, or the one that works on a workspace folder."""

    url: str = ""
    home: str = ""

    def __str__(self) -> str:
        """Return it as people write it."""
        return self.url or self.home


def spool_root(configured: str = "") -> Path:
    """Return the folder of all spools of this user."""
    if configured:
        return Path(configured)
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "tidemill" / "spool"


class SpoolWriter:
    """Appends entries; never raises, and never waits for the network.

    Args:
        root: The folder of all spools; where it cannot be written, entries stay in memory.
        place: Where the entries are to go.
    """

    def __init__(self, root: Path, place: Place) -> None:
        self.folder: Path | None = None
        self.failure = ""
        self.count = 0
        self.dropped: dict[str, int] = {}
        self._gate = threading.Lock()
        self._memory: deque[tuple[int, bytes]] = deque()
        self._in_memory = 0
        self._on_disk = self._last_on_disk = 0
        self._segment, self._size = 0, 0
        self._file = self._lock = -1
        self._is_dirty = False
        try:
            self._make(root, place)
        except OSError as error:
            self.failure = f"{root}: {error.strerror or error}"

    def append(self, entry: Entry) -> int:
        """Write an entry and return its number; where the disk will not have it, it stays in memory."""
        with self._gate:
            self.count += 1
            data = frame({"n": self.count, **entry})
            self._spill()
            if self._memory or not self._write(data, self.count):
                self._keep(entry, data)
            return self.count

    def held(self, done: int) -> list[bytes]:
        """Give away the entries that the disk would not take, once all that it took up to some number is delivered."""
        with self._gate:
            if self._last_on_disk > done:
                return []
            taken = [data for _, data in self._memory]
            self._memory.clear()
            self._in_memory = 0
            return taken

    def forget(self, size: int) -> None:
        """Note that a file of entries was delivered and is gone."""
        with self._gate:
            self._on_disk -= size

    def sync(self) -> None:
        """Force to the disk what was written: against a power cut, as a killed process loses nothing anyway."""
        with self._gate:
            handle = os.dup(self._file) if self._is_dirty and self._file >= 0 else -1
            self._is_dirty = False
        if handle >= 0:
            try:
                with suppress(OSError):
                    os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Let go of the folder; others may read it now."""
        with self._gate:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the folder without waiting for anybody: in the child of a fork nobody is there to give way."""
        for handle in (self._file, self._lock):
            if handle >= 0:
                os.close(handle)
        self._file = self._lock = -1

    def _make(self, root: Path, place: Place) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = new_id()
        folder = root / f".new-{name}"
        folder.mkdir(mode=0o700)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        about = {"format": _FORMAT, **asdict(place), "pid": os.getpid(), "host": socket.gethostname()}
        (folder / "place.json").write_text(json.dumps(about))
        folder.rename(root / name)  # from here on others see it, and its lock is held already
        self.folder = root / name
        self._next_segment()

    def _next_segment(self) -> None:
        assert self.folder is not None  # noqa: S101 - only called where there is one
        path = self.folder / f"{self._segment + 1:08}.log"
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._segment, self._size = opened, self._segment + 1, 0

    def _write(self, data: bytes, number: int) -> bool:
        if self._file < 0 or self._on_disk + len(data) > MOST_BYTES:
            return False
        try:
            if self._size >= SEGMENT_BYTES:
                self._next_segment()
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(errno.ENOSPC, "the disk is full")
        except OSError as error:
            self.failure = f"{self.folder}: {error.strerror or error}"
            self._cut()
            return False
        self.failure = ""
        self._size += written
        self._on_disk += written
        self._last_on_disk = number
        self._is_dirty = True
        return True

    def _cut(self) -> None:
        """Take back a line that was written in part; where even that fails, end it, and its checksum tells."""
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            with suppress(OSError):
                os.write(self._file, b"\n")

    def _keep(self, entry: Entry, data: bytes) -> None:
        if self._in_memory + len(data) > MOST_IN_MEMORY:
            run = str(entry.get("run", ""))
            self.dropped[run] = self.dropped.get(run, 0) + 1
            return
        self._memory.append((self.count, data))
        self._in_memory += len(data)

    def _spill(self) -> None:
        while self._memory and self._write(self._memory[0][1], self._memory[0][0]):
            self._in_memory -= len(self._memory.popleft()[1])


def roomy(folder: Path, size: int) -> bool:
    """Return whether a file of that size may be copied to a folder without filling its disk."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize - size > _SPARE_BYTES


def folders(root: Path) -> Iterator[Path]:
    """Yield the folders of all spools that are this user's own, oldest first."""
    try:
        found = sorted(root.iterdir())
    except OSError:
        return
    for folder in found:
        with suppress(OSError):
            if not folder.name.startswith(".") and (folder / "place.json").stat().st_uid == os.getuid():
                yield folder
