"""Tables cut into training and test rows: by time, as life does it, or at random, for comparison."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, UnknownColumn

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

Cut = datetime | date | int | float


def split_by_time(
    frame: "pl.DataFrame", column: str, *, at: Sequence[Cut] = (), shares: Sequence[float] = ()
) -> "tuple[pl.DataFrame, ...]":
    """Return a table cut into consecutive stretches of time; rows keep their order.

    Args:
        frame: The rows.
        column: When each happened: dates, moments or numbers; none may be missing.
        at: Where to cut, increasing; a row at a cut belongs to the later stretch. One stretch more than cuts.
        shares: Instead of cuts, about which share of the rows each stretch gets; they sum to 1. Rows of one moment
            stay together, in the earlier stretch.

    Raises:
        UnknownColumn: If the table has no such column.
        InvalidOption: If both or neither are given, cuts do not increase, shares do not sum to 1, or a time is missing.
    """
    if column not in frame.columns:
        raise UnknownColumn(f"There is no column {shown(column)}", hint=did_you_mean(column, frame.columns))
    if bool(at) == bool(shares):
        raise InvalidOption("A split by time needs cuts or shares", hint="Give either `at` or `shares`.")
    if missing := frame[column].null_count():
        raise InvalidOption(
            f"{missing} rows have no {shown(column)}", hint="Leave them out first: frame.drop_nulls(column)."
        )
    times = frame[column]
    if shares:
        return _by_shares(frame, times, shares)
    cuts = [_fit(cut, times.dtype) for cut in at]
    ordered = pl.Series(cuts, strict=False)
    if not ordered.is_sorted() or ordered.n_unique() < len(cuts):
        raise InvalidOption("The cuts do not increase", hint="Give them from early to late, each once.")
    ends = [*cuts, None]
    starts = [None, *cuts]
    stretches = []
    for start, end in zip(starts, ends, strict=True):
        kept = pl.lit(value=True) if start is None else pl.col(column) >= start
        stretches.append(frame.filter(kept if end is None else kept & (pl.col(column) < end)))
    return tuple(stretches)


def _fit(cut: Cut, dtype: "pl.DataType") -> Cut:
    """Return a cut as the column's own kind of moment, so that days cut moments and zones do not matter."""
    if isinstance(cut, date) and not isinstance(cut, datetime) and isinstance(dtype, pl.Datetime):
        cut = datetime(cut.year, cut.month, cut.day, tzinfo=UTC if dtype.time_zone else None)
    if isinstance(cut, datetime) and isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return cut.astimezone(UTC).replace(tzinfo=None) if cut.tzinfo else cut
        return cut if cut.tzinfo else cut.replace(tzinfo=UTC)
    if isinstance(cut, datetime) and dtype == pl.Date:
        return cut.date()
    return cut


def _by_shares(frame: "pl.DataFrame", times: "pl.Series", shares: Sequence[float]) -> "tuple[pl.DataFrame, ...]":
    if any(share <= 0 for share in shares) or abs(sum(shares) - 1) > 1e-9:
        raise InvalidOption("The shares do not sum to 1", hint="Give positive shares, such as (0.7, 0.15, 0.15).")
    ordered = times.sort()
    last = [
        ordered[max(0, min(len(ordered), round(float(end) * len(ordered))) - 1)] if len(ordered) else None
        for end in np.cumsum(shares)[:-1]
    ]
    stretches = []
    below = pl.lit(value=False)
    for end in last:
        within = pl.lit(value=False) if end is None else pl.col(times.name) <= end
        stretches.append(frame.filter(within & ~below))
        below = within | below
    return (*stretches, frame.filter(~below))


def hold_out(frame: "pl.DataFrame", *, share: float = 0.2, seed: int = 0) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Return the rows to train on and those held out, drawn at random; both keep their order.

    A random hold-out of data that has a time flatters a model: it is tested on days it was trained on.

    Args:
        frame: The rows.
        share: Which share is held out, over 0 and under 1.
        seed: The same seed, rows and NumPy generator give the same split.

    Raises:
        InvalidOption: If the share is not between 0 and 1.

    Source:
        O'Neill, PCG: a family of simple fast space-efficient statistically good algorithms for random number
        generation (2014): the generator.
    """
    if not 0 < share < 1:
        raise InvalidOption(f"The share is {share}", hint="Give a share between 0 and 1, such as 0.2.")
    drawn = np.random.Generator(np.random.PCG64(seed)).permutation(frame.height)[: round(share * frame.height)]
    held = np.zeros(frame.height, dtype=bool)
    held[drawn] = True
    mask = pl.Series(held)
    return frame.filter(~mask), frame.filter(mask)
