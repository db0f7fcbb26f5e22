"""How long texts are, counted in cells that are the same for every column, so that they add up."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.profile.records import TextLength

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = lazy("numpy")

_SINGLE = 32
_DOUBLINGS = 27

STARTS = (
    *range(_SINGLE),
    *((1 << power) + quarter * (1 << power) // 4 for power in range(5, 5 + _DOUBLINGS) for quarter in range(4)),
)
"""The least length of each cell: one a length below 32, then four a doubling."""


def lengths_of(lengths: "npt.NDArray[np.generic]", counts: "npt.NDArray[np.int64] | None" = None) -> TextLength | None:
    """Return how long texts are.

    Args:
        lengths: Characters of each, shape (n,).
        counts: The rows of each; one when left out.
    """
    if not len(lengths):
        return None
    whole = lengths.astype(np.int64)
    longest = int(whole.max())
    if longest < 1 << 16:
        by_length = np.bincount(whole, weights=counts)
        cells = np.searchsorted(STARTS, np.arange(len(by_length)), side="right") - 1
        in_cells = np.bincount(cells, weights=by_length)
    else:
        in_cells = np.bincount(np.searchsorted(STARTS, whole, side="right") - 1, weights=counts)
    return TextLength(
        shortest=int(whole.min()),
        longest=longest,
        mean=float(np.average(whole, weights=counts)),
        empty=int(in_cells[0]),
        counts=tuple(in_cells.astype(np.int64).tolist()),
    )


def merge_lengths(parts: Sequence[tuple[TextLength, int]]) -> TextLength | None:
    """Return how long the texts of several lots are, each given with its rows."""
    if not parts:
        return None
    total = sum(rows for _, rows in parts) or 1
    return TextLength(
        shortest=min(length.shortest for length, _ in parts),
        longest=max(length.longest for length, _ in parts),
        mean=sum(length.mean * rows for length, rows in parts) / total,
        empty=sum(length.empty for length, _ in parts),
        counts=tuple(sum(cells) for cells in zip_longest(*(length.counts for length, _ in parts), fillvalue=0)),
    )
