"""From what a person wrote to the files to read, and nothing outside the folders that may be read."""

import glob
import itertools
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tidemill.core.moments import from_us
from tidemill.core.names import check_text, shown
from tidemill.core.nearest import nearest
from tidemill.data.errors import NotATable, SourceChanged, SourceNotFound, SourceRefused
from tidemill.data.records import SourceFile
from tidemill.data.sources.reach import Reach
from tidemill.objects.digest import digest_bytes, digest_file

_LONGEST = 4096
_MOST_BESIDE = 2000


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

    def describe(self) -> SourceFile:
        """Return what it is, with the digest of its bytes."""
        moment = from_us(self.modified_ns // 1000)
        return SourceFile(name=self.name, size_bytes=self.size_bytes, digest=digest_file(self.path), modified_at=moment)

    def here(self) -> "Located":
        """Return itself: it is on this machine."""
        return self

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


def locate(source: str, reach: Reach) -> Found:
    """Return the files that a path, a pattern or a folder names.

    Args:
        source: A path or a glob pattern, relative to the root, or absolute.
        reach: Where files may be read.

    Raises:
        SourceNotFound: If nothing is there.
        SourceRefused: If it leaves the folders that may be read, or is a device, a pipe or a socket.
    """
    check_text(source, "the source", _LONGEST)
    if not source:
        raise SourceNotFound("The source is empty", hint="Give a path or a pattern, such as data/flights-*.csv.")
    given = Path(os.path.expanduser(source)) if source.startswith("~") else Path(source)  # noqa: PTH111 - ~ only
    roots = reach.for_path(given)
    place = given if given.is_absolute() else reach.root / given
    if _is_pattern(source) and not (_is_within(place, reach, roots) and place.exists()):
        return Found(_matches(source, place, reach, roots))
    real = _inside(place, source, reach, roots)
    if real.is_dir():
        reach.check_folder(real, source)
        return Found((), real)
    return Found((_look(real, source),))


def locate_all(sources: Sequence[str], reach: Reach) -> Found:
    """Return the files that several paths and patterns name, each once.

    Raises:
        NotATable: If one is a folder.
    """
    files: dict[Path, Located] = {}
    for source in sources:
        found = locate(source, reach)
        if found.folder is not None:
            raise NotATable(f"{shown(source)} is a folder", hint="Add a folder by itself, or name the files in it.")
        files |= {file.path.resolve(): file for file in found.files}
    return Found(tuple(files.values()))


def named_together(sources: Sequence[str]) -> str:
    """Return one text for what several sources name: the one, or how many they are and where."""
    if len(sources) == 1:
        return sources[0]
    folder = os.path.commonpath([Path(source).absolute().parent for source in sources])
    return f"{len(sources)} files of {folder}"


def path_within(text: str, reach: Reach) -> Path:
    """Return the real path that a text names.

    Raises:
        SourceNotFound: If nothing is there.
        SourceRefused: If it leaves the folders that may be read.
    """
    check_text(text, "the path", _LONGEST)
    given = Path(text)
    roots = reach.for_path(given)
    return _inside(given if given.is_absolute() else reach.root / given, text, reach, roots)


def locate_one(source: str, reach: Reach) -> Located:
    """Return the one file that a path names.

    Raises:
        SourceNotFound: If nothing is there.
        NotATable: If it is a folder, or a pattern of several files.
    """
    found = locate(source, reach)
    if found.folder is not None or len(found.files) != 1:
        raise NotATable(f"{shown(source)} is not one file", hint="Name one file; `tidemill data add` takes folders.")
    return found.files[0]


def stamp(found: Found) -> str:
    """Return a text that stays the same as long as the files do, by their names, sizes and times alone."""
    lines = [f"{file.path}\0{file.size_bytes}\0{file.modified_ns}" for file in found.files]
    if found.folder:
        for folder, _, names in os.walk(found.folder):
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118 - walk speaks in texts, and there may be many
                with suppress(FileNotFoundError):  # gone since it was listed, which the next look sees
                    state = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - as above
                    lines.append(f"{path}\0{state.st_size}\0{state.st_mtime_ns}")
    return str(digest_bytes("\n".join(sorted(lines)).encode(errors="surrogateescape")))


def _is_pattern(source: str) -> bool:
    return any(sign in source for sign in "*?[")


def _matches(source: str, place: Path, reach: Reach, roots: Sequence[Path]) -> tuple[Located, ...]:
    if ".." in place.parts:
        raise SourceRefused(f"The pattern {shown(source)} goes up", hint="Write it without '..'.")
    fixed = itertools.takewhile(lambda part: not _is_pattern(part), place.parts)
    if not _is_within(Path(*fixed), reach, roots):  # looking there would tell what there is
        raise reach.refusal(source)
    found = sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    paths = [Path(name) for name in found if not Path(name).is_dir()]
    if not paths:
        raise SourceNotFound(f"No file matches {shown(source)}", hint=f"The pattern is read from {roots[0]}.")
    base = Path(os.path.commonpath([path.parent for path in paths]))
    return tuple(_look(_inside(path, str(path), reach, roots), os.path.relpath(path, base)) for path in paths)


def _is_within(path: Path, reach: Reach, roots: Sequence[Path]) -> bool:
    return reach.admits(Path(os.path.realpath(path)), roots)


def _inside(path: Path, source: str, reach: Reach, roots: Sequence[Path]) -> Path:
    if not _is_within(path, reach, roots):
        raise reach.refusal(source)
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        near = _nearest(path, reach, roots)
        hint = f"Did you mean {shown(near.name, 200)}?" if near else f"Paths are read from {roots[0]}."
        raise SourceNotFound(f"There is no file {shown(source, 200)}", hint=hint) from None
    except PermissionError as error:
        raise SourceRefused(f"{shown(source)} cannot be read", hint="Give read permission on its folders.") from error
    except (OSError, RuntimeError) as error:
        raise SourceRefused(f"{shown(source)} cannot be followed", hint="Look for a loop of symbolic links.") from error
    return real


def _nearest(path: Path, reach: Reach, roots: Sequence[Path]) -> Path | None:
    """Return what lies beside and has nearly that name, where the folder may be read and is not too full to look at."""
    try:
        names = [entry.name for entry in itertools.islice(os.scandir(path.parent), _MOST_BESIDE)]
    except OSError:
        return None
    near = nearest(path.name, [name for name in names if not name.startswith(".")])
    return path.parent / near if near and _is_within(path.parent / near, reach, roots) else None


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
