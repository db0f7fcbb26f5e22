"""How far a transfer is, and what it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidemill.data.records import DatasetVersion
from tidemill.objects.remote.store import Stored


class Watcher(Protocol):
    """Is told how far a transfer is; may raise to end it."""

    def begin(self, doing: str, total: int = 0) -> None:
        """Say what is done next, and how many bytes there are of it."""

    def step(self, count: int = 1) -> None:
        """Say that some of it is done."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a push or a pull did.

    Args:
        version: The version.
        objects: How many objects it needs.
        size_bytes: Their size.
        moved_bytes: How many bytes had to be moved.
        is_new: Whether it was not there before.
        repaired: How many objects were damaged here, and are whole again.
    """

    version: DatasetVersion
    objects: int
    size_bytes: int
    moved_bytes: int
    is_new: bool
    repaired: int = 0

    @classmethod
    def of(cls, version: DatasetVersion, needed: Sequence[Stored], moved_bytes: int, *, is_new: bool) -> "Moved":
        """Return what was done with the objects that a version needs."""
        return cls(version, len(needed), sum(stored.size for stored in needed), moved_bytes, is_new)
