"""How far additions, checkouts and verifications are, for whoever asks meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from tidemill.data.folders import Underway

Look = Callable[[], Underway]
"""Returns how far a work is."""


class Tell(Protocol):
    """Is told how far a work is."""

    def __call__(self, done: int, total: int, doing: str = "", /) -> None:
        """Take how many bytes of how many are done, and what is done with them where that changes."""


class Works:
    """What is under way in this process, by dataset; of two at once on one dataset the later is told of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: dict[str, Underway] = {}
        self._looks: dict[str, Look] = {}

    @contextmanager
    def begin(self, name: str, doing: str) -> Iterator[Tell]:
        """Give what is told how far a work on a dataset is; it is over at the end.

        Args:
            name: The dataset.
            doing: What is done, such as `files added`.
        """

        def tell(done: int, total: int, now: str = "", /) -> None:
            with self._lock:
                self._now[name] = Underway(doing=now or doing, done=done, total=total)

        tell(0, 0)
        try:
            yield tell
        finally:
            with self._lock:
                self._now.pop(name, None)

    @contextmanager
    def watch(self, name: str, look: Look) -> Iterator[None]:
        """Let whoever asks look how far a work is that tells nothing itself; it is over at the end.

        Args:
            name: The dataset.
            look: Returns how far it is.
        """
        with self._lock:
            self._looks[name] = look
        try:
            yield
        finally:
            with self._lock:
                self._looks.pop(name, None)

    def all(self) -> list[Underway]:
        """Return how far every work is, by dataset."""
        with self._lock:
            names = sorted({*self._now, *self._looks})
        found = [msgspec.structs.replace(self.find(name), dataset=name) for name in names]
        return [each for each in found if each.doing]

    def find(self, name: str) -> Underway:
        """Return how far the work on a dataset is; one in which nothing is done when there is none."""
        with self._lock:
            look = self._looks.get(name)
            now = self._now.get(name, Underway())
        if look is None:
            return now
        found = look()
        return found if found.done else now
