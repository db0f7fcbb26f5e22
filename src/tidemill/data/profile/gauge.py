"""What is kept of one column while it is measured: all values with their counts, or bins when there are too many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.profile.kll import Ranks
from tidemill.data.profile.moments import Moments
from tidemill.data.profile.records import TextLength, Timeline, TopValue

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from tidemill.checks.drift.reference import CategoryReference, NumericReference

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Registers = npt.NDArray[np.uint8]
else:
    np = lazy("numpy")
    pl = lazy("polars")

MOST_COUNTED = 1 << 16
"""The most different values of a column that are all kept with their counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """All values of a numeric column: different ones, increasing, and the rows of each."""

    values: "Floats"
    counts: "Integers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """All values of a column of text: a frame with `value` and `count`, by value."""

    frame: "pl.DataFrame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A column with too many different values to keep them."""

    bins: "NumericReference | CategoryReference"
    moments: Moments = Moments()  # noqa: RUF009 - frozen
    registers: "Registers | None" = None
    hash_kind: str = ""
    distinct: int = 0
    low: float | str | None = None
    high: float | str | None = None
    top: tuple[TopValue, ...] = ()
    length: TextLength | None = None
    ranks: Ranks | None = None
    zeros: int = 0
    negatives: int = 0
    timeline: Timeline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One column of some rows.

    Args:
        name: The column.
        type: The word of its type.
        rows: Number of rows.
        nulls: Rows without a value.
        not_finite: Rows with NaN or an infinity.
        held: What is kept of its values; None for types that are only counted.
    """

    name: str
    type: str
    rows: int
    nulls: int
    not_finite: int = 0
    held: Numbers | Texts | Spread | None = None


def is_number(word: str) -> bool:
    """Return whether columns of a type are measured as numbers; dates and moments are, in seconds."""
    return word.startswith(("int", "uint", "float", "date", "duration", "decimal"))


def merge_numbers(parts: Sequence[Numbers]) -> Numbers:
    """Return the values of several lots together."""
    values, places = np.unique(np.concatenate([part.values for part in parts]), return_inverse=True)
    counts = np.bincount(places, weights=np.concatenate([part.counts for part in parts]), minlength=len(values))
    return Numbers(values=values, counts=counts.astype(np.int64))


def merge_texts(parts: Sequence[Texts]) -> Texts:
    """Return the values of several lots together."""
    both = pl.concat([part.frame for part in parts])
    return Texts(frame=both.group_by("value").agg(pl.col("count").sum()).sort("value"))
