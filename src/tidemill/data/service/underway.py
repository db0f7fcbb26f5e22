"""How far additions, checkouts and verifications are, for whoever asks meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidemill.data.folders import Underway

Tell = Callable[[int, int], None]
"""Is told how many bytes of how many are done."""


class Works:
    """What is under way in this process, by dataset; of two at once on one dataset the later is told of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, Underway] = {}

    @contextmanager
    def begin(self, name: str, doing: str) -> Iterator[Tell]:
        """Give what is told how far a work on a dataset is; it is over at the end.

        Args:
            name: The dataset.
            doing: What is done, such as `files added`.
        """

        def tell(done: int, total: int) -> None:
            with self._lock:
                self._now[name] = Underway(doing=doing, done=done, total=total)

        tell(0, 0)
        try:
            yield tell
        finally:
            with self._lock:
                self._now.pop(name, None)

    def find(self, name: str) -> Underway:
        """Return how far the work on a dataset is; one in which nothing is done when there is none."""
        with self._lock:
            return self._now.get(name, Underway())
