"""Counts of two samples as shares."""

from typing import TYPE_CHECKING

from tidemill.checks.errors import BinMismatch, NotEnough
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    CountsLike = Sequence[float] | npt.NDArray[np.generic]
else:
    np = lazy("numpy")


def shares(reference: "CountsLike", current: "CountsLike") -> "tuple[Floats, Floats]":
    """Return the share of rows per bin of two samples, shapes (n_bins,).

    Args:
        reference: Rows per bin at training time, shape (n_bins,).
        current: Rows per bin now, shape (n_bins,).

    Raises:
        BinMismatch: If they have different numbers of bins, or a count is negative or not finite.
        NotEnough: If one of them has no rows.
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise BinMismatch(
            f"The counts have shapes {first.shape} and {second.shape}", hint="Count both samples over the same bins."
        )
    both = np.concatenate([first, second])
    if not np.isfinite(both).all() or (both < 0).any():
        raise BinMismatch("A count is negative or not finite", hint="Give the number of rows in each bin.")
    if first.sum() <= 0 or second.sum() <= 0:
        raise NotEnough("One of the samples has no rows", hint="Widen the window.")
    return first / first.sum(), second / second.sum()


def rows_and_freedom(reference: "CountsLike", current: "CountsLike") -> tuple[float, float, int]:
    """Return the rows of both samples and the degrees of freedom: bins that hold any row, less one."""
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    return float(first.sum()), float(second.sum()), int(np.count_nonzero(first + second)) - 1
