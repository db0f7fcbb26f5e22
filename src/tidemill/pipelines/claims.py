"""One process at a time executes a run."""

import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import SYSTEM
from tidemill.core.ids import new_id
from tidemill.ledger import Ledger, Transaction
from tidemill.pipelines import store
from tidemill.pipelines.errors import ClaimLost, RunBusy

LEASE = timedelta(seconds=20)
RENEW_S = 5.0
_HELD: set[str] = set()
"""The owners that live in this process: a claim whose row could not be removed, as on a full disk, binds nobody."""


class Claim:
    """The right to execute a run: held as long as the process lives, or on another machine as long as it is renewed.

    Args:
        ledger: Where claims are.
        run_id: The run.
        also: What to write in the same transaction, once the claim is taken.

    Raises:
        RunBusy: If a living process executes it.
    """

    def __init__(self, ledger: Ledger, run_id: str, also: Callable[[Transaction], None] | None = None) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._owner = new_id()
        self._is_held = True
        self._also = also
        _HELD.add(self._owner)
        try:
            ledger.write(SYSTEM, self._take)
        except BaseException:
            self.forget()
            raise

    def check(self, tx: Transaction) -> None:
        """Let a write pass while the claim holds, and renew it.

        Raises:
            ClaimLost: If another process took the run over.
        """
        table = store.run_claims.c
        mine = sa.and_(table.run_id == self._run_id, table.owner == self._owner)
        change = sa.update(store.run_claims).where(mine).values(expires_at=tx.now + LEASE)
        if not tx.execute(change).rowcount:
            raise ClaimLost(f"Another process executes run {self._run_id}", hint="Follow it there.")

    def release(self) -> None:
        """Give the claim back, unless it was given back already."""
        if self._is_held:
            self.forget()
            self._ledger.write(SYSTEM, self.release_within)

    def release_within(self, tx: Transaction) -> None:
        """Give the claim back as a part of a larger transaction; `forget` it when that is committed."""
        table = store.run_claims.c
        tx.execute(sa.delete(store.run_claims).where(table.run_id == self._run_id, table.owner == self._owner))

    def forget(self) -> None:
        """Note that the claim is not held any more."""
        self._is_held = False
        _HELD.discard(self._owner)

    def _take(self, tx: Transaction) -> None:
        holder = living_holder(tx, self._run_id)
        if holder:
            raise RunBusy(
                f"Process {holder} executes run {self._run_id}",
                hint="Wait for it; a process that died gives the run free by itself.",
            )
        row = {
            "run_id": self._run_id,
            "owner": self._owner,
            "host": socket.gethostname(),
            "process": _this_process(),
            "expires_at": tx.now + LEASE,
        }
        tx.upsert(store.run_claims, row)
        if self._also is not None:
            self._also(tx)


def living_holder(tx: Transaction, run_id: str) -> str:
    """Return which process executes a run, as a person reads it; empty when none does."""
    table = store.run_claims.c
    found = tx.connection.execute(sa.select(store.run_claims).where(table.run_id == run_id)).one_or_none()
    if found is None:
        return ""
    is_here = found.host == socket.gethostname()
    if is_here and found.process == _this_process():
        lives = found.owner in _HELD
    else:
        lives = _lives(found.process) if is_here else found.expires_at > tx.now
    return f"{found.process.partition(':')[0]} on {found.host}" if lives else ""


def _this_process() -> str:
    return f"{os.getpid()}:{_birth(os.getpid())}"


def _lives(process: str) -> bool:
    """Return whether a process of this machine lives: the one of that id which was born then, not a later one."""
    number, _, birth = process.partition(":")
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _birth(int(number)) == birth


def _birth(number: int) -> str:
    """Return when a process was born, in the system's own clock; empty where the system does not tell."""
    try:
        facts = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "dead" if facts[0] in {"Z", "X"} else facts[19]
