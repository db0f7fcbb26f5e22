"""How far a file is, for whoever waits."""

from typing import Protocol

UNPACKED = "bytes unpacked"
LOOKED = "bytes looked through"
READ = "bytes read"
KEPT = "bytes kept"


class Share(Protocol):
    """Hears how far a file is, at each step of its way."""

    def __call__(self, share: float, doing: str = READ, /) -> None:
        """Take which share of the file is done, from 0 to 1, and what is done with it."""


def unheard(share: float, doing: str = READ, /) -> None:
    """Tell nobody."""
