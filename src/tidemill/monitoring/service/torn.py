"""Capture files that end in a damaged frame: put aside for a person, and not for ever.

All that could be read of such a file is sealed. What follows the damaged frame stays beside the capture as `.torn`, for
30 days and up to 64 MiB in all; then the oldest go, each with an event of the audit that says so.
"""

import logging
import os
import time
from pathlib import Path
from typing import NamedTuple

from tidemill.core.access import Actor
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction

SUFFIX = ".torn"
KEPT_DAYS = 30
KEPT_BYTES = 64 << 20
_DAY_S = 86_400
_LOG = logging.getLogger("tidemill.capture")


class Aside(NamedTuple):
    """A file that was put aside: when, in seconds since the epoch, and how large it is."""

    at_s: float
    path: Path
    size_bytes: int


def put_aside(path: Path, torn_bytes: int) -> None:
    """Keep a capture file whose end could not be read, and say so."""
    os.utime(path)  # its age counts from now on, however old its last frame is
    path.rename(path.with_suffix(SUFFIX))
    _LOG.warning(
        "%s ends in a damaged frame: its last %d bytes could not be read; it is kept for %d days as %s",
        path.name,
        torn_bytes,
        KEPT_DAYS,
        path.with_suffix(SUFFIX),
    )


def due(files: list[Aside], now_s: float) -> list[Aside]:
    """Return the files to remove: those too old, and the oldest of those that are too much together."""
    kept_bytes, gone = 0, []
    for file in sorted(files, reverse=True):
        kept_bytes += file.size_bytes
        if now_s - file.at_s > KEPT_DAYS * _DAY_S or kept_bytes > KEPT_BYTES:
            gone.append(file)
    return gone[::-1]


def discard(ledger: Ledger, actor: Actor, folder: Path) -> int:
    """Remove the files whose time is over, and return how many; the audit tells of each before it goes."""
    gone = due(_aside(folder), time.time())
    if not gone:
        return 0

    def work(tx: Transaction) -> None:
        for file in gone:
            tx.audit("capture.discard", Ref("workspace", "this"), file=file.path.name, size_bytes=file.size_bytes)

    ledger.write(actor, work)
    for file in gone:
        file.path.unlink(missing_ok=True)
        _LOG.warning("%s was put aside %d days ago and is removed", file.path, (time.time() - file.at_s) // _DAY_S)
    return len(gone)


def _aside(folder: Path) -> list[Aside]:
    found = []
    for path in folder.glob(f"*-*{SUFFIX}"):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        found.append(Aside(facts.st_mtime, path, facts.st_size))
    return found
