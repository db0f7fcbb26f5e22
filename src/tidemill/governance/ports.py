"""What governance asks of the stages."""

from collections.abc import Iterable
from typing import Protocol

from tidemill.core.refs import Ref
from tidemill.ledger.records import Edge


class Origin(Protocol):
    """Finds where things come from that are too many to have an edge each in the ledger, such as predictions."""

    def __call__(self, ref: Ref, /) -> list[Edge]:
        """Return the edges that end at a thing; none when there is no such thing."""


class Naming(Protocol):
    """Knows how persons call things, such as flights@3."""

    def find(self, text: str, kind: str = "", /) -> list[Ref]:
        """Return the things that a name may mean, of one kind where one is given.

        Raises:
            NotFound: If the name is known, and no such version of it.
        """

    def known(self) -> list[str]:
        """Return names that are known, for a hint."""

    def names(self, refs: Iterable[Ref], /) -> dict[str, str]:
        """Return the names of things, by `kind:id`, as far as they have one."""
