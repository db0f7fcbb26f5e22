"""A metric, how sure it is, and how sure the difference of two models on the same rows is.

Every metric says its value and the influence of each row on it, so that one rule gives its standard error, and the
influences of two models on the same rows give that of their difference, with the rows' shared luck cancelled.

Source:
    Hampel, The influence curve and its role in robust estimation, JASA 69 (1974).
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from tidemill.checks.columns import binary, known_rows, numbers, same_length
from tidemill.checks.distributions import normal_sf, two_sided
from tidemill.checks.errors import LengthMismatch, NotEnough
from tidemill.checks.fisher import student_quantile
from tidemill.checks.proportions import wilson
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tidemill.checks.columns import Floats, Values

    Labels = npt.ArrayLike
else:
    np = lazy("numpy")


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with its interval.

    Args:
        metric: Its name.
        value: As measured on these rows.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: The share of such intervals that hold the true value.
        standard_error: Of the value.
        rows: Rows that were used.
        left_out: Rows without truth or without a finite score.
        positives: Rows whose truth is 1; None for regression.
        clusters: Groups of rows that the interval takes as units; 0 when rows were taken one by one.
    """

    metric: str
    value: float
    low: float
    high: float
    confidence: float
    standard_error: float
    rows: int
    left_out: int = 0
    positives: int | None = None
    clusters: int = 0


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Candidate less champion, on the same rows.

    Args:
        metric: Its name.
        value: Candidate less champion.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: The share of such intervals that hold the true difference.
        standard_error: Of the difference.
        candidate: The candidate's value.
        champion: The champion's value.
        p_value: Chance of a difference this large, either way, between equals.
        higher_is_better: Whether more is better.
        rows: Rows that were used.
        left_out: Rows without truth or without a finite score of both.
    """

    metric: str
    value: float
    low: float
    high: float
    confidence: float
    standard_error: float
    candidate: float
    champion: float
    p_value: float
    higher_is_better: bool
    rows: int
    left_out: int = 0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A metric on some rows.

    Args:
        value: The metric.
        influence: What each row adds, shape (rows,): mean 0, and its deviation by the root of rows is the error.
    """

    value: float
    influence: "Floats"

    @property
    def standard_error(self) -> float:
        """The standard error of the value, when rows are independent."""
        rows = len(self.influence)
        return float(np.sqrt(np.sum(np.square(self.influence)) / (rows * max(1, rows - 1))))

    def clustered_error(self, groups: "npt.NDArray[np.intp]") -> tuple[float, int]:
        """Return the standard error when only whole groups of rows are independent, and how many groups there are.

        Args:
            groups: The group of each row, shape (rows,), counted from 0.

        Source:
            Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997); for other metrics
            the same rule, that of Liang and Zeger, Biometrika 73 (1986).
        """
        sums = np.bincount(groups, weights=self.influence) / len(self.influence)
        count = len(sums)
        return float(np.sqrt(count / max(1, count - 1) * np.sum(np.square(sums)))), count


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """How good a model is.

    Args:
        name: Its name.
        measure: Value and influences from truths and scores, both finite, shape (rows,), at least 2 rows.
        interval: Low and high from (truth, score, measured, confidence); normal when None.
        higher_is_better: Whether more is better.
        is_binary: Whether truths must be 0 or 1.
        low: Smallest possible value.
        high: Largest possible value.
    """

    name: str
    measure: "Callable[[Floats, Floats], Measured]"
    interval: "Callable[[Floats, Floats, Measured, float], tuple[float, float]] | None" = None
    higher_is_better: bool
    is_binary: bool
    low: float = -math.inf
    high: float = math.inf


def estimate(
    metric: Metric, truth: "Values", score: "Values", *, clusters: "Labels | None" = None, confidence: float = 0.95
) -> Estimate:
    """Return a metric with its interval.

    Args:
        metric: Which one.
        truth: 0 or 1 or a number, shape (rows,); rows without are left out and counted.
        score: Probability of 1, or predicted number, shape (rows,).
        clusters: Rows with the same label share their luck, such as the flights of a day; shape (rows,). The
            interval is then as wide as whole groups make it, with Student's quantile for their number.
        confidence: The share of such intervals that hold the true value.

    Raises:
        LengthMismatch: If truth and score have different lengths.
        NotNumbers: If one of them is not numeric.
        NotBinary: If the metric needs truths of 0 or 1.
        NotEnough: If the known rows are too few, or of one class where two are needed.
    """
    truths, (scores,), known, left_out = _aligned(metric, truth, score)
    measured = _measure(metric, truths, scores)
    error, count = measured.standard_error, 0
    if clusters is not None:
        error, half, count = _clustered(measured, clusters, known, confidence)
        low, high = max(metric.low, measured.value - half), min(metric.high, measured.value + half)
    elif metric.interval:
        low, high = metric.interval(truths, scores, measured, confidence)
    else:
        half = two_sided(confidence) * error
        low, high = max(metric.low, measured.value - half), min(metric.high, measured.value + half)
    return Estimate(
        metric=metric.name,
        value=measured.value,
        low=low,
        high=high,
        confidence=confidence,
        standard_error=error,
        rows=len(truths),
        left_out=left_out,
        positives=int(truths.sum()) if metric.is_binary else None,
        clusters=count,
    )


def compare(
    metric: Metric,
    truth: "Values",
    candidate: "Values",
    champion: "Values",
    *,
    clusters: "Labels | None" = None,
    confidence: float = 0.95,
) -> Difference:
    """Return candidate less champion with its interval, paired by row.

    Args:
        metric: Which one.
        truth: 0 or 1 or a number, shape (rows,); rows without are left out and counted.
        candidate: The candidate's scores, shape (rows,).
        champion: The champion's scores of the same rows, shape (rows,).
        clusters: Rows with the same label share their luck; see `estimate`.
        confidence: The share of such intervals that hold the true difference.

    Raises:
        LengthMismatch: If the columns have different lengths.
        NotNumbers: If one of them is not numeric.
        NotBinary: If the metric needs truths of 0 or 1.
        NotEnough: If the known rows are too few, or of one class where two are needed.
    """
    truths, (first, second), known, left_out = _aligned(metric, truth, candidate, champion)
    one, other = _measure(metric, truths, first), _measure(metric, truths, second)
    difference = Measured(value=one.value - other.value, influence=one.influence - other.influence)
    error = difference.standard_error
    half = two_sided(confidence) * error
    if clusters is not None:
        error, half, _ = _clustered(difference, clusters, known, confidence)
    z = abs(difference.value) / error if error > 0 else (math.inf if difference.value else 0.0)
    return Difference(
        metric=metric.name,
        value=difference.value,
        low=difference.value - half,
        high=difference.value + half,
        confidence=confidence,
        standard_error=error,
        candidate=one.value,
        champion=other.value,
        p_value=min(1.0, 2 * normal_sf(z)),
        higher_is_better=metric.higher_is_better,
        rows=len(truths),
        left_out=left_out,
    )


def _clustered(
    measured: Measured, clusters: "Labels", known: "npt.NDArray[np.bool_]", confidence: float
) -> tuple[float, float, int]:
    """Return the standard error over whole groups, half of the interval's width, and how many groups there are."""
    labels = np.asarray(clusters)
    if len(labels) != len(known):
        raise LengthMismatch(
            f"{len(labels)} cluster labels for {len(known)} rows", hint="Give one label a row, missing ones as None."
        )
    _, groups = np.unique(labels[known].astype(str), return_inverse=True)
    error, count = measured.clustered_error(groups)
    if count < 2:
        raise NotEnough("All rows are of one cluster", hint="Judge on more days, or without clusters.")
    return error, interval_quantile(confidence, count) * error, count


def interval_quantile(confidence: float, clusters: int) -> float:
    """Return by how many standard errors an interval reaches to each side.

    Args:
        confidence: Of the interval.
        clusters: Groups of rows that it takes as units; 0 when rows were taken one by one.
    """
    return student_quantile((1 + confidence) / 2, clusters - 1) if clusters else two_sided(confidence)


def _aligned(
    metric: Metric, truth: "Values", *scores: "Values"
) -> "tuple[Floats, list[Floats], npt.NDArray[np.bool_], int]":
    truths = numbers(truth, "The truth")
    columns = [numbers(score, "The score") for score in scores]
    same_length(truth=truths, **{f"score {number}": column for number, column in enumerate(columns, start=1)})
    if metric.is_binary:
        binary(truths)
    known = known_rows(truths, *columns)
    rows = int(known.sum())
    if rows < 2:
        raise NotEnough(
            f"{metric.name} needs at least 2 rows with truth and score, and there are {rows}",
            hint="Wait for more truths, or widen the window.",
        )
    if rows == len(truths):
        return truths, columns, known, 0
    return truths[known], [column[known] for column in columns], known, len(truths) - rows


def _measure(metric: Metric, truths: "Floats", scores: "Floats") -> Measured:
    with np.errstate(over="ignore", invalid="ignore"):
        measured = metric.measure(truths, scores)
    if not math.isfinite(measured.value) or not np.isfinite(measured.influence).all():
        raise NotEnough(f"{metric.name} overflows on these numbers", hint="Look for absurdly large values in them.")
    return measured


def mean_of(losses: "Floats") -> Measured:
    """Return the mean of a loss a row, and the influences on it."""
    value = float(losses.mean())
    return Measured(value=value, influence=losses - value)


def share_interval(share: float, trials: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share of that many rows."""
    interval = wilson(share * trials, trials, confidence)
    return interval.low or 0.0, 1.0 if interval.high is None else interval.high
