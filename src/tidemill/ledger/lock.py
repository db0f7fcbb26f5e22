"""One process at a time works in a workspace folder."""

import errno
import fcntl
import json
import os
import time
from pathlib import Path

from tidemill.core.errors import Conflict
from tidemill.ledger.faults import LedgerReadOnly


class WorkspaceInUse(Conflict):
    """Another process works in this folder."""

    code = "workspace_in_use"


class FolderLock:
    """A lock that the operating system gives back when its holder dies, however it dies.

    Args:
        folder: The workspace folder.
        wait_s: How long to wait for another holder to end.

    Raises:
        WorkspaceInUse: If another process holds it after that time.
    """

    def __init__(self, folder: Path, *, wait_s: float = 0.0) -> None:
        self._path = folder / "lock"
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
                raise LedgerReadOnly(
                    "This workspace cannot be written",
                    where=str(folder),
                    hint="Give write permission, or use another --home.",
                ) from error
            raise
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() >= deadline:
                    holder = holder_of(folder)
                    os.close(self._handle)
                    raise _in_use(folder, holder) from error
                time.sleep(0.05)
        self.describe()

    def describe(self, **facts: object) -> None:
        """Write who holds the lock, for the message to others."""
        body = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.pwrite(self._handle, body, 0)
        os.ftruncate(self._handle, len(body))

    def release(self) -> None:
        """Let others in."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1


def holder_of(folder: Path) -> dict[str, object]:
    """Return what the live holder of a folder's lock wrote about itself, or nothing when nobody holds it."""
    try:
        handle = os.open(folder / "lock", os.O_RDONLY)
    except OSError:
        return {}
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            body = os.read(handle, 4096)
            try:
                # The holder may be writing just now: what follows the first value is of an older, longer one.
                found, _ = json.JSONDecoder().raw_decode(body.decode(errors="replace"))
            except ValueError:
                return {}
            return found if isinstance(found, dict) else {}
        return {}
    finally:
        os.close(handle)


def _in_use(folder: Path, holder: dict[str, object]) -> WorkspaceInUse:
    who = f"process {holder['pid']}" if "pid" in holder else "another process"
    url = holder.get("url")
    hint = f"Use it there: export TIDEMILL_URL={url}" if url else "Wait for it, or end it, or use another --home."
    return WorkspaceInUse(f"{who} works in this workspace", where=str(folder), hint=hint)
