"""What is known of a table without its rows."""

import msgspec

from tidemill.checks.drift.reference import (
    MOST_CATEGORIES,
    CategoryReference,
    ColumnReference,
    NumericReference,
    Reference,
)

FORMAT = "tidemill.profile.1"


class TopValue(msgspec.Struct, frozen=True, kw_only=True):
    """A frequent value, as text, and the rows that hold it."""

    value: str
    count: int


class TextLength(msgspec.Struct, frozen=True, kw_only=True):
    """How long the texts of a column are, in characters."""

    shortest: int
    longest: int
    mean: float


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
        bins: Numbers, dates and moments (in seconds since the epoch) in quantile bins, texts by category; the
            structure that drift checks compare with.
        top: The most frequent values, most frequent first.
        length: Lengths of texts.
        sketch: The registers of the estimate of `distinct`, so that profiles merge.
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
    bins: NumericReference | CategoryReference | None = None
    top: tuple[TopValue, ...] = ()
    length: TextLength | None = None
    sketch: str = ""

    @property
    def is_moment(self) -> bool:
        """Whether the column holds dates or moments."""
        return self.type.startswith("date")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a table.

    Args:
        rows: Number of rows.
        columns: One entry a column, in the table's order.
        format: Which structure this is.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
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


def _most_frequent(bins: CategoryReference) -> CategoryReference:
    """Return as many categories as drift checks keep; a profile holds more, so that it merges well."""
    return CategoryReference(
        name=bins.name,
        values=bins.values[:MOST_CATEGORIES],
        counts=bins.counts[:MOST_CATEGORIES],
        other=bins.other + sum(bins.counts[MOST_CATEGORIES:]),
        nulls=bins.nulls,
    )
