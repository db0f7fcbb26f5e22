"""Calibration: do rows with a predicted chance of 30 percent come true 30 times in 100."""

import math
from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.check import Check
from tidemill.checks.columns import binary, known_rows, numbers, same_length
from tidemill.checks.distributions import normal_sf
from tidemill.checks.divergence import Divergence
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, collect
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.proportions import wilson
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np

    from tidemill.checks.columns import Floats, Values
else:
    np = lazy("numpy")

_ROWS_NEEDED = 100


class ReliabilityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of similar predicted chance.

    Args:
        predicted: Their mean predicted chance.
        observed: The share of them that came true.
        low: Lower end of the true share (Wilson).
        high: Upper end of the true share.
        rows: How many.
    """

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


class CalibrationEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How far predicted chances are from what came true.

    Args:
        error: Root of the mean squared gap over the bins, its noise taken off.
        interval: Where the true error lies.
        expected_error: Mean absolute gap over the bins (ECE), noise included.
        spiegelhalter_z: Standard normal when chances are exactly right.
        p_value: Chance of such a z, either way, when chances are exactly right.
        bins: For the reliability diagram, in order.
        rows: Rows that were used.
        left_out: Rows without truth or without a finite score.
    """

    error: float
    interval: Interval
    expected_error: float
    spiegelhalter_z: float
    p_value: float
    bins: tuple[ReliabilityBin, ...]
    rows: int
    left_out: int


def calibration(truth: "Values", score: "Values", *, bins: int = 15, confidence: float = 0.95) -> CalibrationEstimate:
    """Return how far predicted chances are from what came true.

    Args:
        truth: 0 or 1, shape (rows,).
        score: Predicted chance of 1, in 0 to 1, shape (rows,).
        bins: How many bins of about as many rows each; equal scores stay together.
        confidence: Of the intervals.

    Raises:
        LengthMismatch: If the two have different lengths.
        NotBinary: If a truth is neither 0 nor 1.
        InvalidParam: If a score is not a chance, or there is no bin.
        NotEnough: If fewer than 100 rows are known.

    Source:
        Kumar, Liang and Ma, Verified uncertainty calibration, NeurIPS (2019), section 4; Spiegelhalter, Probabilistic
        prediction in patient management and clinical trials, Statistics in Medicine 5 (1986).
    """
    truths, scores = numbers(truth, "The truth"), numbers(score, "The score")
    same_length(truth=truths, score=scores)
    binary(truths)
    known = known_rows(truths, scores)
    kept_truths, kept = truths[known], scores[known]
    if bins < 1:
        raise InvalidParam(f"{bins} bins", hint="Give 1 or more; 15 is customary.")
    if len(kept) < _ROWS_NEEDED:
        raise NotEnough(f"{len(kept)} rows are known, and {_ROWS_NEEDED} are needed", hint="Wait for more truths.")
    if kept.min() < 0 or kept.max() > 1:
        raise InvalidParam("A score is outside 0 to 1, so it is not a chance", hint="Give predicted probabilities.")
    order = np.argsort(kept, kind="stable")
    return _estimate(kept_truths[order], kept[order], bins, confidence, len(truths) - len(kept))


def _estimate(truth: "Floats", score: "Floats", bins: int, confidence: float, left_out: int) -> CalibrationEstimate:
    rows = len(truth)
    inner = score[(np.arange(1, bins) * rows) // bins]
    starts = np.unique(np.concatenate([[0], np.searchsorted(score, inner, side="left")]))
    sizes = np.diff(np.append(starts, rows)).astype(np.float64)
    predicted, observed = np.add.reduceat(score, starts) / sizes, np.add.reduceat(truth, starts) / sizes
    gaps, weights = observed - predicted, sizes / rows
    squared = np.add.reduceat(np.square(truth - score), starts) / sizes - np.square(gaps)
    noise = np.maximum(squared, np.add.reduceat(score * (1 - score), starts) / sizes) / sizes
    error, interval = _debiased(weights, gaps, noise, confidence)
    z = _spiegelhalter(truth, score)
    shown = []
    for index, size in enumerate(sizes.astype(int).tolist()):
        inside = wilson(float(observed[index]) * size, size, confidence)
        shown.append(
            ReliabilityBin(
                predicted=float(predicted[index]),
                observed=float(observed[index]),
                low=inside.low or 0.0,
                high=1.0 if inside.high is None else inside.high,
                rows=size,
            )
        )
    return CalibrationEstimate(
        error=error,
        interval=interval,
        expected_error=float(np.sum(weights * np.abs(gaps))),
        spiegelhalter_z=z,
        p_value=min(1.0, 2 * normal_sf(abs(z))),
        bins=tuple(shown),
        rows=rows,
        left_out=left_out,
    )


def _debiased(weights: "Floats", gaps: "Floats", noise: "Floats", confidence: float) -> tuple[float, Interval]:
    """Return the root of the mean squared gap without its noise, whose square is about a scaled chi-square."""
    measured = float(np.sum(weights * np.square(gaps)))
    expected = float(np.sum(weights * noise))
    if expected <= 0:
        exact = math.sqrt(measured)
        return exact, Interval(low=exact, high=exact, confidence=confidence)
    spread = float(np.sum(np.square(weights * noise)))
    found = Divergence(measured=measured, multiple=expected / spread, df=expected**2 / spread)
    inside = found.interval(confidence)
    high = None if inside.high is None else math.sqrt(inside.high)
    return math.sqrt(found.estimate), Interval(low=math.sqrt(inside.low or 0.0), high=high, confidence=confidence)


def _spiegelhalter(truth: "Floats", score: "Floats") -> float:
    lean = 1 - 2 * score
    spread = math.sqrt(float(np.sum(np.square(lean) * score * (1 - score))))
    return float(np.sum((truth - score) * lean)) / spread if spread > 0 else 0.0


class Calibration(Check, frozen=True, kw_only=True):
    """Are predicted chances right within a limit.

    Judged is the root mean squared gap over the bins with its noise taken off, and not whether the gap is zero: that
    any model fails at a million rows. Spiegelhalter's test of a gap of zero is told in the reason.

    Args:
        at_most: The largest error that is fine, as a share: 0.05 is five percentage points.
        bins: How many bins of about as many rows each.
        confidence: Of the interval.

    Error rate: of a false fail at most half of `1 - confidence`, for large samples.

    Source:
        Kumar, Liang and Ma, NeurIPS (2019), section 4; Spiegelhalter, Statistics in Medicine 5 (1986).
    """

    name: ClassVar[str] = "calibration"

    at_most: float = 0.05
    bins: int = 15
    confidence: float = 0.95

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the calibration error and whether it is within the limit."""
        truth, prediction = inputs.need("truth"), inputs.need("prediction")
        rows = collect(inputs.current, (truth, prediction))
        found = calibration(rows[truth], rows[prediction], bins=self.bins, confidence=self.confidence)
        if (found.interval.low or 0.0) > self.at_most:
            verdict, said = Verdict.FAIL, "surely over"
        elif found.error > self.at_most:
            verdict, said = Verdict.WARN, "over, not surely,"
        else:
            verdict, said = Verdict.PASS, "within"
        return Outcome(
            check=self.name,
            verdict=verdict,
            value=found.error,
            interval=found.interval,
            threshold=f"<= {self.at_most:g}",
            reason=(
                f"The calibration error is {found.error:.4f}, {said} {self.at_most:g}; expected calibration error "
                f"{found.expected_error:.4f}, Spiegelhalter z {found.spiegelhalter_z:.2f} (p {found.p_value:.3g})."
            ),
            error_rate=f"a false fail: at most {(1 - self.confidence) / 2:.3g}",
            table=table(
                ("predicted", "observed", "low", "high", "rows"),
                [(one.predicted, one.observed, one.low, one.high, one.rows) for one in found.bins],
            ),
        )
