"""Files that arrive in a folder: which of them are written to their end, and not yet known."""

import glob
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tidemill.core.moments import from_us
from tidemill.data.records import SourceFile

_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", "~")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file as it was seen.

    Args:
        path: Where it is.
        size_bytes: Its size.
        modified_at: When it was last written.
    """

    path: Path
    size_bytes: int
    modified_at: datetime

    def is_as(self, held: SourceFile) -> bool:
        """Return whether it is still the file that was read."""
        return (held.size_bytes, held.modified_at) == (self.size_bytes, self.modified_at)


@dataclass(frozen=True, slots=True)
class Look:
    """What is there now.

    Args:
        complete: New files that nobody writes any more, oldest first.
        growing: Files that are still written.
        changed: Files that were read, and are others since.
    """

    complete: list[Arrival]
    growing: list[Arrival]
    changed: list[Arrival]


class Arrivals:
    """Looks at a folder or a pattern again and again.

    A file is complete when it was last written some time ago, and is the same in two looks, if there was one before.
    Hidden files and those with a name of an unfinished one, such as `x.csv.part`, are left alone.

    Args:
        pattern: An absolute path of a folder, or a pattern.
        settle: How long ago a complete file was last written.
    """

    def __init__(self, pattern: str, settle: timedelta) -> None:
        self._pattern = os.path.join(glob.escape(pattern), "*") if Path(pattern).is_dir() else pattern  # noqa: PTH118
        self._settle = settle
        self._before: dict[Path, Arrival] | None = None

    def look(self, now: datetime, held: Mapping[str, SourceFile]) -> Look:
        """Return what is there.

        Args:
            now: The time.
            held: The files that were read, by path.
        """
        seen = {arrival.path: arrival for arrival in map(_seen, self._names()) if arrival}
        found = Look([], [], [])
        for path, arrival in seen.items():
            known = held.get(str(path))
            if known:
                if not arrival.is_as(known):
                    found.changed.append(arrival)
            elif self._is_complete(arrival, now):
                found.complete.append(arrival)
            else:
                found.growing.append(arrival)
        self._before = seen
        found.complete.sort(key=lambda arrival: (arrival.modified_at, arrival.path))
        return found

    def _names(self) -> list[str]:
        return sorted(glob.glob(self._pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern

    def _is_complete(self, arrival: Arrival, now: datetime) -> bool:
        is_same = self._before is None or self._before.get(arrival.path) == arrival
        return is_same and now - arrival.modified_at >= self._settle


def _seen(name: str) -> Arrival | None:
    path = Path(os.path.realpath(name))
    if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
        return None
    try:
        state = path.stat()
    except OSError:  # gone since it was listed
        return None
    if not stat.S_ISREG(state.st_mode):
        return None
    return Arrival(path, state.st_size, from_us(state.st_mtime_ns // 1000))
