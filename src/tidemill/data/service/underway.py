"""How far additions, checkouts and verifications are, for whoever asks meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidemill.data.folders import Underway

Tell = Callable[[int, int], None]
"""Is told how many bytes of how many are done."""

Look = Callable[[], tuple[int, int]]
"""Returns how many bytes of how many are done."""


class Works:
    """What is under way in this process, by dataset; of two at once on one dataset the later is told of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, Underway] = {}
        self._looks: dict[str, tuple[str, Look]] = {}

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

    @contextmanager
    def watch(self, name: str, doing: str, look: Look) -> Iterator[None]:
        """Let whoever asks look how far a work is that tells nothing itself; it is over at the end.

        Args:
            name: The dataset.
            doing: What is done, such as `bytes fetched`.
            look: Returns how many are done of how many; 0 when that is not known.
        """
        with self._lock:
            self._looks[name] = (doing, look)
        try:
            yield
        finally:
            with self._lock:
                self._looks.pop(name, None)

    def find(self, name: str) -> Underway:
        """Return how far the work on a dataset is; one in which nothing is done when there is none."""
        with self._lock:
            doing, look = self._looks.get(name, ("", None))
            now = self._now.get(name, Underway())
        if look is None:
            return now
        done, total = look()
        return Underway(doing=doing, done=done, total=total) if done else now
