"""The object store on a local disk.

An object is written under a temporary name, synced, then renamed to its digest, and the folder is synced:
after `put` returns, the object is there for good, and before that it cannot be seen.
"""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from blake3 import blake3

from tidemill.core.digests import Digest, InvalidDigest, parse_digest
from tidemill.core.errors import Damaged, NotFound, OutOfSpace, Unavailable
from tidemill.core.ids import new_id
from tidemill.objects import trees
from tidemill.objects.digest import digest_bytes, digest_file
from tidemill.objects.incoming import Incoming
from tidemill.objects.leaving import Leaving
from tidemill.objects.trees import TreeEntry

T = TypeVar("T")
_PIECE = 1 << 20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system answers when a disk or a quota is full."""

_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}


class ObjectMissing(NotFound):
    """The store holds no object of that digest."""

    code = "object_missing"


class DamagedObject(Damaged):
    """An object's bytes are not what its digest says."""

    code = "damaged_object"


class StoreReadOnly(Unavailable):
    """The store's folder cannot be written."""

    code = "store_read_only"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that a check of stored bytes found wrong."""

    what: str
    path: str
    problem: str


class ObjectStore:
    """Bytes under the digest of their content, in a folder.

    Args:
        root: The folder; it is made when it does not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        self._unsynced = root / "unsynced"
        with plain_errors(root):
            self._objects.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._unsynced.mkdir(exist_ok=True)
            self._syncing = threading.Lock()
            self.leaving = Leaving(root / "leaving", self.path)

    def path(self, digest: Digest) -> Path:
        """Return where an object's bytes are for good, without looking whether they are there."""
        name = parse_digest(digest)
        return self._objects / name[:2] / name[2:]

    def has(self, digest: Digest) -> bool:
        """Return whether the object is stored."""
        return self.path(digest).is_file() or (self._unsynced / digest).is_file()

    def size(self, digest: Digest) -> int:
        """Return an object's size in bytes.

        Raises:
            ObjectMissing: If it is not stored.
        """
        return self._found(digest, lambda path: path.stat().st_size)

    def put_bytes(self, content: bytes) -> Digest:
        """Store bytes and return their digest."""
        digest = digest_bytes(content)
        if not self.leaving.touch(digest):
            self._write(BytesIO(content), digest)
        return digest

    def hold(self, digest: Digest) -> int:
        """Return the size in bytes of an object that the caller is about to name; until then it is not collected.

        Where the object is a tree, its files are held too.

        Raises:
            ObjectMissing: If it, or a file of it, is not stored.
        """
        if not self.leaving.touch(digest):
            self.put_bytes(self.read(digest))  # it waits unsynced, where only who wrote it may rely on it
        with self.open(digest) as file:
            is_tree = file.read(len(trees.TREE_MARK)) == trees.TREE_MARK
        for entry in self.list_tree(digest) if is_tree else ():
            if not self.leaving.touch(entry.digest):
                self.put_bytes(self.read(entry.digest))
        return self.size(digest)

    def hold_all(self, digests: Iterable[Digest]) -> bool:
        """Return whether objects are stored; if so, they are held as `hold` does."""
        try:
            for digest in digests:
                self.hold(digest)
        except ObjectMissing:
            return False
        return True

    def put_unsynced(self, content: bytes) -> Digest:
        """Write bytes so that they can be read at once, and return their digest.

        A crash of the machine may take them: the caller keeps them elsewhere until `sync` has made an object of them.
        """
        digest = digest_bytes(content)
        if not self.leaving.touch(digest) and not self.has(digest):
            temporary = self._incoming / new_id()
            with plain_errors(self.root):
                temporary.write_bytes(content)
                temporary.replace(self._unsynced / digest)
        return digest

    def sync(self, digests: Iterable[Digest]) -> None:
        """Make objects of bytes that were written unsynced; those that are objects already stay so."""
        folders = set()
        with plain_errors(self.root), self._syncing:
            for digest in digests:
                waiting = self._unsynced / digest
                if waiting.is_file():
                    with waiting.open("rb") as handle:
                        os.fsync(handle.fileno())
                    self.leaving.settle(waiting, digest)
                    folders.add(self.path(digest).parent)
            for folder in folders:
                sync_folder(folder)

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Store a copy of a file and return its digest and its size in bytes.

        The bytes that are copied are the bytes that are digested, so a file that changes meanwhile
        cannot be stored under another content's name.
        """
        with path.open("rb") as source:
            return self.put_stream(iter(lambda: source.read(_PIECE), b""))

    def put_stream(self, pieces: Iterable[bytes]) -> tuple[Digest, int]:
        """Store a stream of unknown length and return its digest and its size in bytes."""
        with self.incoming() as coming:
            for piece in pieces:
                coming.write(piece)
            return coming.finish()

    @contextmanager
    def incoming(self, *, threads: int = blake3.AUTO) -> Iterator[Incoming]:
        """Give what bytes are written to as they come; nothing is stored before its `finish`.

        Args:
            threads: How many threads digest a large piece; as many as there are cores when left out.
        """
        with plain_errors(self.root), Incoming(self._incoming / new_id(), self._settle, threads=threads) as coming:
            yield coming

    def waiting_room(self) -> Path:
        """Return a new folder for parts of something on its way; the next start removes it if its owner does not."""
        room = self._incoming / new_id()
        with plain_errors(self.root):
            room.mkdir()
        return room

    def adopt(self, path: Path) -> tuple[Digest, int]:
        """Move a finished file into the store and return its digest and its size in bytes.

        The file must be the caller's own and must not change any more.
        """
        size = path.stat().st_size
        digest = digest_file(path)
        with plain_errors(self.root):
            if self.leaving.touch(digest):
                path.unlink()
                return digest, size
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
            if path.stat().st_dev == self._objects.stat().st_dev:
                self._settle(path, digest)
            else:
                with path.open("rb") as source:
                    self._write(source, digest)
                path.unlink()
        return digest, size

    def read(self, digest: Digest) -> bytes:
        """Return an object's bytes, verified.

        Raises:
            ObjectMissing: If it is not stored.
            DamagedObject: If the bytes are not what was stored.
        """
        content = self._found(digest, Path.read_bytes)
        if digest_bytes(content) != digest:
            raise _damaged(digest)
        return content

    def open(self, digest: Digest) -> BinaryIO:
        """Return an object as an open binary file, without verifying it: call `verify` first where that matters.

        Raises:
            ObjectMissing: If it is not stored.
        """
        return self._found(digest, lambda path: path.open("rb"))

    def verify(self, digest: Digest) -> Path:
        """Return an object's path after reading it whole and finding it undamaged.

        Raises:
            ObjectMissing: If it is not stored.
            DamagedObject: If the bytes are not what was stored.
        """
        path = self._settled(digest)
        try:
            found = digest_file(path)
        except FileNotFoundError:
            raise _missing(digest) from None
        if found != digest:
            raise _damaged(digest)
        return path

    def export(self, digest: Digest, target: Path) -> None:
        """Copy an object to a file, verified, so that the file is either whole or absent."""
        source = self._settled(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name[:100]}.{new_id()}")
        try:
            with plain_errors(target.parent):
                try:
                    shutil.copyfile(source, temporary)
                except FileNotFoundError:
                    raise _missing(digest) from None
                if digest_file(temporary) != digest:
                    raise _damaged(digest)
                temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _settled(self, digest: Digest) -> Path:
        """Return a path that stays: what waits unsynced becomes an object first."""
        if (self._unsynced / digest).is_file():
            self.sync([digest])
        return self.path(digest)

    def _found(self, digest: Digest, look: Callable[[Path], T]) -> T:
        """Return what a look at an object's bytes gives, also while they move from where they waited."""
        for path in (self.path(digest), self._unsynced / digest, self.path(digest)):
            with suppress(FileNotFoundError):
                return look(path)
        raise _missing(digest)

    def digests(self) -> Iterator[Digest]:
        """Yield the digest of every stored object, in order."""
        for shelf in sorted(self._objects.iterdir()):
            for file in sorted(shelf.iterdir()) if shelf.is_dir() else ():
                yield Digest(shelf.name + file.name)

    def fsck(self) -> Iterator[Damage]:
        """Yield what is wrong with the stored bytes: strange names and contents that differ from their digest."""
        for shelf in sorted(self._objects.iterdir()):
            for file in sorted(shelf.iterdir()) if shelf.is_dir() else (shelf,):
                where = str(file.relative_to(self.root))
                name = (shelf.name + file.name) if shelf.is_dir() else file.name
                try:
                    digest = parse_digest(name)
                except InvalidDigest:
                    yield Damage("object", where, "the name is not a digest")
                    continue
                try:
                    is_sound = digest_file(file) == digest
                except OSError as error:
                    yield Damage("object", where, f"it cannot be read: {error.strerror}")
                    continue
                if not is_sound:
                    yield Damage("object", where, "the content does not match the digest")

    def put_tree(self, folder: Path) -> Digest:
        """Store every file below a folder, and a manifest of them whose digest names the tree.

        Raises:
            UnsafePath: If a name or a symbolic link leaves the folder, or is not a plain file.
        """
        entries = []
        for path, name in trees.files_below(folder):
            digest, size = self.put_file(path)
            entries.append(TreeEntry(name, size, digest))
        return self.put_bytes(trees.encode_manifest(entries))

    def list_tree(self, digest: Digest) -> list[TreeEntry]:
        """Return the files of a stored tree, by path."""
        return trees.decode_manifest(self.read(digest))

    def export_tree(self, digest: Digest, folder: Path) -> None:
        """Write a stored tree to a folder that must not exist yet; the folder appears whole or not at all."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.with_name(f".{folder.name[:100]}.{new_id()}")
        try:
            temporary.mkdir()
            for entry in self.list_tree(digest):
                self.export(entry.digest, temporary / entry.path)
            try:
                temporary.rename(folder)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def clear_incoming(self) -> int:
        """Remove what killed writers left behind, and return how many there were. Only at start, under the lock."""
        count = 0
        for left in self._incoming.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
            count += 1
        return count

    def clear_unsynced(self) -> None:
        """Remove bytes that nobody named before a kill. Only at start, under the lock, after what was named is safe."""
        for left in self._unsynced.iterdir():
            left.unlink(missing_ok=True)

    def _write(self, source: BinaryIO, digest: Digest) -> None:
        temporary = self._incoming / new_id()
        try:
            with plain_errors(self.root):
                with temporary.open("xb") as target:
                    shutil.copyfileobj(source, target, _PIECE)
                    target.flush()
                    os.fsync(target.fileno())
                self._settle(temporary, digest)
        finally:
            temporary.unlink(missing_ok=True)

    def _settle(self, temporary: Path, digest: Digest) -> None:
        if self.leaving.settle(temporary, digest):
            sync_folder(self.path(digest).parent)


def sync_folder(folder: Path) -> None:
    """Make what was renamed into or out of a folder stay so."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def plain_errors(place: Path) -> Iterator[None]:
    """Say a full disk or a read-only folder in the words of the error family."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutOfSpace(
                "There is no space left to store this", where=str(place), hint="Free some space; nothing was kept."
            ) from error
        if error.errno in _CLOSED:
            raise StoreReadOnly(
                "This folder cannot be written", where=str(place), hint="Give write permission, or use another --home."
            ) from error
        raise


def _missing(digest: Digest) -> ObjectMissing:
    return ObjectMissing(f"No object {digest} is stored", hint="Restore it from a backup; `tidemill fsck` lists all.")


def _damaged(digest: Digest) -> DamagedObject:
    return DamagedObject(
        f"The bytes stored as {digest} are not what was written",
        hint="Restore the object from a backup; `tidemill fsck` names what depends on it.",
    )
