"""How objects leave a store that others write to.

Bytes are stored before the ledger names them, and bytes that are there already are not written again. So whoever relies
on an object touches it first, which makes it young; a collector takes only old ones. One lock of the operating system,
shared by those who touch and held alone by the collector, keeps the two apart, also between processes. What leaves is
moved aside first, so that it can be put back until it is known that nothing came to name it; a kill in between leaves
it aside, and the next start puts it back.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tidemill.core.digests import Digest


class Leaving:
    """The objects that are set aside, and the lock.

    Args:
        folder: Where they are set aside; on the disk of the objects.
        place: Gives where an object stands.
    """

    def __init__(self, folder: Path, place: Callable[[Digest], Path]) -> None:
        self._folder = folder
        self._place = place
        folder.mkdir(exist_ok=True)

    def touch(self, digest: Digest) -> bool:
        """Return whether an object is there; if so, it stays for as long as one that was written now."""
        with self._locked(fcntl.LOCK_SH):
            return _touched(self._place(digest))

    def settle(self, temporary: Path, digest: Digest) -> bool:
        """Make a finished file the object of its digest, and return whether it is a new one; else the file is gone."""
        target = self._place(digest)
        with self._locked(fcntl.LOCK_SH):
            if _touched(target):
                temporary.unlink()
                return False
            target.parent.mkdir(exist_ok=True)
            os.utime(temporary)
            temporary.chmod(0o444)
            temporary.replace(target)
        return True

    def set_aside(self, digest: Digest, before_s: float) -> int | None:
        """Move an object away that nobody touched since a moment; return its size, None when it stays."""
        path = self._place(digest)
        with self._locked(fcntl.LOCK_EX):
            try:
                found = path.stat()
            except FileNotFoundError:
                return None
            if found.st_mtime >= before_s:
                return None
            path.replace(self._folder / digest)
        return found.st_size

    def put_back(self, digest: Digest) -> None:
        """Return an object to its place, unless it was written anew meanwhile."""
        path = self._place(digest)
        with self._locked(fcntl.LOCK_EX):
            if path.exists():
                (self._folder / digest).unlink(missing_ok=True)
            else:
                path.parent.mkdir(exist_ok=True)
                (self._folder / digest).replace(path)

    def put_all_back(self) -> None:
        """Return what a killed collector left aside. Only at start, under the workspace's lock."""
        for left in self._folder.iterdir():
            self.put_back(Digest(left.name))

    def delete(self, digest: Digest) -> None:
        """Delete what was set aside."""
        (self._folder / digest).unlink(missing_ok=True)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        # A handle of its own: threads that shared one would share its lock too.
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)


def _touched(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
