"""Rows as numbers that are equal when the rows are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

BY_DIGEST = "none: every row was counted, by a digest of 64 bits"
"""The error rate of a check that compares rows by their digests: two of a million differ and look equal once in
37 million tables."""


def row_digest(columns: Sequence[str]) -> "pl.Expr":
    """Return a digest of some columns; missing values equal each other. It holds within one process and types."""
    return (pl.struct(columns) if len(columns) != 1 else pl.col(columns[0])).hash(0)


def digest_rows(frame: "pl.DataFrame | pl.LazyFrame", columns: Sequence[str]) -> "pl.Series":
    """Return the digest of every row, in order, without holding the rows themselves."""
    digests = frame.lazy().select(row_digest(columns).alias("row"))
    return digests.collect(engine="streaming")["row"]
