"""Latencies as counts over fixed bins, so that they merge by adding."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.monitoring.records import Latency

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = lazy("numpy")

BINS = 128
_FIRST_MS = 0.01
_FACTOR = 1.16
_LOG = math.log(_FACTOR)


def count_latencies(milliseconds: "npt.NDArray[np.float64]") -> list[int]:
    """Return how many latencies fall in each of the bins, whose ends grow by 16 percent from 0.01 ms to 18 days."""
    known = milliseconds[np.isfinite(milliseconds)]
    places = np.ceil(np.log(np.maximum(known, _FIRST_MS) / _FIRST_MS) / _LOG).astype(np.int64)
    counts: list[int] = np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS).tolist()
    return counts


def quantiles(counts: Sequence[int]) -> Latency | None:
    """Return the quantiles of counted latencies; None when there are none."""
    total = sum(counts)
    if not total:
        return None
    return Latency(
        p50=_quantile(counts, total, 0.5), p95=_quantile(counts, total, 0.95), p99=_quantile(counts, total, 0.99)
    )


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return which latency a share of counted ones does not pass, to 8 percent; None when there are none."""
    total = sum(counts)
    return _quantile(counts, total, share) if total else None


def _quantile(counts: Sequence[int], total: int, share: float) -> float:
    below = 0
    for place, count in enumerate(counts):
        below += count
        if below >= share * total:
            return float(f"{_FIRST_MS * _FACTOR ** (place - 0.5 if place else 0):.4g}")
    return math.inf
