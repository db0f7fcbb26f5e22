"""Processes that serve one port: a scrape reaches any of them and must tell of all."""

import fcntl
import os
from pathlib import Path

import msgspec

from tidemill.serving.metrics import Metrics, Samples, merge, pack, unpack


class Siblings:
    """Shares the counters among the processes of a data plane, by a file of each.

    Args:
        folder: `<home>/serving`.
        metrics: Counters of this process.
        shared: Whether there are others at all.
    """

    def __init__(self, folder: Path, metrics: Metrics, *, shared: bool) -> None:
        self._folder = folder
        self._metrics = metrics
        self._path = folder / f"metrics-{os.getpid()}.json"
        self._file = -1
        if shared:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def publish(self) -> None:
        """Let the others see the counters of this process."""
        if self._file < 0:
            return
        data = pack(self._metrics.samples())
        try:
            os.pwrite(self._file, data, 0)
            os.ftruncate(self._file, len(data))
        except OSError:
            return  # A full disk costs the others a fresh view and nothing else.

    def scrape(self) -> Samples:
        """Return the samples of all processes together."""
        parts = [self._metrics.samples()]
        if self._file >= 0:
            parts += [part for path in self._folder.glob("metrics-*.json") if (part := self._read(path))]
        return merge(parts)

    def _read(self, path: Path) -> Samples | None:
        if path == self._path:
            return None
        try:
            with path.open("rb") as file:
                if _is_free(file.fileno()):
                    path.unlink(missing_ok=True)
                    return None
                return unpack(file.read())
        except (OSError, msgspec.DecodeError):
            return None  # It ended just now, or is writing: the next scrape sees it.

    def leave(self) -> None:
        """Take this process out."""
        if self._file >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1


def _is_free(file: int) -> bool:
    """Return whether no living process holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
