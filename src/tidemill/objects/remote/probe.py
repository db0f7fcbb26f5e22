"""Finds out whether a place honours conditional writes: some servers answer them, and ignore the condition."""

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.objects.remote.bucket import Bucket, Mark
from tidemill.objects.remote.errors import RemoteUnsafe


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Which conditions a place honours.

    Args:
        creates_once: Whether a write that asks for a free name is refused where it is not; two writers are safe then.
        compares: Whether a write that asks for what is there to be as it was is refused where it is not.
    """

    creates_once: bool
    compares: bool


def probe(bucket: Bucket) -> Conditions:
    """Return which conditions a place honours, by writing a few bytes under a new name and removing them.

    Raises:
        RemoteUnavailable: If it does not answer.
        RemoteDenied: If it may not be written.
        RemoteNotThere: If it does not exist.
    """
    key = f"probe/{new_id()}"
    mark = bucket.put(key, b"first")
    try:
        return Conditions(creates_once=_creates_once(bucket, key), compares=_compares(bucket, key, mark))
    finally:
        bucket.delete(key)


def check_safe(bucket: Bucket, conditions: Conditions) -> None:
    """Refuse a place on which two writers could undo one another.

    Raises:
        RemoteUnsafe: If it is one.
    """
    if not conditions.creates_once:
        raise RemoteUnsafe(
            f"{bucket} writes over what is there although it is told not to",
            hint="Use a store that honours If-None-Match, or `--single-writer` if nobody else ever pushes there.",
        )


def _creates_once(bucket: Bucket, key: str) -> bool:
    try:
        return not bucket.create(key, b"second")
    except NotImplementedError:
        return False
    except TidemillError:
        # It does not know the header at all, and says so: 400 or 501.
        return False


def _compares(bucket: Bucket, key: str, mark: Mark) -> bool:
    if not mark:
        return False
    try:
        if not bucket.replace(key, b"third", mark):
            return False
        return not bucket.replace(key, b"fourth", mark)
    except (NotImplementedError, TidemillError):
        return False
