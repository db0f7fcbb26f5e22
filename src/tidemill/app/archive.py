"""The file format of a backup: a plain tar whose first member lists the others with their digests.

Written and read as a stream, a member at a time. Reading trusts nothing in it: names come from a short list of shapes,
members must come in the order of the manifest, and every byte is digested.
"""

import re
import tarfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import msgspec
from blake3 import blake3

from tidemill.core.digests import Digest
from tidemill.core.errors import Damaged, InvalidInput, TidemillError
from tidemill.core.moments import Moment
from tidemill.core.names import shown

FORMAT = "tidemill.backup.1"
MANIFEST, END, FAILED = "manifest.json", "end.json", "failed.json"
_BLOCK = tarfile.BLOCKSIZE
_PIECE = 1 << 20
_LONGEST_MANIFEST = 1 << 30
_PATH = re.compile(
    r"(?:ledger|workflows)\.sqlite|objects/[0-9a-f]{2}/[0-9a-f]{62}|serving/capture/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,70}"
)


class NotABackup(InvalidInput):
    """What was given is no backup of a workspace, or one that asks for something no backup holds."""

    code = "not_a_backup"


class DamagedBackup(Damaged):
    """A backup is not what was written."""

    code = "damaged_backup"


class BackupFailed(Damaged):
    """The workspace could not be copied whole."""

    code = "backup_failed"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup."""

    path: str
    size: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Args:
        format: Which shape the archive has.
        version: The Tidemill that wrote it.
        created_at: When the ledger was copied.
        audit_seq: The last audit event in it.
        audit_digest: That event's digest, by which the whole history is named.
        files: The files, in the order of the archive.
    """

    format: str
    version: str
    created_at: Moment
    audit_seq: int
    audit_digest: str
    files: list[Entry]


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to that many bytes; none at the end."""


Member = tuple[Entry, Iterator[bytes]]


def pack(manifest: Manifest, opened: Callable[[Entry], BinaryIO]) -> Iterator[bytes]:
    """Yield the bytes of an archive.

    Args:
        manifest: What goes in.
        opened: Opens a file of the manifest after making sure that it is what the manifest says; an error here
            ends the archive with a member that tells it.
    """
    yield from _small(MANIFEST, msgspec.json.encode(manifest))
    for entry in manifest.files:
        try:
            source = opened(entry)
        except (TidemillError, OSError) as error:
            problem = error.message if isinstance(error, TidemillError) else str(error)
            yield from _small(FAILED, msgspec.json.encode({"path": entry.path, "problem": problem}))
            yield b"\0" * 2 * _BLOCK
            return
        with source:
            yield _header(entry.path, entry.size)
            left = entry.size
            while left:
                piece = source.read(min(left, _PIECE))
                if not piece:
                    return  # it shrank under our hands; without an end the archive is refused
                left -= len(piece)
                yield piece
            yield _padding(entry.size)
    yield from _small(END, b"{}")
    yield b"\0" * 2 * _BLOCK


def unpack(source: Source) -> tuple[Manifest, Iterator[Member]]:
    """Return what an archive holds, and its members; each must be read to its end before the next is asked for.

    Raises:
        NotABackup: If it is none.
        DamagedBackup: While reading, if anything differs from the manifest.
        BackupFailed: While reading, if the writing of it had failed.
    """
    try:
        name, size = _member(source)
    except DamagedBackup:
        name, size = "", 0
    if name != MANIFEST or size > _LONGEST_MANIFEST:
        raise NotABackup("This is not a backup of Tidemill", hint="Give a file that `tidemill backup` wrote.")
    content = b"".join(_content(source, size))
    return read_manifest(content), _members(source, content)


def read_manifest(content: bytes) -> Manifest:
    """Return a manifest after checking each of its names.

    Raises:
        NotABackup: If it is none, or names a file that no backup has.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotABackup(
            f"The manifest of this backup cannot be read: {error}", hint="Give another backup; this one is damaged."
        ) from error
    if manifest.format != FORMAT:
        raise NotABackup(
            f"This backup has the format {shown(manifest.format)}", hint=f"This Tidemill reads {FORMAT}; upgrade it."
        )
    seen: set[str] = set()
    for entry in manifest.files:
        in_objects = entry.path.startswith("objects/")
        named = entry.path.removeprefix("objects/").replace("/", "")
        unfit = not _PATH.fullmatch(entry.path) or entry.path in seen or (in_objects and named != entry.digest)
        if unfit or entry.size < 0:
            raise NotABackup(
                f"The manifest names {shown(entry.path)}, which no backup holds so",
                hint="Do not use this file: it was made to do harm, or is damaged.",
            )
        seen.add(entry.path)
    return manifest


def verified(entry: Entry, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a file's bytes.

    Raises:
        DamagedBackup: At its end, if they are not what the manifest says.
    """
    hasher = blake3()
    for piece in pieces:
        hasher.update(piece)
        yield piece
    if hasher.hexdigest() != entry.digest:
        raise damaged(f"{entry.path} is not what was written")


def damaged(what: str) -> DamagedBackup:
    """Return the error for a backup that differs from its manifest."""
    return DamagedBackup(f"This backup is damaged: {what}", hint="Use an older backup; nothing was restored.")


def digest_of(path: str) -> Digest:
    """Return the digest that an object's path in a backup names."""
    return Digest(path.removeprefix("objects/").replace("/", ""))


def _members(source: Source, manifest_content: bytes) -> Iterator[Member]:
    for entry in read_manifest(manifest_content).files:
        name, size = _member(source)
        if name == FAILED and size <= _PIECE:
            try:
                told = msgspec.json.decode(b"".join(_content(source, size)), type=dict[str, str])
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise damaged("what stopped the writing of it cannot be read") from None
            raise BackupFailed(
                f"{told.get('path')} could not be copied: {told.get('problem')}", hint="Run `tidemill fsck`."
            )
        if (name, size) != (entry.path, entry.size):
            raise damaged(f"{entry.path} is missing")
        yield entry, verified(entry, _content(source, size))
    if _member(source)[0] != END:
        raise damaged("its end is missing")


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)


def _small(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content))
    yield content
    yield _padding(len(content))


def _member(source: Source) -> tuple[str, int]:
    """Return the name and size of the next member; only plain files are taken for members."""
    block = _exactly(source, _BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise damaged(f"a header cannot be read ({error})") from error
    if info.type != tarfile.REGTYPE or info.size < 0:
        raise damaged(f"{shown(info.name)} is not a plain file")
    return info.name, info.size


def _content(source: Source, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise damaged("it ends too early")
        left -= len(piece)
        yield piece
    _exactly(source, -size % _BLOCK)


def _exactly(source: Source, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = source.read(size - len(content))
        if not piece:
            raise damaged("it ends too early")
        content += piece
    return content
