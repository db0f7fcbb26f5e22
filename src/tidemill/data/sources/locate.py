"""From what a person wrote to the files to read, and nothing outside the folders that may be read."""

import glob
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidemill.core.names import check_text, shown
from tidemill.data.errors import SourceChanged, SourceNotFound, SourceRefused

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Located:
    """A file to read, and the state in which it was found.

    Args:
        path: The real path.
        name: How it is written in messages and in the ledger.
        size_bytes: Its size.
        modified_ns: When it was last written, in nanoseconds since the epoch.
        inode: Which file of the disk it is.
    """

    path: Path
    name: str
    size_bytes: int
    modified_ns: int
    inode: int

    def check_unchanged(self) -> None:
        """Refuse a file that is no longer as it was found.

        Raises:
            SourceChanged: If its size, time or identity differ, or it is gone.
        """
        try:
            now = self.path.stat()
        except OSError:
            now = None
        if now is None or (now.st_size, now.st_mtime_ns, now.st_ino) != (self.size_bytes, self.modified_ns, self.inode):
            raise SourceChanged(
                f"{shown(self.name)} changed while it was read", hint="Wait until it is written, then ingest it again."
            )


@dataclass(frozen=True, slots=True)
class Found:
    """What a source names: files of tables, or one folder.

    Args:
        files: The files, by name; empty for a folder.
        folder: The folder, where it is one.
    """

    files: tuple[Located, ...]
    folder: Path | None = None


def locate(source: str, *, root: Path, allowed_roots: Sequence[Path]) -> Found:
    """Return the files that a path, a pattern or a folder names.

    Args:
        source: A path or a glob pattern, relative to the root, or absolute.
        root: The project folder; relative paths may not leave it.
        allowed_roots: Folders in which absolute paths are fine.

    Raises:
        SourceNotFound: If nothing is there.
        SourceRefused: If it leaves the allowed folders, or is a device, a pipe or a socket.
    """
    check_text(source, "the source", _LONGEST)
    if not source:
        raise SourceNotFound("The source is empty", hint="Give a path or a pattern, such as data/flights-*.csv.")
    given = Path(os.path.expanduser(source)) if source.startswith("~") else Path(source)  # noqa: PTH111 - ~ only
    roots = [root.resolve(), *(allowed.resolve() for allowed in allowed_roots)]
    if not given.is_absolute():
        roots = roots[:1]
    place = given if given.is_absolute() else root / given
    if _is_pattern(source) and not place.exists():
        return Found(_matches(source, place, roots))
    real = _inside(place, source, roots)
    if real.is_dir():
        return Found((), real)
    return Found((_look(real, source),))


def _is_pattern(source: str) -> bool:
    return any(sign in source for sign in "*?[")


def _matches(source: str, place: Path, roots: Sequence[Path]) -> tuple[Located, ...]:
    if ".." in place.parts:
        raise SourceRefused(f"The pattern {shown(source)} goes up", hint="Write it without '..'.")
    found = sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    paths = [Path(name) for name in found if not Path(name).is_dir()]
    if not paths:
        raise SourceNotFound(f"No file matches {shown(source)}", hint=f"The pattern is read from {roots[0]}.")
    base = Path(os.path.commonpath([path.parent for path in paths]))
    return tuple(_look(_inside(path, str(path), roots), os.path.relpath(path, base)) for path in paths)


def _inside(path: Path, source: str, roots: Sequence[Path]) -> Path:
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        lexical = Path(os.path.normpath(path))
        if not any(_is_below(lexical, root) or _is_below(lexical.parent.resolve(), root) for root in roots):
            raise _refused(source) from None
        raise SourceNotFound(f"There is no file {shown(source)}", hint=f"Paths are read from {roots[0]}.") from None
    except PermissionError as error:
        raise SourceRefused(f"{shown(source)} cannot be read", hint="Give read permission on its folders.") from error
    except (OSError, RuntimeError) as error:
        raise SourceRefused(f"{shown(source)} cannot be followed", hint="Look for a loop of symbolic links.") from error
    if not any(_is_below(real, root) for root in roots):
        raise _refused(source)
    return real


def _is_below(path: Path, root: Path) -> bool:
    return path == root or root in path.parents


def _refused(source: str) -> SourceRefused:
    return SourceRefused(
        f"{shown(source)} is outside the folders that may be read",
        hint="Copy it into the project folder, or allow its folder in the settings.",
    )


def _look(path: Path, name: str) -> Located:
    try:
        state = path.stat()
        with path.open("rb") if stat.S_ISREG(state.st_mode) else _not_plain(name):
            pass
    except PermissionError as error:
        raise SourceRefused(f"{shown(name)} cannot be read", hint="Give read permission on it.") from error
    return Located(path, name, state.st_size, state.st_mtime_ns, state.st_ino)


def _not_plain(name: str) -> Path:
    raise SourceRefused(f"{shown(name)} is not a plain file", hint="Devices, pipes and sockets are not read.")
