"""Jensen-Shannon distance."""

import math
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.divergence import Divergence, multiple_of
from tidemill.checks.drift.cells import build_cells
from tidemill.checks.drift.per_column import ColumnDrift, Distance
from tidemill.checks.drift.reference import ColumnReference
from tidemill.checks.drift.shares import rows_and_freedom, shares
from tidemill.checks.drift.summary import ColumnSummary
from tidemill.checks.outcome import Interval
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.drift.shares import CountsLike
else:
    np = lazy("numpy")

_SCALE = 8.0  # of Jensen-Shannon in nats, see divergence.py


def jensen_shannon_divergence(reference: "CountsLike", current: "CountsLike") -> float:
    """Return the Jensen-Shannon divergence of two binned distributions.

    Args:
        reference: Rows or shares per bin at training time, shape (n_bins,).
        current: Rows or shares per bin now, shape (n_bins,).

    Returns:
        The divergence in nats: 0 when the shares are equal, ln 2 when they share no bin; the same both ways round.

    Raises:
        BinMismatch: If the two have different numbers of bins.
        NotEnough: If one of them has no rows.

    Source:
        Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Information Theory 37 (1991).
    """
    expected, observed = shares(reference, current)
    middle = (expected + observed) / 2
    total = 0.0
    for side in (expected, observed):
        held = side > 0
        total += float(np.sum(side[held] * np.log(side[held] / middle[held]))) / 2
    return min(math.log(2), max(0.0, total))


def jensen_shannon_distance(reference: "CountsLike", current: "CountsLike") -> float:
    """Return the square root of the divergence in bits: 0 when equal, 1 when no bin is shared; a metric.

    Source:
        Endres and Schindelin, A new metric for probability distributions, IEEE Trans. Information Theory 49 (2003).
    """
    return to_distance(jensen_shannon_divergence(reference, current))


def to_distance(divergence: float) -> float:
    """Return the distance that belongs to a divergence in nats."""
    return min(1.0, math.sqrt(max(0.0, divergence) / math.log(2)))


def to_divergence(distance: float) -> float:
    """Return the divergence in nats that belongs to a distance."""
    return distance * distance * math.log(2)


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How far two samples are apart, as a Jensen-Shannon distance.

    Args:
        estimate: Its noise taken off.
        measured: As computed, noise included.
        divergence: The same in nats, for tests.
    """

    estimate: float
    measured: float
    divergence: Divergence

    def interval(self, confidence: float) -> Interval:
        """Return where the true distance lies."""
        inside = self.divergence.interval(confidence)
        high = None if inside.high is None else to_distance(inside.high)
        return Interval(low=to_distance(inside.low or 0.0), high=high, confidence=confidence)


def measure_effect(reference: "CountsLike", current: "CountsLike", *, design_effect: float = 1.0) -> Effect:
    """Return how far two samples over the same cells are apart.

    Args:
        reference: Rows per cell at training time, shape (n_cells,).
        current: Rows per cell now, shape (n_cells,).
        design_effect: How many rows carry what one independent row would: 1 when rows are independent, more when
            they come in clusters (Kish, Survey Sampling, 1965, chapter 8).

    Raises:
        BinMismatch: If the two have different numbers of cells.
        NotEnough: If one of them has no rows.
    """
    nats = jensen_shannon_divergence(reference, current)
    rows_then, rows_now, df = rows_and_freedom(reference, current)
    multiple = multiple_of(rows_then / design_effect, rows_now / design_effect, _SCALE)
    found = Divergence(measured=nats, multiple=multiple, df=df)
    return Effect(estimate=to_distance(found.estimate), measured=to_distance(nats), divergence=found)


class JensenShannon(ColumnDrift, frozen=True, kw_only=True):
    """Is the Jensen-Shannon distance of every column, its noise taken off, at most a limit.

    Measured over about twenty cells of the reference, in 0 to 1. A normal column that moves by a quarter of its
    standard deviation is at 0.1.

    Error rate: fails with a chance of at most `1 - confidence` over all columns while every true distance is within
    the limit.

    Source:
        Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Information Theory 37 (1991).
    """

    name: ClassVar[str] = "jensen_shannon"

    at_most: float = 0.1

    def distance(self, reference: ColumnReference, current: ColumnSummary, confidence: float) -> Distance:
        """Return the distance of one column."""
        cells = build_cells(reference, current)
        effect = measure_effect(cells.reference, cells.current)
        return Distance(value=effect.estimate, interval=effect.interval(confidence), measured=effect.measured)
