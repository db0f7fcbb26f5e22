"""Does one feature tell the truth on its own."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.columns import numbers
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.performance.metric import Estimate, estimate
from tidemill.checks.performance.r2 import R2
from tidemill.checks.performance.roc_auc import ROC_AUC
from tidemill.checks.sampling import said_sample, sample_rows
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from tidemill.checks.columns import Floats
else:
    np = lazy("numpy")
    pl = lazy("polars")

_MOST_BINS = 256
_ROWS_A_BIN = 40  # half of them learn
_PRIOR_ROWS = 1.0
_ROWS_NEEDED = 100
_MOST_CLASSES = 5
SAMPLE = 200_000
"""How many rows are enough: an AUC of that many is known within 0.003."""


class SingleFeature(Check, frozen=True, kw_only=True):
    """Does no single feature predict the truth suspiciously well.

    Each feature alone predicts the truth from the mean truth of its bins or categories, learnt on every other row, so
    that an identifier does not look like an oracle. Judged is the ROC AUC for a truth of two values, else r2; of a
    truth of more than two words each of the five most frequent is held against the rest, and the best counts.

    Args:
        columns: Which features; all when left out.
        at_most: The score that is still believable.
        confidence: That all features' intervals hold at once (Bonferroni).
        sample: About how many rows are looked at.

    Error rate: of failing though every feature truly is within the limit at most half of `1 - confidence`.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 4; DeLong (1988).
    """

    name: ClassVar[str] = "single_feature"

    columns: tuple[str, ...] = ()
    at_most: float = 0.95
    confidence: float = 0.95
    sample: int = SAMPLE

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the feature that predicts best on its own.

        Raises:
            NotEnough: If no feature could be measured.
        """
        truth = inputs.need("truth")
        names = [name for name in self.columns or inputs.feature_names() if name != truth]
        frame = sample_rows(inputs.current, (truth, *names), self.sample)
        found = measure_features(frame, truth, names, confidence=self.confidence)
        return self._outcome(found, said_sample(inputs, frame.height))

    def _outcome(self, found: dict[str, Estimate], rows: str) -> Outcome:
        ranked = sorted(found.items(), key=lambda item: (-item[1].value, item[0]))
        name, top = ranked[0]
        if any(one.low > self.at_most for one in found.values()):
            verdict = Verdict.FAIL
        else:
            verdict = Verdict.WARN if top.value > self.at_most else Verdict.PASS
        return Outcome(
            check=self.name,
            verdict=verdict,
            value=top.value,
            interval=Interval(low=top.low, high=top.high, confidence=top.confidence),
            threshold=f"<= {self.at_most:g}",
            reason=f"{name} alone reaches {top.metric} {top.value:.4f} {rows}; the limit is {self.at_most:g}.",
            error_rate=f"a false fail of any feature: at most {(1 - self.confidence) / 2:.3g}",
            table=table(
                ("feature", "metric", "value", "low", "high"),
                [(name, one.metric, one.value, one.low, one.high) for name, one in ranked],
            ),
        )


def measure_features(
    frame: "pl.DataFrame", truth: str, names: Sequence[str], *, confidence: float
) -> dict[str, Estimate]:
    """Return how well each feature alone predicts the truth, with intervals that hold at once.

    Args:
        frame: The rows.
        truth: The column of the truth: numbers, booleans or words.
        names: The features; those of nested types are left out.
        confidence: That all intervals hold at once.

    Raises:
        NotEnough: If fewer than 100 rows have a truth, or no feature can be measured.
    """
    targets = _targets(frame[truth], truth)
    known = np.isfinite(targets[0])
    if int(known.sum()) < _ROWS_NEEDED:
        raise NotEnough(f"{int(known.sum())} rows have a truth, and {_ROWS_NEEDED} are needed", hint="Give more rows.")
    metric = ROC_AUC if np.isin(targets[0][known], (0.0, 1.0)).all() else R2
    each = 1 - (1 - confidence) / max(1, len(names) * len(targets))
    frame = frame.filter(pl.Series(known))
    found: dict[str, Estimate] = {}
    for name in names:
        groups = _groups(frame[name])
        if groups is not None:
            scored = [
                estimate(metric, target, _held_out_means(groups, target), confidence=each)
                for target in (target[known] for target in targets)
            ]
            found[name] = max(scored, key=lambda one: one.value)
    if not found:
        raise NotEnough("No feature could be measured", hint="Give numeric, text or boolean features.")
    return found


def _targets(values: "pl.Series", truth: str) -> "list[Floats]":
    """Return the truth as numbers, shape (rows,); of words each of the frequent ones against all others."""
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return [numbers(values, f"The truth {truth!r}")]
    words = values.cast(pl.String)
    counted = words.drop_nulls().rename("value").value_counts(name="count")
    ranked = counted.sort(["count", "value"], descending=[True, False])["value"].to_list()
    chosen = ranked[1:] if len(ranked) == 2 else ranked[:_MOST_CLASSES]
    found = [(words == word).cast(pl.Float64).fill_null(math.nan).to_numpy() for word in chosen]
    return found or [np.full(len(words), math.nan)]


def _groups(values: "pl.Series") -> "npt.NDArray[np.int64] | None":
    """Return the number of each row's bin or category, shape (rows,); None for types that have none."""
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        array = values.to_physical().cast(pl.Float64).to_numpy()
        finite = array[np.isfinite(array)]
        bins = min(_MOST_BINS, max(2, len(finite) // _ROWS_A_BIN))
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, bins + 1)[1:-1])) if len(finite) else finite
        return np.where(np.isnan(array), len(edges) + 1, np.searchsorted(edges, array, side="left")).astype(np.int64)
    if values.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean):
        ranks = values.cast(pl.String).rank("dense").fill_null(0)
        return ranks.cast(pl.Int64).to_numpy()
    return None


def _held_out_means(groups: "npt.NDArray[np.int64]", truths: "Floats") -> "Floats":
    """Return for each row the mean truth of its group among the other half of the rows."""
    half = np.arange(len(truths)) % 2 == 0
    size = int(groups.max()) + 1
    scores = np.empty(len(truths))
    for learnt, scored in ((half, ~half), (~half, half)):
        rows = np.bincount(groups[learnt], minlength=size)
        sums = np.bincount(groups[learnt], weights=truths[learnt], minlength=size)
        prior = truths[learnt].mean()
        scores[scored] = ((sums + _PRIOR_ROWS * prior) / (rows + _PRIOR_ROWS))[groups[scored]]
    return scores
