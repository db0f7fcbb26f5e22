"""The courier: a thread that takes what waits in spools to the server, in order, and tries until it arrives."""

import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tidemill.client.tracking.entries import forget_copy, logged, merged, send
from tidemill.client.tracking.frames import Entry, read_lines
from tidemill.client.tracking.reach import COURIER, Link, Refusal, ServerAway
from tidemill.client.tracking.reading import Claim, SpoolReader, claims
from tidemill.client.tracking.spool import Place, SpoolWriter

_LOGGER = logging.getLogger("tidemill.track")
_GATHER_S = 0.05
_EMBEDDED_PAUSE_S = 2.0
_ADOPT_EVERY_S = 10.0
_LONGEST_PAUSE_S = 15.0
_FAULTS_UNTIL_REFUSED = 10
_MOST_REFUSALS = 1000


class Source(Protocol):
    """What waits: entries in order, and what becomes of them."""

    folder: Path | None

    def peek(self) -> list[Entry]:
        """Return the next entries."""

    def passed(self, count: int) -> None:
        """Note that the first of them are done with."""

    def refuse(self, entry: Entry, refusal: Refusal) -> None:
        """Put one aside."""


class FolderSource:
    """The entries in a spool's files."""

    def __init__(self, reader: SpoolReader) -> None:
        self.folder: Path | None = reader.folder
        self.reader = reader

    def peek(self) -> list[Entry]:
        """Return the next entries."""
        self._seen = self.reader.peek()
        return [waiting.entry for waiting in self._seen]

    def passed(self, count: int) -> None:
        """Note that the first of them are done with."""
        last = self._seen[count - 1]
        self._seen = self._seen[count:]
        self.reader.advance(last.segment, last.end)

    def refuse(self, entry: Entry, refusal: Refusal) -> None:
        """Put one aside, in the spool."""
        self.reader.refuse(entry, refusal.code, refusal.message)


class MemorySource:
    """The entries that the disk would not take."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.waiting: list[Entry] = []

    def add(self, lines: list[bytes]) -> None:
        """Take further ones."""
        self.waiting += [line.entry for line in read_lines(b"".join(lines)) if line.entry is not None]

    def peek(self) -> list[Entry]:
        """Return the next entries."""
        return self.waiting

    def passed(self, count: int) -> None:
        """Note that the first of them are done with."""
        del self.waiting[:count]

    def refuse(self, entry: Entry, refusal: Refusal) -> None:
        """Let one go: there is no disk to put it on, and the log says what it was."""


class Deliverer:
    """Delivers the entries of sources over one link.

    Args:
        link: The connection.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.delivered = 0
        self.refused = 0
        self._faults = 0

    def drain(self, source: Source, after: Callable[[Entry, Refusal | None], None] | None = None) -> None:
        """Deliver all that waits in a source.

        Args:
            source: What waits.
            after: Is called with the last entry that a request carried, and why it was refused, if it was.

        Raises:
            ServerAway: If the server cannot be reached; what was delivered until then stays delivered.
        """
        while entries := source.peek():
            while entries:
                whole, count = merged(entries)
                refusal = self._try(whole, source)
                if refusal and count > 1:  # one of them is at fault: each by itself, so that it fails alone
                    whole, count = entries[0], 1
                    refusal = self._try(whole, source)
                last, entries = entries[count - 1], entries[count:]
                if refusal:
                    self.refused += 1
                    source.refuse(whole, refusal)
                    _LOGGER.warning("the server refused %s of run %s: %s", whole["op"], whole["run"], refusal.message)
                else:
                    self.delivered += count
                source.passed(count)
                if not refusal:
                    forget_copy(whole, source.folder)
                if after:
                    after(last, refusal)

    def resend(self, entries: list[Entry], folder: Path | None) -> list[tuple[Entry, str, str]]:
        """Deliver entries that were refused before, and return those that are refused again, with the reasons.

        Raises:
            ServerAway: If the server cannot be reached; then nothing is known of any of them.
        """
        again: list[tuple[Entry, str, str]] = []
        for entry in entries:
            if refusal := send(entry, self.link, folder):
                again.append((entry, refusal.code, refusal.message))
                self.refused += 1
            else:
                self.delivered += 1
        return again

    def _try(self, entry: Entry, source: Source) -> Refusal | None:
        try:
            refusal = send(entry, self.link, source.folder)
        except ServerAway as error:
            # A server that fails on one entry again and again must not hold up all that come after.
            self._faults += error.details.get("status") == 500
            if self._faults >= _FAULTS_UNTIL_REFUSED:
                self._faults = 0
                return Refusal("server_fault", error.message)
            raise
        self._faults = 0
        return refusal


class Courier:
    """Delivers one process's entries, after those that dead processes left for the same server.

    Args:
        root: The folder of all spools.
        place: The server.
        writer: This process's spool.
        link: The connection to the server.
    """

    def __init__(self, root: Path, place: Place, writer: SpoolWriter, link: Link) -> None:
        self._root, self._place, self._writer = root, place, writer
        self._own = FolderSource(SpoolReader(writer.folder)) if writer.folder else None
        self._memory = MemorySource(writer.folder)
        self._deliverer = Deliverer(link)
        self._link = link
        self._state = threading.Condition()
        self._done = 0
        self._away = ""
        self._refusals: dict[int, Refusal] = {}
        self._is_ending = self._is_asked = self._is_idle = self._has_ended = False
        self._adopted_at = -_ADOPT_EVERY_S
        self._has_tried_last = False
        self._pause = 0.0
        self._thread = threading.Thread(target=self._run, name=COURIER, daemon=True)
        self._thread.start()

    @property
    def away(self) -> str:
        """Why the server cannot be reached; empty while it can, as far as is known."""
        return self._away

    @property
    def done(self) -> int:
        """The number of the last entry that was delivered or put aside."""
        return self._done

    def wake(self) -> None:
        """Say that there is something to deliver."""
        # While it works or gathers it looks by itself: a training that logs often must not pay for waking it each time.
        if self._is_idle:
            with self._state:
                self._state.notify_all()

    def wait_for(self, number: int, timeout_s: float) -> bool:
        """Wait until an entry is dealt with; not longer than some seconds, and not at all for a server that is away.

        Returns:
            Whether it was.
        """
        deadline = time.monotonic() + timeout_s
        with self._state:
            while self._done < number:
                self._is_asked = True
                self._state.notify_all()
                left = deadline - time.monotonic()
                if left <= 0 or self._away or self._has_ended:
                    return False
                self._state.wait(left)
        return True

    def refusal_of(self, number: int) -> Refusal | None:
        """Return why an entry was refused, if it was."""
        return self._refusals.pop(number, None)

    def end(self, grace_s: float) -> bool:
        """Deliver what is left while the server takes it, then stop; return whether all was delivered."""
        with self._state:
            self._is_ending = True
            seen = self._done
            deadline = time.monotonic() + grace_s
            while not self._has_ended:
                self._state.notify_all()
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._state.wait(min(left, 1.0))
                if self._done != seen:
                    seen, deadline = self._done, time.monotonic() + grace_s
        is_done = self._done >= self._writer.count and not self._memory.waiting
        self._writer.close()
        if self._has_ended and self._own:
            if is_done:
                self._own.reader.remove()
            self._own.reader.close()
        return is_done

    def _run(self) -> None:
        while self._wait():
            if self._deliver():
                self._pause = 0.0
            else:
                self._pause = min(max(self._pause * 2, 0.5), _LONGEST_PAUSE_S) * random.uniform(0.8, 1.0)  # noqa: S311
        self._link.close()
        with self._state:
            self._has_ended = True
            self._state.notify_all()

    def _wait(self) -> bool:
        """Wait for something to do; return whether to go on."""
        with self._state:
            if self._away:
                self._state.wait_for(lambda: self._is_ending, self._pause)
                return self._goes_on()
            self._is_idle = True
            self._state.wait_for(lambda: self._is_ending or self._is_asked or self._done < self._writer.count)
            self._is_idle = False
            gather = _GATHER_S if self._link.is_shared else _EMBEDDED_PAUSE_S
            self._state.wait_for(lambda: self._is_ending or self._is_asked, gather)
            return self._goes_on()

    def _goes_on(self) -> bool:
        if not self._is_ending:
            return True
        is_first, self._has_tried_last = not self._has_tried_last, True
        return is_first or (not self._away and self._done < self._writer.count)

    def _deliver(self) -> bool:
        self._writer.sync()
        try:
            # At first, as dead processes may have logged to the same runs; later for children that died of `os._exit`.
            if self._is_ending or time.monotonic() - self._adopted_at >= _ADOPT_EVERY_S:
                self._adopt()
                self._adopted_at = time.monotonic()
            self._deliver_own()
            self._link.rest()
        except ServerAway as error:
            if not self._away:
                _LOGGER.warning("%s. Entries wait in %s", error.message, self._writer.folder or "memory")
            self._link.rest()
            self._settle(str(error.message))
            return False
        except Exception as error:  # whatever it is, training goes on and what waits is kept
            _LOGGER.exception("delivering failed")
            self._settle(repr(error))
            return False
        if self._away:
            _LOGGER.warning("%s answers again", self._place)
        self._settle("")
        return True

    def _settle(self, away: str) -> None:
        with self._state:
            self._away, self._is_asked = away, False
            self._state.notify_all()

    def _adopt(self) -> None:
        """Deliver what dead processes left."""
        for claim in claims(self._root, self._place):
            deliver_claim(claim, self._deliverer)

    def _deliver_own(self) -> None:
        last = self._writer.count
        if self._own:
            self._deliverer.drain(self._own, self._note)
            self._writer.forget(self._own.reader.freed)
            self._own.reader.freed = 0
        self._memory.add(self._writer.held(self._done))
        self._deliverer.drain(self._memory, self._note)
        with self._state:  # those up to there that were not met were dropped for want of room
            self._done = max(self._done, last)
            self._state.notify_all()
        dropped, self._writer.dropped = self._writer.dropped, {}
        for run_id, count in dropped.items():
            _LOGGER.error("%d entries of run %s were lost: neither disk nor memory had room", count, run_id)
            for entry in logged(run_id, tags={"tidemill.dropped": str(count)}):
                self._writer.append(entry)

    def _note(self, entry: Entry, refusal: Refusal | None) -> None:
        number = int(entry["n"])
        with self._state:
            if refusal and len(self._refusals) < _MOST_REFUSALS:
                self._refusals[number] = refusal
            self._done = max(self._done, number)
            self._state.notify_all()


def deliver_claim(claim: Claim, deliverer: Deliverer) -> None:
    """Deliver a spool that a dead process left.

    Raises:
        ServerAway: If the server cannot be reached.
    """
    is_done = False
    try:
        deliverer.drain(FolderSource(claim.reader))
        is_done = True
    finally:
        claim.release(is_done=is_done)
