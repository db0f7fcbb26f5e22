"""Copies of a whole workspace as they arrive, and workspaces made from them."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from tidemill.app import archive, placing
from tidemill.app.archive import MANIFEST, Manifest, Member
from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.ids import new_id
from tidemill.ledger import FolderLock
from tidemill.objects.store import plain_errors, sync_folder


class HomeNotEmpty(Conflict):
    """A workspace would be put over files that are there."""

    code = "home_not_empty"


class TargetExists(Conflict):
    """A backup would be written over a file that is there."""

    code = "target_exists"


class BackupMissing(NotFound):
    """There is no backup at that path."""

    code = "backup_missing"


class BackupUnfit(InvalidInput):
    """What is at that path is neither an archive nor a folder."""

    code = "backup_unfit"


def receive(pieces: Iterable[bytes], target: Path, *, force: bool = False) -> Manifest:
    """Write a backup that arrives as a stream to a file, or to a folder unless its name ends in `.tar`.

    It is verified on the way, and appears whole or not at all.

    Raises:
        TargetExists: If there is something and `force` is not given.
    """
    if target.exists() and not force:
        raise TargetExists(
            "There is something already", where=str(target), hint="Choose another name, or give --force."
        )
    temporary = target.with_name(f".{target.name}.{new_id()}")
    try:
        with plain_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.suffix == ".tar":
                manifest = _receive_file(pieces, temporary)
            else:
                manifest = _receive_folder(pieces, temporary)
            _put(temporary, target)
    finally:
        _remove(temporary)
    return manifest


def restore(backup: Path, home: Path, *, force: bool = False) -> tuple[Manifest, Path | None]:
    """Make a workspace from a backup; it appears whole or not at all.

    Args:
        backup: The archive, or the folder.
        home: Where the workspace shall be.
        force: Whether one that is there is moved aside.

    Returns:
        What was restored, and where the former workspace is now.

    Raises:
        BackupMissing: If there is no backup at that path.
        HomeNotEmpty: If there is something in `home` and `force` is not given.
        WorkspaceInUse: If a process works in `home`.
        DamagedBackup: If the backup is not what was written.
    """
    home = home.absolute()
    if placing.is_occupied(home) and not force:
        raise HomeNotEmpty(
            "There is something in this folder",
            where=str(home),
            hint="Choose another --home, or move it aside: --force.",
        )
    with plain_errors(home.parent):
        home.parent.mkdir(parents=True, exist_ok=True)
        earlier = placing.sweep(home)
        temporary = placing.begin(home)
    lock = FolderLock(temporary)  # tells a later call that this one still works, and keeps others out to the end
    try:
        with plain_errors(home.parent), _opened(backup) as (manifest, members):
            for entry, pieces in members:
                _write(temporary / entry.path, pieces, read_only=entry.path.startswith("objects/"))
            (temporary / "objects").mkdir(exist_ok=True)
            _sync_folders(temporary)
            former = placing.place(temporary, home)
    finally:
        lock.release()
        shutil.rmtree(temporary, ignore_errors=True)
    placing.sweep(home)
    return manifest, former or earlier


class _Stream:
    """Reads pieces as a file, and tells somebody of each byte that was read."""

    def __init__(self, pieces: Iterable[bytes], tell: Callable[[bytes], object] = len) -> None:
        self._pieces = iter(pieces)
        self._tell = tell
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        """Return up to that many bytes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._tell(piece)
            self._rest = piece
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def _receive_file(pieces: Iterable[bytes], temporary: Path) -> Manifest:
    with temporary.open("xb") as file:
        stream = _Stream(pieces, file.write)
        manifest, members = archive.unpack(stream)
        for _, content in members:
            for _ in content:
                pass
        while stream.read(1 << 20):
            pass  # the blocks of zeros that end a tar
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _receive_folder(pieces: Iterable[bytes], temporary: Path) -> Manifest:
    temporary.mkdir()
    manifest, members = archive.unpack(_Stream(pieces))
    for entry, content in members:
        _write(temporary / entry.path, content)
    _write(temporary / MANIFEST, iter([msgspec.json.encode(manifest)]))
    _sync_folders(temporary)
    return manifest


@contextmanager
def _opened(backup: Path) -> Iterator[tuple[Manifest, Iterator[Member]]]:
    if backup.is_dir():
        try:
            manifest = archive.read_manifest((backup / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise BackupUnfit(f"{backup} is no backup: it has no {MANIFEST}", hint="Give another folder.") from None
        yield manifest, _folder_members(backup, manifest)
        return
    try:
        file = backup.open("rb")
    except FileNotFoundError:
        raise BackupMissing("There is no backup", where=str(backup), hint="Look at the path.") from None
    with file:
        yield archive.unpack(file)


def _folder_members(backup: Path, manifest: Manifest) -> Iterator[Member]:
    for entry in manifest.files:
        path = backup / entry.path
        if not path.is_file() or path.is_symlink():
            raise archive.damaged(f"{entry.path} is missing")
        with path.open("rb") as file:
            yield entry, archive.verified(entry, _pieces(file))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(1 << 20):
        yield piece


def _write(target: Path, pieces: Iterator[bytes], *, read_only: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if read_only:
        target.chmod(0o444)


def _put(temporary: Path, target: Path) -> None:
    """Let a finished file or folder appear under its name."""
    if target.is_dir():
        old = target.with_name(f".{target.name}.{new_id()}.old")
        target.rename(old)
        temporary.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        temporary.replace(target)
    sync_folder(target.parent)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync_folders(root: Path) -> None:
    for place, _, _ in os.walk(root):
        sync_folder(Path(place))
