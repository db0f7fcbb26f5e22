"""What one process tracks at one server: its spool, and the courier that empties it."""

import atexit
import logging
import os
import threading
from pathlib import Path

from tidemill.client.tracking.courier import Courier
from tidemill.client.tracking.frames import Entry
from tidemill.client.tracking.reach import Link, Refusal
from tidemill.client.tracking.spool import Place, SpoolWriter, spool_root
from tidemill.core.settings import Settings

_LOGGER = logging.getLogger("tidemill.track")
_GRACE_S = 30.0
_gate = threading.Lock()
_trackers: "dict[tuple[Place, Path], Tracker]" = {}


class Tracker:
    """Takes entries at once, and has them delivered.

    Args:
        place: The server.
        settings: The token that it is shown, and where spools are.
    """

    def __init__(self, place: Place, settings: Settings) -> None:
        self.place = place
        root = spool_root(settings.spool)
        self._writer = SpoolWriter(root, place)
        if self._writer.failure:
            _LOGGER.warning("no spool can be kept, entries wait in memory: %s", self._writer.failure)
        self._courier = Courier(root, place, self._writer, Link(place, settings))

    @property
    def folder(self) -> Path | None:
        """The spool's folder; None where there can be none."""
        return self._writer.folder

    @property
    def away(self) -> str:
        """Why the server cannot be reached; empty while it can, as far as is known."""
        return self._courier.away

    def add(self, entry: Entry) -> int:
        """Take an entry and return its number; waits for nothing but one write to a local file."""
        number = self._writer.append(entry)
        self._courier.wake()
        return number

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was taken before is at the server; not for a server that is known to be away.

        Returns:
            Whether it is.
        """
        return self._courier.wait_for(self._writer.count, timeout_s)

    def outcome(self, number: int, timeout_s: float) -> Refusal | None:
        """Wait a little for an entry, and return why it was refused, if that is known by then."""
        self._courier.wait_for(number, timeout_s)
        return self._courier.refusal_of(number)

    def close(self, grace_s: float = _GRACE_S) -> bool:
        """Deliver what is left as long as that gets on, and return whether nothing is left."""
        is_done = self._courier.end(grace_s)
        if not is_done:
            _LOGGER.warning(
                "what was tracked waits in %s: the next run on this machine sends it, or `tidemill spool push`",
                self.folder or "memory, and is lost",
            )
        return is_done

    def abandon(self) -> None:
        """Let go of everything in the child of a fork: the spool is the parent's."""
        self._writer.abandon()


def place_from(settings: Settings) -> Place:
    """Return where the settings say that the server is."""
    if settings.url:
        scheme, _, rest = settings.url.partition("://")
        host, slash, path = rest.partition("/")
        # Whoever can read the spool must not learn a password that stood in the URL.
        return Place(url=f"{scheme}://{host.rpartition('@')[2]}{slash}{path}".rstrip("/"))
    return Place(home=str(settings.home))


def tracker_for(settings: Settings) -> Tracker:
    """Return this process's tracker for the server that the settings name."""
    key = (place_from(settings), spool_root(settings.spool))
    with _gate:
        if key not in _trackers:
            _trackers[key] = Tracker(key[0], settings)
        return _trackers[key]


def close_all(grace_s: float = _GRACE_S) -> None:
    """Deliver what this process still has, as far as servers take it, and forget its trackers."""
    with _gate:
        trackers = list(_trackers.values())
        _trackers.clear()
    for tracker in trackers:
        tracker.close(grace_s)


def _after_fork() -> None:
    global _gate  # noqa: PLW0603 - another thread may have held it when the process forked
    _gate = threading.Lock()
    for tracker in _trackers.values():
        tracker.abandon()
    _trackers.clear()


atexit.register(close_all)
os.register_at_fork(after_in_child=_after_fork)
