"""How far a transfer is, told by the thread that does it and read by others."""

import threading
from collections import Counter
from collections.abc import Mapping

from tidemill.app.trackers.records import Report
from tidemill.core.errors import TidemillError, Unavailable, family_of


class TransferCancelled(Unavailable):
    """Somebody ended a transfer before it was done."""

    code = "transfer_cancelled"


class Progress:
    """The state of one transfer."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._parts: list[tuple[Mapping[str, int], Mapping[str, int]]] = []
        self._doing, self._done, self._total = "", 0, 0
        self._error: TidemillError | None = None
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.notes: list[str] = []

    def join(self, counts: Mapping[str, int], skipped: Mapping[str, int]) -> None:
        """Let counters of others be part of the report."""
        self._parts.append((counts, skipped))

    def begin(self, doing: str, total: int = 0) -> None:
        """Say what is done next, and how much there is of it; 0 when that is not known."""
        self._doing, self._done, self._total = doing, 0, total

    def step(self, count: int = 1) -> None:
        """Say that some of it is done.

        Raises:
            TransferCancelled: If somebody asked for an end.
        """
        self._done += count
        if self._stop.is_set():
            raise TransferCancelled(
                "The transfer was ended before it was done",
                hint="Give the same command again to go on where it was.",
            )

    def cancel(self) -> None:
        """Ask for an end at the next step."""
        self._stop.set()

    def fail(self, error: TidemillError) -> None:
        """Say why it ended early."""
        self._error = error

    def report(self) -> Report:
        """Return how far it is."""
        counts, skipped = Counter(self.counts), Counter(self.skipped)
        for more, left in list(self._parts):
            counts.update(dict(more))
            skipped.update(dict(left))
        error = self._error
        return Report(
            doing=self._doing,
            done=self._done,
            total=max(self._total, self._done) if self._total else 0,
            counts={name: count for name, count in counts.items() if count},
            skipped={name: count for name, count in skipped.items() if count},
            notes=list(self.notes),
            error=error.message if error else "",
            code=error.code if error else "",
            family=family_of(error) if error else "",
            hint=error.hint if error else "",
        )
