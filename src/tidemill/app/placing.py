"""A restored workspace takes the place of another, so that a kill at any line leaves one of the two.

The folder is first given a name that says that it is whole, `.home.restored-ID`; then the old one is moved aside to
`home.before-…-ID`, and the new one takes its name. Killed between those two, the next process that opens the workspace
finds no folder, but both of these with one id, and does the last move.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tidemill.core.errors import NotFound
from tidemill.core.ids import new_id
from tidemill.core.moments import utc_now
from tidemill.ledger.lock import FolderLock, holder_of
from tidemill.objects.store import sync_folder

_WAIT_S = 10.0
_ID_DIGITS = 12
_LOG = logging.getLogger("tidemill.restore")


class WorkspaceMissing(NotFound):
    """There is no workspace in the folder."""

    code = "workspace_missing"


def begin(home: Path) -> Path:
    """Make an empty folder beside the workspace, for what is to take its place."""
    temporary = home.with_name(f"{_prefix(home, 'restoring')}{new_id()[-_ID_DIGITS:]}")
    temporary.mkdir(parents=True)
    return temporary


def place(temporary: Path, home: Path) -> Path | None:
    """Let a whole and synced folder that `begin` gave take a workspace's place.

    Returns:
        Where the workspace is now that was there; None when there was none.

    Raises:
        WorkspaceInUse: If a process works in it.
    """
    number = temporary.name.rpartition("-")[2]
    whole = temporary.rename(home.with_name(f"{_prefix(home, 'restored')}{number}"))
    sync_folder(home.parent)
    try:
        former = _move_aside(home, number) if is_occupied(home) else None
    except BaseException:
        whole.rename(temporary)
        raise
    try:
        whole.rename(home)
    except OSError:
        if former is not None:
            former.rename(home)
        whole.rename(temporary)
        raise
    sync_folder(home.parent)
    return former


def settle(home: Path) -> None:
    """Do the last move of a restore that was killed just before it.

    Raises:
        WorkspaceInUse: If that restore still works.
    """
    found = _unsettled(home)
    if found is None:
        return
    whole, former = found
    with suppress(FileNotFoundError):  # another process does it just now, or the restore was not dead
        lock = FolderLock(whole, wait_s=_WAIT_S)
        try:
            whole.rename(home)
        finally:
            lock.release()
        sync_folder(home.parent)
        _LOG.warning("A restore to %s was killed and is complete now; what was there is in %s", home, former)


def sweep(home: Path) -> Path | None:
    """Remove what restores that were killed left beside the workspace, except what `settle` needs.

    Returns:
        Where the workspace is that such a restore moved aside, while nothing stands in its place.
    """
    whole, former = _unsettled(home) or (None, None)
    for left in [*_left(home, "restoring"), *_left(home, "restored")]:
        if left != whole and not holder_of(left):
            shutil.rmtree(left, ignore_errors=True)
    return former


def is_workspace(home: Path, database: str = "") -> bool:
    """Return whether there is a workspace in a folder, after the last move of a restore that was killed."""
    settle(home.absolute())
    return (home / "ledger.sqlite").exists() or (home / "objects").is_dir() or bool(database and home.is_dir())


def no_workspace(home: Path) -> WorkspaceMissing:
    """Return what to say where a workspace is to be read and there is none."""
    return WorkspaceMissing(
        "There is no workspace",
        where=str(home),
        hint="`tidemill up` makes one, and so does whatever writes; begin a project with `tidemill init`."
        " Give the folder of another with --home.",
    )


def is_occupied(home: Path) -> bool:
    """Return whether there is something at a workspace's place; an empty folder is nothing."""
    return any(home.iterdir()) if home.is_dir() else home.exists()


def _move_aside(home: Path, number: str) -> Path:
    former = home.with_name(f"{home.name}.before-{utc_now():%Y%m%d-%H%M%S}-{number}")
    lock = FolderLock(home) if home.is_dir() else None
    try:
        home.rename(former)
        sync_folder(home.parent)
    finally:
        if lock:
            lock.release()
    return former


def _unsettled(home: Path) -> tuple[Path, Path] | None:
    """Return the folder that was about to take the workspace's place, and the one that gave way to it."""
    if is_occupied(home):
        return None
    for whole in _left(home, "restored"):
        number = whole.name.rpartition("-")[2]
        for former in home.parent.glob(f"{_plain(home.name)}.before-*-{number}"):
            return whole, former
    return None


def _left(home: Path, word: str) -> Iterator[Path]:
    yield from sorted(home.parent.glob(f"{_plain(_prefix(home, word))}*"))


def _prefix(home: Path, word: str) -> str:
    return f".{home.name}.{word}-"


def _plain(name: str) -> str:
    """Return a pattern that matches a name as it is."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
