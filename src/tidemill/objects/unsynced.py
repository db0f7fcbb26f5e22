"""Small objects that are safe before their files are: their bytes stand in the ledger until the files are synced.

A file of its own costs a sync of the file and one of its folder, several times the commit that names it. The bytes of a
small object go into that commit instead; its file is written at once, without a sync, for whoever reads it. Later the
files are synced together and the bytes leave the ledger. After a crash of the machine, what the disk lost is written
again from the ledger.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import sqlalchemy as sa

from tidemill.core.access import SYSTEM
from tidemill.core.digests import Digest
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.dialect import write_one
from tidemill.ledger.schema import metadata
from tidemill.objects.store import DamagedObject, ObjectMissing, ObjectStore

SMALL = 64 << 10
"""Bytes up to which an object may wait in the ledger."""

_MOST_WAITING = 2000
_MOST_BYTES = 16 << 20
_AT_ONCE = 200
_KEEP = "INSERT INTO unsynced_objects (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING"
_LOG = logging.getLogger(__name__)

unsynced_objects = sa.Table(
    "unsynced_objects",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


class Unsynced:
    """Objects whose bytes stand in the ledger until their files are synced.

    Args:
        ledger: Where the bytes stand.
        objects: Where the files are.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects
        self._waiting = self._waiting_bytes = 0
        self._settling = threading.Lock()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="object-sync")

    def put(self, content: bytes) -> Digest:
        """Write an object unsynced, and return its digest; `keep` must follow in the transaction that names it."""
        return self._objects.put_unsynced(content)

    def keep(self, tx: Transaction, digest: Digest, content: bytes) -> None:
        """Keep the bytes of an object in the transaction that names it."""
        write_one(tx.connection, _KEEP, digest, content)

    def kept(self, size: int) -> None:
        """Note that one more of a size in bytes waits, after its commit; many are synced together in the background."""
        self._waiting += 1
        self._waiting_bytes += size
        if self._waiting >= _MOST_WAITING or self._waiting_bytes >= _MOST_BYTES:
            self._waiting = self._waiting_bytes = 0
            self._background.submit(self._settle_or_say)

    def settle(self) -> int:
        """Sync the files of all that wait, take their bytes out of the ledger, and return how many there were."""
        count = 0
        with self._settling:
            while found := self._next():
                for digest, content in found.items():
                    if not self._is_whole(digest):
                        self._objects.put_bytes(content)
                self._objects.sync(found)
                self._ledger.write(SYSTEM, partial(_forget, digests=list(found)))
                count += len(found)
        return count

    def _settle_or_say(self) -> None:
        try:
            self.settle()
        except Exception:  # noqa: BLE001 - a thread has nobody else to tell
            _LOG.exception("Small files wait in the ledger for longer; the next start makes files of them")

    def recover(self) -> None:
        """Settle what an earlier process left, and forget what it never named. Only at start, under the lock."""
        self.settle()
        self._objects.clear_unsynced()

    def close(self) -> None:
        """Settle what waits, and end the background."""
        self._background.shutdown()
        self.settle()

    def _next(self) -> dict[Digest, bytes]:
        query = sa.select(unsynced_objects.c.digest, unsynced_objects.c.content).limit(_AT_ONCE)
        with self._ledger.read() as connection:
            return {Digest(digest): content for digest, content in connection.execute(query)}

    def _is_whole(self, digest: Digest) -> bool:
        try:
            self._objects.read(digest)
        except (ObjectMissing, DamagedObject):
            return False
        return True


def _forget(tx: Transaction, digests: list[Digest]) -> None:
    tx.execute(sa.delete(unsynced_objects).where(unsynced_objects.c.digest.in_(digests)))
