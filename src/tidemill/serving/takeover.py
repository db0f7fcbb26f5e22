"""One data plane a workspace: a new one ends the one before it.

A data plane outlives a control plane that was killed, and goes on answering. When the control plane comes back it
starts a data plane anew, and the old one must make way for its port.
"""

import fcntl
import os
import signal
import time
from pathlib import Path

from tidemill.core.errors import Conflict

_WAIT_S = 20.0
_LOOK_S = 0.005
_held: list[int] = []


class PlaneBusy(Conflict):
    """Another data plane of the workspace does not end."""

    code = "plane_busy"


def take_over(folder: Path) -> None:
    """Hold the workspace's lock until this process ends; whoever holds it now is asked to drain and end.

    Raises:
        PlaneBusy: If it does not end in time.
    """
    file = os.open(folder / "plane.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _WAIT_S
    asked = 0
    while not _locked(file):
        holder = int(os.pread(file, 20, 0) or b"0")
        if holder and holder != asked:
            asked = holder
            _ask_to_end(holder)
        if time.monotonic() > deadline:
            os.close(file)
            raise PlaneBusy(f"The data plane {holder} of this workspace does not end", hint=f"Run: kill -9 {holder}")
        time.sleep(_LOOK_S)
    os.pwrite(file, b"%-20d" % os.getpid(), 0)
    _held.append(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ask_to_end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return  # It ended just now; its children end when they miss it.
