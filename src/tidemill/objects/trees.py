"""Folders as objects: a manifest that lists path, size and digest of each file."""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tidemill.core.digests import Digest, parse_digest
from tidemill.core.errors import Damaged, InvalidInput
from tidemill.core.names import shown

_FORMAT = "tidemill.tree.1"
TREE_MARK = b'{"format":"%s"' % _FORMAT.encode()
"""What every manifest of a tree begins with, and nothing else that is stored."""


class UnsafePath(InvalidInput):
    """A path leaves its folder, or is not a plain file."""

    code = "unsafe_path"


class DamagedManifest(Damaged):
    """The manifest of a tree cannot be read."""

    code = "damaged_manifest"


class TreeEntry(NamedTuple):
    """One file of a tree."""

    path: str
    size: int
    digest: Digest


def check_relative(path: str) -> str:
    """Return a relative path with `/` between its parts if it stays inside its folder.

    Raises:
        UnsafePath: If it is absolute, empty, goes up, or holds a NUL, a backslash or a half surrogate.
    """
    parts = PurePosixPath(path).parts
    unfit = not path or path.startswith("/") or "\\" in path or "\0" in path or ".." in parts or not parts
    if not unfit:
        try:
            path.encode()
        except UnicodeEncodeError:
            unfit = True
    if unfit:
        raise UnsafePath(f"{shown(path)} is not a path inside a folder", hint="Use a relative path without '..'.")
    return "/".join(parts)


def files_below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each plain file below a folder with its relative path, in order of that path.

    Raises:
        UnsafePath: If something there is a symbolic link, a device, a socket or a pipe.
    """
    found = []
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise UnsafePath(
                    f"{shown(str(path.relative_to(folder)))} is a link or a device, not a plain file",
                    hint="Replace it by its content.",
                )
            found.append((path, check_relative(path.relative_to(folder).as_posix())))
    yield from sorted(found, key=lambda pair: pair[1])


def encode_manifest(entries: Iterable[TreeEntry]) -> bytes:
    """Return the bytes of a manifest: the same for the same files, whatever their order."""
    rows = [list(entry) for entry in sorted(entries)]
    return json.dumps({"format": _FORMAT, "files": rows}, separators=(",", ":"), ensure_ascii=False).encode()


def decode_manifest(content: bytes) -> list[TreeEntry]:
    """Return the entries of a manifest.

    Raises:
        DamagedManifest: If the bytes are not a manifest.
        UnsafePath: If an entry would leave its folder.
    """
    try:
        body = json.loads(content)
        if body["format"] != _FORMAT:
            raise ValueError(body["format"])
        return [
            TreeEntry(check_relative(path), int(size), parse_digest(digest)) for path, size, digest in body["files"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedManifest("This object is not the manifest of a tree", hint="Give the digest of a tree.") from error
