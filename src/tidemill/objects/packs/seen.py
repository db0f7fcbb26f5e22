"""What files looked like when they were last read or written, so that those unchanged need not be read again.

A file counts as unchanged when its size, both its times and its inode are as they were, and it was not touched so
shortly before it was looked at that a later write could bear the same time.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidemill.core.ids import new_id
from tidemill.core.names import shown
from tidemill.objects.digest import digest_bytes
from tidemill.objects.packs.manifest import FileEntry
from tidemill.objects.trees import UnsafePath

_KEPT = -1

_TICK_NS = 20_000_000
"""How far apart, in nanoseconds, two writes must be for a file system to surely tell their times apart."""


_FOLDER = os.O_RDONLY | os.O_DIRECTORY

State = tuple[int, int, int, int]
"""Size, time of the content, time of anything, and inode of a file, as a `Look` has them."""


class Look(NamedTuple):
    """One look at a file.

    Args:
        path: Its path below the folder.
        size: Its size in bytes.
        modified_ns: When its content changed, in nanoseconds since 1970.
        changed_ns: When anything of it changed.
        inode: Which file of the disk it is.
    """

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class Seen(msgspec.Struct, array_like=True):
    """A folder as it was once.

    Args:
        version: The digest of the manifest of what it held.
        taken_ns: When the looking began, in nanoseconds since 1970.
        looks: Size, both times and inode by path.
    """

    version: str
    taken_ns: int
    looks: dict[str, State]

    def is_unchanged(self, look: Look) -> bool:
        """Return whether a file surely is what it was."""
        known = self.looks.get(look.path)
        if look.inode == _KEPT:
            return True
        return known == look[1:] and max(look[2], look[3]) < self.taken_ns - _TICK_NS

    def is_all_unchanged(self, states: Mapping[str, State]) -> bool:
        """Return whether files surely are those that were looked at, all and no others."""
        before = self.taken_ns - _TICK_NS
        return states == self.looks and all(state[1] < before > state[2] for state in states.values())


class SeenFolders:
    """Where looks at folders are kept; losing them costs a read, no more.

    Args:
        folder: On the disk of the workspace; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str, place: Path) -> Seen | None:
        """Return the last look at a folder for a dataset; None when there is none that can be read."""
        try:
            return msgspec.msgpack.decode(self._path(name, place).read_bytes(), type=Seen)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep(self, name: str, place: Path, seen: Seen) -> None:
        """Keep a look at a folder for a dataset."""
        path = self._path(name, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{new_id()}")
        try:
            temporary.write_bytes(msgspec.msgpack.encode(seen))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, name: str, place: Path) -> Path:
        return self._folder / digest_bytes(f"{name}\0{place}".encode(errors="surrogateescape"))[:32]


def states_below(folder: Path) -> dict[str, State]:
    """Return how each plain file below a folder looks, by path, in no order.

    Raises:
        UnsafePath: If something there is a symbolic link or a device, or a name cannot be kept.
    """
    found: dict[str, State] = {}
    handle = os.open(folder, _FOLDER)
    try:
        _walk(handle, "", found)
    finally:
        os.close(handle)
    return found


def looks_of(states: Mapping[str, State]) -> list[Look]:
    """Return looks in order of path."""
    return sorted(Look(path, *state) for path, state in states.items())


def look_at(folder: Path) -> list[Look]:
    """Return a look at each plain file below a folder, in order of path.

    Raises:
        UnsafePath: If something there is a symbolic link or a device, or a name cannot be kept.
    """
    return looks_of(states_below(folder))


def look_at_file(path: Path, name: str) -> Look:
    """Return a look at one file, which is called a name."""
    return _look(name, path.stat())


def kept_look(entry: FileEntry) -> Look:
    """Return a look that stands for a file of an earlier version which stays, wherever it is now."""
    return Look(entry.path, entry.size, 0, 0, _KEPT)


def _walk(folder: int, prefix: str, found: dict[str, State]) -> None:
    """Look at what is below an open folder; names below it are short, so the system finds each at once."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(state.st_mode):
                if "\\" in name or not name.isascii():
                    _check_name(name)
                found[name] = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
            elif stat.S_ISDIR(state.st_mode):
                inner.append(entry.name)
            else:
                raise UnsafePath(
                    f"{shown(name)} is a link or a device, not a plain file", hint="Replace it by its content."
                )
    for name in inner:
        handle = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        try:
            _walk(handle, f"{prefix}{name}/", found)
        finally:
            os.close(handle)


def _look(name: str, state: os.stat_result) -> Look:
    return Look(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UnsafePath(f"The name {shown(name)} is not UTF-8", hint="Rename the file.") from None
    if "\\" in name:
        raise UnsafePath(f"The name {shown(name)} holds a backslash", hint="Rename the file.")
