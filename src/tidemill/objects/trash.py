"""Folders made from objects, which can be made again: put away so that a kill leaves no half of one under its name."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from tidemill.core.ids import new_id

_MARK = ".trash-"


def discard(folder: Path) -> bool:
    """Remove a folder or file; from the first moment on nothing is found under its name.

    Returns:
        Whether it was there and could be moved away; what cannot be deleted then stays as trash for the next time.
    """
    away = folder.with_name(f"{_MARK}{new_id()}")
    try:
        folder.rename(away)
    except OSError:
        return False
    _delete(away)
    return True


def clear_trash(parent: Path) -> None:
    """Remove what `discard` had no time to delete in a folder."""
    for left in _entries(parent):
        if left.name.startswith(_MARK):
            _delete(left)


def clear_leftovers(parent: Path, *, prefixes: Iterable[str] = (".",)) -> int:
    """Remove what killed processes left half made in a folder, and return how many there were.

    Only where nobody works in it.
    """
    found = [left for left in _entries(parent) if left.name.startswith(tuple(prefixes))]
    for left in found:
        _delete(left)
    return len(found)


def keep_newest(parent: Path, count: int) -> None:
    """Discard all folders in a folder but those that were made last."""
    made = sorted(((path.lstat().st_mtime_ns, path) for path in _entries(parent)), reverse=True)
    for _, path in made[count:]:
        discard(path)


def _entries(parent: Path) -> list[Path]:
    return list(parent.iterdir()) if parent.is_dir() else []


def _delete(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for place, _, _ in os.walk(path):
        Path(place).chmod(0o700)  # snapshots of code are kept without the right to write
    shutil.rmtree(path, ignore_errors=True)
