"""Population stability index."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.divergence import Divergence, multiple_of
from tidemill.checks.drift.cells import build_cells
from tidemill.checks.drift.per_column import ColumnDrift, Distance
from tidemill.checks.drift.reference import ColumnReference
from tidemill.checks.drift.shares import rows_and_freedom, shares
from tidemill.checks.drift.summary import ColumnSummary
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.drift.shares import CountsLike
else:
    np = lazy("numpy")


def population_stability_index(reference: "CountsLike", current: "CountsLike", *, floor: float = 1e-4) -> float:
    """Return how far two binned distributions are apart.

    Args:
        reference: Rows or shares per bin at training time, shape (n_bins,).
        current: Rows or shares per bin now, shape (n_bins,).
        floor: Smallest share used in the logarithm, so that an empty bin stays finite.

    Returns:
        The index in nats: 0 when the shares are equal, without upper bound; the same both ways round.

    Raises:
        BinMismatch: If the two have different numbers of bins.
        NotEnough: If one of them has no rows.

    Source:
        Siddiqi, Credit Risk Scorecards (2006), chapter 9.
    """
    expected, observed = shares(reference, current)
    held = (expected > 0) | (observed > 0)
    expected, observed = np.maximum(expected[held], floor), np.maximum(observed[held], floor)
    return float(np.sum((observed - expected) * np.log(observed / expected)))


class PopulationStabilityIndex(ColumnDrift, frozen=True, kw_only=True):
    """Is the population stability index of every column, its noise taken off, at most a limit.

    Measured over about twenty cells of the reference. The customary reading: under 0.1 stable, over 0.25 moved.

    Error rate: fails with a chance of at most `1 - confidence` over all columns while every true index is within the
    limit.

    Source:
        Siddiqi, Credit Risk Scorecards (2006), chapter 9; Yurdakul and Naranjo, Statistical properties of the
        population stability index, Journal of Risk Model Validation 14 (2020).
    """

    name: ClassVar[str] = "psi"

    at_most: float = 0.2

    def distance(self, reference: ColumnReference, current: ColumnSummary, confidence: float) -> Distance:
        """Return the index of one column."""
        cells = build_cells(reference, current)
        rows_then, rows_now, df = rows_and_freedom(cells.reference, cells.current)
        measured = population_stability_index(cells.reference, cells.current)
        found = Divergence(measured=measured, multiple=multiple_of(rows_then, rows_now, 1.0), df=df)
        return Distance(value=found.estimate, interval=found.interval(confidence), measured=measured)
