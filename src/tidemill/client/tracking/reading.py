"""Reading a spool in order, and keeping where one is; also a spool whose writer was killed."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tidemill.client.tracking.frames import Entry, frame, read_lines
from tidemill.client.tracking.spool import Place, folders

_CHUNK = 1 << 20
_REFUSED = "refused.log"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits, and the position that says it does no longer."""

    entry: Entry
    segment: int
    end: int


class SpoolReader:
    """Reads a spool's entries from where the server has confirmed on.

    Args:
        folder: The spool's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged = 0
        self.freed = 0
        self._segment, self._offset = _position(folder)
        self._handle = -1

    def peek(self) -> list[Waiting]:
        """Return the next entries, some at a time; nothing when all there are were confirmed."""
        while True:
            # Asked before reading: a file is complete once the next one is there, not when its end was seen.
            is_complete = self._path(self._segment + 1).exists()
            data = self._read(_CHUNK)
            lines = read_lines(data, self._offset)
            size = _CHUNK
            while not lines and len(data) == size:  # one line longer than what was read
                size *= 4
                data = self._read(size)
                lines = read_lines(data, self._offset)
            found = [Waiting(line.entry, self._segment, line.end) for line in lines if line.entry is not None]
            self.damaged += len(lines) - len(found)
            if found:
                return found
            if lines:
                self.advance(self._segment, lines[-1].end)
            elif is_complete:
                self._drop(self._segment)
                self.advance(self._segment + 1, 0)
            else:
                return []

    def advance(self, segment: int, end: int) -> None:
        """Note that all up to there is confirmed. Not synced: what is sent twice changes nothing."""
        self._segment, self._offset = segment, end
        with suppress(OSError):
            if self._handle < 0:
                self._handle = os.open(self.folder / "position", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            line = frame({"segment": segment, "offset": end}).ljust(80)
            os.pwrite(self._handle, line, 0)

    def refuse(self, entry: Entry, code: str, message: str) -> None:
        """Put aside what the server will not have, with its reason."""
        with suppress(OSError), (self.folder / _REFUSED).open("ab") as file:
            file.write(frame({"entry": entry, "code": code, "message": message}))

    def refused(self) -> list[Entry]:
        """Return what was put aside: each with `entry`, `code` and `message`."""
        try:
            data = (self.folder / _REFUSED).read_bytes()
        except OSError:
            return []
        return [line.entry for line in read_lines(data) if line.entry is not None]

    def keep_refused(self, refused: list[tuple[Entry, str, str]]) -> None:
        """Let what was put aside be just these: each with its code and message."""
        new = self.folder / f".{_REFUSED}"
        lines = [frame({"entry": entry, "code": code, "message": message}) for entry, code, message in refused]
        new.write_bytes(b"".join(lines))
        new.replace(self.folder / _REFUSED)

    def close(self) -> None:
        """Let go of the position."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def remove(self) -> None:
        """Remove the whole folder, unless something in it was refused and waits for a person."""
        self.close()
        if not self.refused():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, segment: int) -> Path:
        return self.folder / f"{segment:08}.log"

    def _read(self, size: int) -> bytes:
        try:
            with self._path(self._segment).open("rb") as file:
                file.seek(self._offset)
                return file.read(size)
        except OSError:
            return b""

    def _drop(self, segment: int) -> None:
        with suppress(OSError):
            self.freed += self._path(segment).stat().st_size
            self._path(segment).unlink()


def _position(folder: Path) -> tuple[int, int]:
    """Return where to go on: at the beginning of the oldest file when the note of it cannot be read."""
    oldest = min((int(path.stem) for path in folder.glob("[0-9]*.log")), default=1)
    try:
        lines = read_lines((folder / "position").read_bytes())
    except OSError:
        lines = []
    noted = lines[0].entry if lines else None
    if noted is None or noted["segment"] < oldest:
        return oldest, 0
    return int(noted["segment"]), int(noted["offset"])


@dataclass(slots=True, kw_only=True)
class SpoolState:
    """What a spool holds, for people."""

    id: str
    place: str
    writer: str
    is_written: bool
    waiting: int = 0
    refused: int = 0
    damaged: int = 0
    size_bytes: int = 0
    runs: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def state_of(folder: Path) -> SpoolState:
    """Return what a spool holds, without touching it."""
    about = about_of(folder)
    reader = SpoolReader(folder)
    segment, offset = _position(folder)
    entries: list[Entry] = []
    damaged = 0
    for path in sorted(folder.glob("[0-9]*.log")):
        if int(path.stem) < segment:
            continue
        start = offset if int(path.stem) == segment else 0
        with suppress(OSError):
            lines = read_lines(path.read_bytes()[start:])
            entries += [line.entry for line in lines if line.entry is not None]
            damaged += sum(line.entry is None for line in lines)
    refused = reader.refused()
    held = [*entries, *(each["entry"] for each in refused)]
    return SpoolState(
        id=folder.name,
        place=str(place_of(about)),
        writer=f"process {about.get('pid')} on {about.get('host')}",
        is_written=not _is_free(folder),
        waiting=len(entries),
        refused=len(refused),
        damaged=damaged,
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        runs=list(dict.fromkeys(str(entry.get("run", "")) for entry in held)),
        reasons=list(dict.fromkeys(f"{each['code']}: {each['message']}" for each in refused)),
    )


def about_of(folder: Path) -> Entry:
    """Return what a spool says of itself."""
    try:
        about = json.loads((folder / "place.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def place_of(about: Entry) -> Place:
    """Return where a spool's entries are to go."""
    return Place(url=str(about.get("url", "")), home=str(about.get("home", "")))


class Claim:
    """A spool whose writer is dead, and which this process alone may deliver now."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.reader = SpoolReader(folder)
        self.place = place_of(about_of(folder))
        self._lock = lock

    def release(self, *, is_done: bool) -> None:
        """Let go of it; a spool that was delivered is removed."""
        if is_done:
            self.reader.remove()
        self.reader.close()
        os.close(self._lock)


def claims(root: Path, place: Place | None = None, only: tuple[str, ...] = ()) -> Iterator[Claim]:
    """Yield the spools whose writers are dead, oldest first: of one place, or of some ids, when they are given."""
    for folder in folders(root):
        if (only and folder.name not in only) or (place and place_of(about_of(folder)) != place):
            continue
        lock = _try_lock(folder)
        if lock is not None:
            yield Claim(folder, lock)


def _try_lock(folder: Path) -> int | None:
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (folder / "place.json").exists():  # nobody delivered and removed it meanwhile
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _is_free(folder: Path) -> bool:
    lock = _try_lock(folder)
    if lock is None:
        return False
    os.close(lock)
    return True
