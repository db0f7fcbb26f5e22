"""Can training and test be told apart, all columns together."""

from typing import TYPE_CHECKING, ClassVar

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.integrity.texts import is_text
from tidemill.checks.outcome import Interval, Outcome, Verdict, table
from tidemill.checks.performance.metric import estimate
from tidemill.checks.performance.roc_auc import ROC_AUC
from tidemill.checks.sampling import count_rows, sample_rows
from tidemill.checks.train_test.boosting import BINS, fit
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Bins = npt.NDArray[np.int64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

_ROWS_NEEDED = 200
_TOLD = 20
_BLIND = 0.2  # an interval that wide says nothing


class MultivariateDrift(Check, frozen=True, kw_only=True):
    """Can no classifier tell test rows from training rows well.

    Boosted trees learn from one half of a sample of both tables which table a row is of, and are judged by their ROC
    AUC on the other half: 0.5 is a guess. So a change is found that no column shows by itself, such as two that no
    longer go together. Times and columns of names are left out: they always tell.

    Args:
        columns: Which features; all when left out.
        at_most: The ROC AUC that is fine.
        confidence: Of the interval.
        sample: About how many rows of each table are looked at.

    Error rate: of failing though the classifier truly tells no better than the limit at most half of `1 - confidence`.

    Source:
        Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR (2017); DeLong, Biometrics 44 (1988).
    """

    name: ClassVar[str] = "multivariate_drift"

    columns: tuple[str, ...] = ()
    at_most: float = 0.6
    confidence: float = 0.95
    sample: int = 10_000

    def judge(self, inputs: Inputs) -> Outcome:
        """Return how well training and test can be told apart.

        Raises:
            NotEnough: If a table has fewer than 200 rows, or no column can be compared.
        """
        reference = inputs.need_reference()
        there, here = reference.collect_schema(), inputs.current.collect_schema()
        check_columns(inputs.current, self.columns)
        names = [name for name in self.columns or inputs.feature_names() if _fits(here[name], there.get(name))]
        train, test = (sample_rows(frame, names, self.sample) for frame in (reference, inputs.current))
        if min(train.height, test.height) < _ROWS_NEEDED:
            raise NotEnough(
                f"The tables have {train.height} and {test.height} rows, and {_ROWS_NEEDED} each are needed",
                hint="Give more rows.",
            )
        coded = {name: code for name in names if (code := _bins(train[name], test[name])) is not None}
        if not coded:
            raise NotEnough("No column can be compared", hint="Give features of the same simple types.")
        bins = np.column_stack(list(coded.values()))
        truth = np.repeat((0.0, 1.0), (train.height, test.height))
        learns = np.random.default_rng(0).permutation(len(truth)) % 2 == 0
        model = fit(bins[learns], truth[learns])
        scored = estimate(ROC_AUC, truth[~learns], model.scores(bins[~learns]), confidence=self.confidence)
        ranked = sorted(zip(coded, model.gains.tolist(), strict=True), key=lambda one: (-one[1], one[0]))[:_TOLD]
        verdict = Verdict.WARN if scored.value > self.at_most else Verdict.PASS
        if scored.low > self.at_most:
            verdict = Verdict.FAIL
        elif scored.high - scored.low > _BLIND:
            verdict = Verdict.INCONCLUSIVE
        rows_all = count_rows(reference) + count_rows(inputs.current)
        reason = (
            f"A classifier tells test from training with a ROC AUC of {scored.value:.3f}, on {scored.rows:,} rows that "
            f"it did not learn from, of {rows_all:,}"
        )
        if scored.value > self.at_most:
            reason += f"; mostly by {', '.join(name for name, gain in ranked[:3] if gain > 0)}"
        return Outcome(
            check=self.name,
            verdict=verdict,
            value=scored.value,
            interval=Interval(low=scored.low, high=scored.high, confidence=self.confidence),
            threshold=f"<= {self.at_most:g}",
            reason=f"{reason}.",
            error_rate=f"a false fail: at most {(1 - self.confidence) / 2:.3g}",
            table=table(("feature", "share of what tells them apart"), [(name, gain) for name, gain in ranked]),
        )


def _fits(here: "pl.DataType", there: "pl.DataType | None") -> bool:
    if there is None:
        return False
    both_numbers = all(one.is_numeric() or one == pl.Boolean for one in (here, there))
    return both_numbers or (is_text(here) and is_text(there))


def _bins(train: "pl.Series", test: "pl.Series") -> "Bins | None":
    """Return the bin of each row of both, shape (rows,): quantiles or frequent words; None for a column of names."""
    if not is_text(train.dtype):
        values = np.concatenate([one.cast(pl.Float64).to_numpy() for one in (train, test)])
        finite = values[np.isfinite(values)]
        if not len(finite):
            return np.asarray(np.isnan(values), dtype=np.int64)
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, BINS - 1)[1:-1], method="lower"))
        found = np.searchsorted(edges, values, side="left") + 1
        return np.asarray(np.where(np.isnan(values), 0, found), dtype=np.int64)
    words = pl.concat([train.cast(pl.String), test.cast(pl.String)]).alias("value")
    counted = words.drop_nulls().value_counts(name="count").sort(["count", "value"], descending=[True, False])
    if 2 * counted.height > int(counted["count"].sum()):
        return None
    order = counted.head(BINS - 2).select("value").with_row_index("code", offset=1)
    joined = words.to_frame().join(order, on="value", how="left", maintain_order="left")
    other = pl.when(pl.col("value").is_null()).then(0).otherwise(BINS - 1)
    codes = joined.select(pl.coalesce(pl.col("code").cast(pl.Int64), other.cast(pl.Int64))).to_series()
    return np.asarray(codes.to_numpy(), dtype=np.int64)
