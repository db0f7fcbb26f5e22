"""What differed last, remembered: versions do not change, and people leaf through the pages of a difference."""

from collections.abc import Callable
from threading import Lock

from tidemill.data.records import Diff

_MOST_KEPT = 2
Asked = tuple[str, str, int]
"""The identifiers of two versions, and how many rows of each kind of change are shown."""


class Compared:
    """Remembers a few differences."""

    def __init__(self) -> None:
        self._kept: dict[Asked, Diff] = {}
        self._lock = Lock()

    def between(self, asked: Asked, find: Callable[[], Diff]) -> Diff:
        """Return what differs between two versions.

        Args:
            asked: Which ones.
            find: Finds it where it is not remembered.
        """
        found = self._kept.get(asked)
        if found is None:
            found = find()
            with self._lock:
                while len(self._kept) >= _MOST_KEPT:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[asked] = found
        return found
