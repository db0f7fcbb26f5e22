"""What files a version holds: path, size and digest of each, the same bytes for the same files."""

from collections.abc import Iterable, Sequence

import msgspec

from tidemill.core.digests import Digest
from tidemill.objects.trees import DamagedManifest

FILES_MARK = b'{"format":"tidemill.files.1"'
"""What every manifest of files begins with."""

_FORMAT = "tidemill.files.1"


class FileEntry(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One file.

    Args:
        path: Its path in the folder, with `/` between its parts.
        size: Its size in bytes.
        digest: The digest of its whole content.
    """

    path: str
    size: int
    digest: Digest


class FileManifest(msgspec.Struct, frozen=True):
    """The files of a version, by path."""

    format: str
    files: list[FileEntry]

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(entry.size for entry in self.files)


def encode_files(entries: Iterable[FileEntry]) -> bytes:
    """Return the bytes of a manifest of files that come by path."""
    return msgspec.json.encode(FileManifest(_FORMAT, list(entries)))


def decode_files(content: bytes) -> FileManifest:
    """Return a manifest.

    Raises:
        DamagedManifest: If the bytes are not one, or its paths are not in order.
    """
    try:
        found = msgspec.json.decode(content, type=FileManifest)
    except msgspec.MsgspecError as error:
        raise _damaged() from error
    if found.format != _FORMAT or not _is_safe(found.files):
        raise _damaged()
    return found


def _is_safe(entries: Sequence[FileEntry]) -> bool:
    """Return whether every path stays in its folder, and no two are one."""
    last = ""
    for entry in entries:
        path = entry.path
        if path <= last or path[0] == "/" or "\0" in path or "\\" in path or entry.size < 0 or len(entry.digest) != 64:
            return False
        if "." in path and not {".", ".."}.isdisjoint(path.split("/")):
            return False
        last = path
    return True


def _damaged() -> DamagedManifest:
    return DamagedManifest("This object is not a manifest of files", hint="Give the digest of a version of files.")
