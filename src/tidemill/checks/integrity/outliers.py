"""Rows that are far from all others."""

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from tidemill.checks.check import Check
from tidemill.checks.errors import NotEnough
from tidemill.checks.inputs import Inputs, check_columns
from tidemill.checks.integrity.texts import is_text
from tidemill.checks.outcome import Outcome, Verdict, table
from tidemill.checks.proportions import wilson
from tidemill.checks.sampling import said_sample, sample_rows
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Numbers = npt.NDArray[np.float32]
    Rows = npt.NDArray[np.intp]
else:
    np = lazy("numpy")
    pl = lazy("polars")

_ROW = "__tidemill_number"
_NEIGHBOURS = 20
_ROWS_NEEDED = 100
_MOST_WORK = 400_000_000  # differences of one column of two rows
_BLOCK = 256
_SIGNIFICANCE = 3.0
_EXAMPLES = 20
_LEAST_SPREAD = 0.01
_FAR = 100.0


class Outliers(Check, frozen=True, kw_only=True):
    """Are few rows far from all others, given how dense their neighbourhood is.

    Two rows are apart by the mean over their columns: of numbers the difference by the width of the middle 98 percent
    of the column, of words 0 or 1; a value that only one of them lacks counts as 1. The local outlier probability
    compares a row's distance to its 20 nearest with theirs. It is measured on a sample of rows, and the share of
    outliers has an interval for that.

    Args:
        columns: Which features; all when left out.
        at_most: The share of rows that may be outliers.
        above: The probability from which a row counts as one.
        confidence: Of the interval of the share.
        sample: About how many rows are looked at; fewer where columns are many.

    Error rate: fails with a chance of at most half of `1 - confidence` while the true share is within the limit.

    Source:
        Kriegel, Kröger, Schubert and Zimek, LoOP: local outlier probabilities, CIKM (2009); Gower, A general
        coefficient of similarity, Biometrics 27 (1971).
    """

    name: ClassVar[str] = "outliers"

    severity: Literal["warn", "fail"] = "warn"
    columns: tuple[str, ...] = ()
    at_most: float = 0.05
    above: float = 0.9
    confidence: float = 0.95
    sample: int = 4000

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the share of rows that are outliers.

        Raises:
            NotEnough: If there are fewer than 100 rows, or no column that rows can be compared by.
        """
        names = self.columns or inputs.feature_names()
        check_columns(inputs.current, names)
        schema = inputs.current.collect_schema()
        names = tuple(name for name in names if _is_comparable(schema[name]))
        if not names:
            raise NotEnough("No column can be compared", hint="Give numeric or text features.")
        most = min(self.sample, math.isqrt(_MOST_WORK // len(names)))
        frame = sample_rows(inputs.current, names, most, number=_ROW)
        if frame.height < _ROWS_NEEDED:
            raise NotEnough(f"There are {frame.height} rows, and {_ROWS_NEEDED} are needed", hint="Give more rows.")
        columns = [_scaled(frame[name]) for name in names]
        chances = _local_outlier_probabilities(columns)
        out = chances > self.above
        count, rows = int(out.sum()), frame.height
        interval, share = wilson(count, rows, self.confidence), count / rows
        verdict = Verdict.WARN if share > self.at_most else Verdict.PASS
        if interval.low is not None and interval.low > self.at_most:
            verdict = Verdict.FAIL
        first = np.argsort(-chances, kind="stable")[: min(_EXAMPLES, count)]
        return Outcome(
            check=self.name,
            verdict=verdict,
            value=share,
            interval=interval,
            threshold=f"<= {self.at_most:g}",
            reason=f"{count} {said_sample(inputs, rows)} are far from their neighbours in {len(names)} columns.",
            error_rate=f"a false fail: at most {(1 - self.confidence) / 2:.3g}",
            table=table(
                ("row", "probability", "most unusual in", "value"),
                [(frame[_ROW][int(at)], float(chances[at]), *_oddest(frame, names, columns, int(at))) for at in first],
            ),
        )


def _is_comparable(dtype: "pl.DataType") -> bool:
    return dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean or is_text(dtype)


class _Column:
    """A column as rows are compared by it: numbers in widths from the middle, or the numbers of words."""

    def __init__(self, values: "Numbers", missing: "npt.NDArray[np.bool_]", *, is_word: bool) -> None:
        self.values, self.missing, self.is_word = values, missing, is_word
        self.lacks = bool(missing.any())


def _scaled(values: "pl.Series") -> _Column:
    if is_text(values.dtype):
        codes = values.cast(pl.String).rank("dense")
        return _Column(codes.fill_null(0).to_numpy().astype(np.float32), codes.is_null().to_numpy(), is_word=True)
    array = values.to_physical().cast(pl.Float64).to_numpy()
    missing = ~np.isfinite(array)
    known = array[~missing] / 4 if (~missing).any() else np.zeros(1)  # a quarter, so that no difference overflows
    low, middle, high = np.quantile(known, (0.01, 0.5, 0.99))
    width = high - low or float(np.ptp(known)) or 1.0
    scaled = np.clip((np.where(missing, middle * 4, array) / 4 - middle) / width, -_FAR, _FAR)
    return _Column(scaled.astype(np.float32), missing, is_word=False)


def _local_outlier_probabilities(columns: list[_Column]) -> "npt.NDArray[np.float64]":
    """Return for each row the chance that it is an outlier, shape (rows,)."""
    rows = len(columns[0].values)
    neighbours = min(_NEIGHBOURS, rows - 1)
    near: Rows = np.empty((rows, neighbours), dtype=np.intp)
    spread = np.empty(rows)
    for start in range(0, rows, _BLOCK):
        block = slice(start, min(start + _BLOCK, rows))
        apart = _distances(columns, block)
        at = np.arange(apart.shape[0])
        apart[at, at + start] = np.inf
        near[block] = np.argpartition(apart, neighbours - 1, axis=1)[:, :neighbours]
        spread[block] = np.sqrt(np.mean(np.square(np.take_along_axis(apart, near[block], axis=1)), axis=1))
    least = _LEAST_SPREAD * float(np.median(spread)) or _LEAST_SPREAD / len(columns)
    excess = np.maximum(spread, least) / np.maximum(spread[near].mean(axis=1), least) - 1
    usual = _SIGNIFICANCE * math.sqrt(float(np.mean(np.square(excess))))
    if usual <= 0:
        return np.zeros(rows)
    return np.array([max(0.0, math.erf(one / (usual * math.sqrt(2)))) for one in excess])


def _distances(columns: list[_Column], block: slice) -> "Numbers":
    """Return how far the rows of a block are from all rows, shape (block, rows)."""
    rows = len(columns[0].values)
    total = np.zeros((block.stop - block.start, rows), dtype=np.float32)
    for column in columns:
        mine, all_ = column.values[block, None], column.values[None, :]
        apart = (mine != all_).astype(np.float32) if column.is_word else np.abs(mine - all_)
        if column.lacks:
            here, there = column.missing[block, None], column.missing[None, :]
            apart = np.where(here | there, (here != there).astype(np.float32), apart)
        total += apart
    total /= np.float32(len(columns))
    return total


def _oddest(frame: "pl.DataFrame", names: tuple[str, ...], columns: list[_Column], at: int) -> tuple[str, str]:
    """Return the column in which a row is furthest from the middle or from the usual word, and its value there."""

    def oddness(column: _Column) -> float:
        if column.is_word or column.missing[at]:
            same = column.missing if column.missing[at] else column.values == column.values[at]
            return 1 - float(np.mean(same))
        return float(abs(column.values[at]))

    name = max(zip(names, columns, strict=True), key=lambda pair: oddness(pair[1]))[0]
    return name, str(frame[name][at])[:60]
