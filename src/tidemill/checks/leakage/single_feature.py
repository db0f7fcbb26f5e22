"""Does one feature tell the truth on its own."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.columns import numbers
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, collect
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.performance.metric import Estimate, estimate
from tidemill.checks.performance.r2 import R2
from tidemill.checks.performance.roc_auc import ROC_AUC
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


class SingleFeature(Check, frozen=True, kw_only=True):
    """Does no single feature predict the truth suspiciously well.

    Each feature alone predicts the truth from the mean truth of its bins or categories, learnt on every other row, so
    that an identifier does not look like an oracle. Judged is the ROC AUC for a truth of 0 and 1, else r2.

    Args:
        columns: Which features; all when left out.
        at_most: The score that is still believable.
        confidence: That all features' intervals hold at once (Bonferroni).

    Error rate: of failing though every feature truly is within the limit at most half of `1 - confidence`.

    Source:
        Kaufman, Rosset, Perlich and Stitelman, Leakage in data mining, ACM TKDD 6 (2012), section 4; DeLong (1988).
    """

    name: ClassVar[str] = "single_feature"

    columns: tuple[str, ...] = ()
    at_most: float = 0.95
    confidence: float = 0.95

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the feature that predicts best on its own.

        Raises:
            NotEnough: If no feature could be measured.
        """
        truth = inputs.need("truth")
        names = [name for name in self.columns or inputs.feature_names() if name != truth]
        frame = collect(inputs.current, (truth, *names))
        truths = numbers(frame[truth], f"The truth {truth!r}")
        known = np.isfinite(truths)
        truths, frame = truths[known], frame.filter(pl.Series(known))
        if len(truths) < 100:
            raise NotEnough(f"{len(truths)} rows have a truth, and 100 are needed", hint="Give more rows.")
        metric = ROC_AUC if np.isin(truths, (0.0, 1.0)).all() else R2
        confidence = 1 - (1 - self.confidence) / max(1, len(names))
        found: dict[str, Estimate] = {}
        for name in names:
            groups = _groups(frame[name])
            if groups is not None:
                found[name] = estimate(metric, truths, _held_out_means(groups, truths), confidence=confidence)
        if not found:
            raise NotEnough("No feature could be measured", hint="Give numeric, text or boolean features.")
        return self._outcome(found)

    def _outcome(self, found: dict[str, Estimate]) -> Outcome:
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
            reason=f"{name} alone reaches {top.metric} {top.value:.4f}; the limit is {self.at_most:g}.",
            error_rate=f"a false fail of any feature: at most {(1 - self.confidence) / 2:.3g}",
            table=table(
                ("feature", "metric", "value", "low", "high"),
                [(name, one.metric, one.value, one.low, one.high) for name, one in ranked],
            ),
        )


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
