"""Those who read a whole workspace go together; who removes from it goes alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tidemill.core.errors import Conflict

_WAIT_S = 10.0


class MaintenanceBusy(Conflict):
    """Something else that needs the workspace as a whole is under way."""

    code = "maintenance_busy"


class Turns:
    """Who may go now."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = 0
        self._is_taken = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody else out for a while.

        Raises:
            MaintenanceBusy: If others do not end in time.
        """
        with self._free(lambda: not self._is_taken and not self._together, "a check, a backup or a collection"):
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keep out who must go alone."""
        leave = self.join()
        try:
            yield
        finally:
            leave()

    def join(self) -> Callable[[], None]:
        """Keep out who must go alone until the function that this returns is called.

        Raises:
            MaintenanceBusy: If a collection does not end in time.
        """
        with self._free(lambda: not self._is_taken, "a collection"):
            self._together += 1
        return self._leave

    def _leave(self) -> None:
        with self._changed:
            self._together -= 1
            self._changed.notify_all()

    @contextmanager
    def _free(self, is_free: Callable[[], bool], what: str) -> Iterator[None]:
        """Give a moment in which it is free and nobody else changes that."""
        with self._changed:
            if not self._changed.wait_for(is_free, timeout=_WAIT_S):
                raise MaintenanceBusy(
                    f"The workspace is busy: {what} is under way", hint="Try again when it has ended."
                )
            yield


class Lasting(Iterator[bytes]):
    """Pieces that are read over time, and something to call once when they were, or nobody wants them any more.

    Args:
        pieces: The pieces.
        end: What to call.
    """

    def __init__(self, pieces: Iterator[bytes], end: Callable[[], None]) -> None:
        self._pieces = pieces
        self._end: Callable[[], None] | None = end

    def __next__(self) -> bytes:
        """Return the next piece."""
        try:
            return next(self._pieces)
        except BaseException:
            self._finish()
            raise

    def __del__(self) -> None:
        """Note that nobody reads on."""
        self._finish()

    def _finish(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            end()
