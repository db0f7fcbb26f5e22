"""What is known of a table without its rows."""

import msgspec

from tidemill.checks.drift.reference import (
    MOST_CATEGORIES,
    CategoryReference,
    ColumnReference,
    NumericReference,
    Reference,
)
from tidemill.core.display import notebook_html

FORMAT = "tidemill.profile.2"
"""The first one had no curves; it is read as one without."""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """A column of few different values, and those, in order."""

    name: str
    values: tuple[str, ...]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """What tells how other columns follow one; sums that add up, read by `tidemill.data.profile.targets`.

    Args:
        column: The column: a number, date or moment, or a text of which some values are frequent.
        edges: Upper ends of its bins, for numbers.
        low: The lower end of the first.
        is_discrete: Whether each bin is one number.
        values: Its most frequent values, for texts; all others are one bin more.
        sums: For each bin its rows, the rows and the sum of each number, and the rows of each value of each axis.
    """

    column: str
    edges: tuple[float, ...] = ()
    low: float | None = None
    is_discrete: bool = False
    values: tuple[str, ...] = ()
    sums: str = ""


class Relations(msgspec.Struct, frozen=True, kw_only=True):
    """What tells how columns go together; sums that add up, read by `tidemill.data.profile.relations`.

    Args:
        numbers: Columns of numbers, dates and moments; the first 32.
        axes: Columns of at most 20 different texts or whole numbers; the first 12.
        pairs: For each pair of numbers the rows that have both, the mean, the squares and the products.
        tables: For each pair of axes the rows of each pair of values.
        groups: For each axis and number the rows, mean and squares by value of the axis.
        curves: For the columns that are no axis the others by bin.
    """

    numbers: tuple[str, ...]
    axes: tuple[Axis, ...]
    pairs: str
    tables: str
    groups: str
    curves: tuple[Curve, ...] = ()


class TopValue(msgspec.Struct, frozen=True, kw_only=True):
    """A frequent value, as text, and the rows that hold it."""

    value: str
    count: int


class TextLength(msgspec.Struct, frozen=True, kw_only=True):
    """How long the texts of a column are, in characters.

    Args:
        shortest: Length of the shortest one.
        longest: Length of the longest one.
        mean: Their mean.
        empty: Texts without any character.
        counts: Texts by length, the cells of `lengths.starts`.
    """

    shortest: int
    longest: int
    mean: float
    empty: int = 0
    counts: tuple[int, ...] = ()


class Quantile(msgspec.Struct, frozen=True, kw_only=True):
    """The value below which a share of the rows lies; dates and moments as ISO 8601 text."""

    share: float
    value: float | str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of each period.

    Args:
        step_s: Length of a period, in seconds.
        start_s: When the first one begins, in seconds since the epoch.
        counts: Rows of each, in order.
    """

    step_s: int
    start_s: int
    counts: tuple[int, ...]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time without rows, from one moment to before another, in seconds since the epoch."""

    start_s: int
    end_s: int


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a column.

    Args:
        name: The column.
        type: The word of its type.
        rows: Number of rows.
        nulls: Rows without a value.
        distinct: How many different values there are; None for nested types.
        is_distinct_exact: Whether that was counted, not estimated (within about 3 percent).
        low: Smallest value; dates and moments as ISO 8601 text; None when there is none.
        high: Largest value.
        mean: Mean of the numbers; of seconds since the epoch for dates and moments; the share of true for booleans.
        deviation: Standard deviation of the same.
        skewness: Third standardised moment: 0 when both sides are alike, above when the right tail is longer.
        kurtosis: Fourth standardised moment less 3: 0 as a normal distribution, above with heavier tails.
        zeros: Rows that hold zero, for numbers.
        negatives: Rows that hold a number below zero.
        not_finite: Rows that hold NaN or an infinity; every other figure leaves them out.
        quantiles: Values at some shares; exact when `is_distinct_exact`, else within 1 percent of the rows.
        bins: Numbers, dates and moments (in seconds since the epoch) in quantile bins, texts by category; the
            structure that drift checks compare with.
        top: The most frequent values, most frequent first.
        length: Lengths of texts.
        timeline: Rows by period, for dates and moments.
        sketch: The registers of the estimate of `distinct`, so that profiles merge.
        ranks: The sketch of the quantiles, for the same.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int | None = None
    is_distinct_exact: bool = False
    low: int | float | str | None = None
    high: int | float | str | None = None
    mean: float | None = None
    deviation: float | None = None
    skewness: float | None = None
    kurtosis: float | None = None
    zeros: int | None = None
    negatives: int | None = None
    not_finite: int = 0
    quantiles: tuple[Quantile, ...] = ()
    bins: NumericReference | CategoryReference | None = None
    top: tuple[TopValue, ...] = ()
    length: TextLength | None = None
    timeline: Timeline | None = None
    sketch: str = ""
    ranks: str = ""

    @property
    def is_moment(self) -> bool:
        """Whether the column holds dates or moments."""
        return self.type.startswith("date")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a table.

    Args:
        rows: Number of rows.
        columns: One entry a column, in the table's order.
        relations: How columns go together; None when there are too few.
        format: Which structure this is.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    relations: Relations | None = None
    format: str = FORMAT

    def reference(self, columns: tuple[str, ...] = ()) -> Reference:
        """Return the part of the profile that drift checks compare with.

        Args:
            columns: Which columns; all when left out.
        """
        kept: list[ColumnReference] = []
        skipped: list[str] = []
        for column in self.columns:
            if columns and column.name not in columns:
                continue
            if column.bins is None or column.is_moment:
                skipped.append(column.name)
            elif isinstance(column.bins, CategoryReference):
                kept.append(_most_frequent(column.bins))
            else:
                kept.append(column.bins)
        return Reference(rows=self.rows, columns=tuple(kept), skipped=tuple(skipped))

    def column(self, name: str) -> ColumnProfile | None:
        """Return what is known of one column."""
        return next((column for column in self.columns if column.name == name), None)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return notebook_html(self)


def _most_frequent(bins: CategoryReference) -> CategoryReference:
    """Return as many categories as drift checks keep; a profile holds more, so that it merges well."""
    return CategoryReference(
        name=bins.name,
        values=bins.values[:MOST_CATEGORIES],
        counts=bins.counts[:MOST_CATEGORIES],
        other=bins.other + sum(bins.counts[MOST_CATEGORIES:]),
        nulls=bins.nulls,
    )
