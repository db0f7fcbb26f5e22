"""What governance asks of the stages."""

from typing import Protocol

from tidemill.core.refs import Ref
from tidemill.ledger.lineage import Edge


class Origin(Protocol):
    """Finds where things come from that are too many to have an edge each in the ledger, such as predictions."""

    def __call__(self, ref: Ref, /) -> list[Edge]:
        """Return the edges that end at a thing; none when there is no such thing."""
