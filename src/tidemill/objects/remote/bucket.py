"""Named bytes at a place: put, created once, read in full or in part, listed, deleted; tried again when that helps.

A request is made again when the place is busy (429, 5xx), does not answer, or sends less than it said. Its errors are
told by status and code alone: an address that a library quotes may be signed.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast

from tidemill.core.errors import OutOfSpace, TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment
from tidemill.objects.remote.errors import RemoteDenied, RemoteNotThere, RemoteObjectMissing, RemoteUnavailable

if TYPE_CHECKING:
    import obstore
    from obstore import exceptions
    from obstore.store import ObjectStore as Store
else:
    obstore = lazy("obstore")
    exceptions = lazy("obstore.exceptions")

T = TypeVar("T")
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_BUSY = {408, 429}
_UNKNOWN = {501, 505}
_FULL_WORDS = ("No space left", "os error 28", "Disk quota", "os error 122")
_CLOSED_WORDS = ("Permission denied", "Read-only file system", "os error 13", "os error 30")


Mark = dict[str, str]
"""What tells one state of a name from the next: some stores use an ETag, some a generation."""


class Waits(Protocol):
    """How often a request is made, and how long is waited in between."""

    @property
    def tries(self) -> int:
        """How often."""
        ...

    @property
    def first_wait_s(self) -> float:
        """The first wait."""
        ...

    @property
    def longest_wait_s(self) -> float:
        """The longest one."""
        ...


class Found(NamedTuple):
    """A name at a place."""

    key: str
    size: int
    modified_at: Moment


class _Short(Exception):
    """Fewer bytes came than were asked for."""


class Bucket:
    """A place, with what every name begins with already said.

    Args:
        store: The library's handle.
        shown: The place as people write it.
        waits: How often a request is made, and how long is waited in between.
        folder: The folder, where the place is one: what is written there is synced.
        sleep: Waits.
    """

    def __init__(
        self,
        store: "Store",
        shown: str,
        waits: Waits,
        *,
        folder: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._shown = shown
        self._waits = waits
        self._folder = folder
        self._sleep = sleep

    def __str__(self) -> str:
        """Return the place as people write it."""
        return self._shown

    def put(self, key: str, content: bytes) -> Mark:
        """Write bytes under a name, over what is there, and return the mark of what was written."""
        return self._put(key, content, "overwrite")

    def create(self, key: str, content: bytes) -> bool:
        """Write bytes under a name that must be free, and return whether it was.

        A write whose answer was lost is made again and finds its own bytes: that is success too.
        """
        try:
            self._put(key, content, "create")
        except exceptions.AlreadyExistsError:
            return self.read(key) == content
        return True

    def replace(self, key: str, content: bytes, mark: Mark) -> bool:
        """Write bytes over those that have a mark, and return whether they still had it.

        Raises:
            NotImplementedError: If the place knows no such write.
        """
        try:
            self._put(key, content, cast("obstore.UpdateVersion", mark))
        except exceptions.PreconditionError:
            return False
        return True

    def read(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes under a name, or those from `start` to before `end`.

        Raises:
            RemoteObjectMissing: If there is no such name.
        """

        def ask() -> bytes:
            if end is None:
                return bytes(obstore.get(self._store, key).bytes())[start:]
            content = bytes(obstore.get_range(self._store, key, start=start, end=end))
            if len(content) != end - start:
                raise _Short
            return content

        try:
            return self._tried(ask)
        except FileNotFoundError:
            raise RemoteObjectMissing(
                f"{self._shown} holds no {key}", hint="Push the version again, from a workspace that has it."
            ) from None

    def size(self, key: str) -> int | None:
        """Return the size in bytes of what is under a name, None when there is nothing."""
        try:
            return self._tried(lambda: obstore.head(self._store, key)["size"])
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[Found]:
        """Yield the names in a folder, in order."""

        def ask() -> "list[Found]":
            found = obstore.list(self._store, prefix).collect()
            return sorted(Found(meta["path"], meta["size"], meta["last_modified"]) for meta in found)

        with suppress(FileNotFoundError):
            yield from self._tried(ask)

    def delete(self, key: str, may: Callable[[], None] = lambda: None) -> None:
        """Remove a name; it may be gone already.

        Args:
            key: The name.
            may: Is asked before each request, also one that is made again, and raises to end it.
        """

        def ask() -> None:
            may()
            obstore.delete(self._store, key)

        with suppress(FileNotFoundError):
            self._tried(ask)

    def unfinished(self) -> Iterator[Found]:
        """Yield what writes that were killed left in a folder, unseen by readers; a bucket keeps nothing of those."""
        for path in self._folder.rglob("*#*") if self._folder else ():
            with suppress(FileNotFoundError):  # a write that is whole by now
                stat = path.lstat()
                if path.is_file():
                    moment = datetime.fromtimestamp(stat.st_mtime, UTC)
                    yield Found(str(path.relative_to(self._folder or "")), stat.st_size, moment)

    def drop_unfinished(self, found: Found) -> None:
        """Remove what `unfinished` found."""
        if self._folder:
            with suppress(FileNotFoundError):
                (self._folder / found.key).unlink()

    def _put(self, key: str, content: bytes, mode: "obstore.PutMode") -> Mark:
        def ask() -> Mark:
            made = obstore.put(self._store, key, content, mode=mode, use_multipart=False)
            return {name: value for name, value in made.items() if isinstance(value, str)}

        try:
            mark = self._tried(ask)
        except FileNotFoundError:
            raise _no_bucket(self._shown) from None
        if self._folder is not None:
            _sync(self._folder / key, self._folder)
        return mark

    def _tried(self, ask: Callable[[], T]) -> T:
        wait_s = self._waits.first_wait_s
        for left in reversed(range(self._waits.tries)):
            try:
                return ask()
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                raise
            except (exceptions.BaseError, _Short) as error:
                told = _told(error, self._shown)
                if not left or not isinstance(told, RemoteUnavailable):
                    # Without the library's words: they may hold a signed address.
                    raise told from None
            # Many clients that a busy place sent away must not come back together.
            self._sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret
            wait_s = min(2 * wait_s, self._waits.longest_wait_s)
        raise AssertionError("unreachable")


def _told(error: Exception, shown: str) -> TidemillError:
    """Return a library's error in words of ours."""
    text = str(error)
    status = int(found[1]) if (found := _STATUS.search(text)) else 0
    code = found[1] if (found := _CODE.search(text)) else ""
    after = f": {status} {code}".rstrip() if status else ""
    if any(word in text for word in _FULL_WORDS):
        return OutOfSpace("There is no space left to store this", where=shown, hint="Free some space there.")
    if code == "NoSuchBucket":
        return _no_bucket(shown)
    if "builder error" in text:
        return RemoteDenied(
            f"{shown} would be spoken to without TLS",
            hint="Use an https endpoint, or set AWS_ALLOW_HTTP=true where that is meant.",
        )
    if _is_final(error, status, text):
        return RemoteDenied(
            f"{shown} does not accept this request{after}",
            hint="Check the address, the region, and the credentials in the environment of the server.",
        )
    said = "sent less than it said" if isinstance(error, _Short) else f"does not answer as it should{after}"
    return RemoteUnavailable(f"{shown} {said}", hint="Try again; what was moved is kept, and is not moved twice.")


def _is_final(error: Exception, status: int, text: str) -> bool:
    """Return whether the same request would be answered in the same way."""
    if isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)):
        return True
    if any(word in text for word in _CLOSED_WORDS):
        return True
    return (400 <= status < 500 and status not in _BUSY) or status in _UNKNOWN


def _no_bucket(shown: str) -> RemoteNotThere:
    return RemoteNotThere(f"There is no bucket or container {shown}", hint="Make it first, or look at its name.")


def _sync(path: Path, top: Path) -> None:
    """Make a file and the folders that lead to it stay, whatever happens to the machine."""
    for place in (path, *path.parents):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if place == top:
            break
