"""Tables cut into training and test rows: by time, as life does it, or at random, for comparison."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, UnknownColumn
from tidemill.data.types import type_word

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

Cut = datetime | date | int | float

_FARTHEST = 2**63
"""From here on no column of whole numbers tells numbers apart from their neighbours."""


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
    numbers = split_times(frame, column, at=at, shares=shares)
    count = len(at) + 1 if at else len(shares)
    return tuple(frame.filter(pl.Series(numbers == part)) for part in range(count))


def split_times(
    frame: "pl.DataFrame", column: str, *, at: Sequence[Cut] = (), shares: Sequence[float] = ()
) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """Return for each row the number of the stretch that `split_by_time` puts it in; needs that column alone."""
    if column not in frame.columns:
        raise UnknownColumn(f"There is no column {shown(column)}", hint=did_you_mean(column, frame.columns))
    if bool(at) == bool(shares):
        raise InvalidOption("A split by time needs cuts or shares", hint="Give either `at` or `shares`.")
    if missing := frame[column].null_count():
        raise InvalidOption(
            f"{missing} rows have no {shown(column)}", hint="Leave them out first: frame.drop_nulls(column)."
        )
    times = frame[column]
    if times.dtype.is_nested():
        raise InvalidOption(
            f"Column {shown(column)} is {type_word(times.dtype)}, which has no order", hint="Name a time."
        )
    cuts = _ends(times, shares) if shares else [_fit(cut, times.dtype) for cut in at]
    ordered = pl.Series(cuts, strict=False)
    if at and (not ordered.is_sorted() or ordered.n_unique() < len(cuts)):
        raise InvalidOption("The cuts do not increase", hint="Give them from early to late, each once.")
    numbers = np.zeros(frame.height, dtype=np.uint8)
    for cut in cuts if frame.height else ():
        # A cut belongs to the later stretch; the last moment of a share to its own.
        numbers += (times > cut if shares else times >= cut).to_numpy().astype(np.uint8)
    return numbers


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
    fits = dtype == pl.Null or (dtype in (pl.Date, pl.Datetime) if isinstance(cut, date) else dtype.is_numeric())
    if not fits or (isinstance(cut, float) and math.isnan(cut)):
        raise InvalidOption(
            f"The cut {cut} does not fit the column, which is {type_word(dtype)}",
            hint="Cut days and moments at such as 2013-10-01, and numbers at numbers.",
        )
    if isinstance(cut, int) and abs(cut) >= _FARTHEST:
        return float(max(-(2**1023), min(cut, 2**1023)))
    return cut


def _ends(times: "pl.Series", shares: Sequence[float]) -> list[Cut]:
    """Return the last moment of each share but the last."""
    if any(share <= 0 for share in shares) or abs(sum(shares) - 1) > 1e-9:
        raise InvalidOption("The shares do not sum to 1", hint="Give positive shares, such as (0.7, 0.15, 0.15).")
    ordered = times.sort()
    if not len(ordered):
        return []
    return [ordered[max(0, min(len(ordered), round(float(end) * len(ordered))) - 1)] for end in np.cumsum(shares)[:-1]]


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


def hold_out_shares(
    rows: int, shares: Sequence[float], *, seed: int = 0
) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """Return for each of some rows the number of a part, drawn at random so that each part gets its share of them.

    Args:
        rows: How many rows there are.
        shares: The share of each part; they sum to 1.
        seed: The same seed, rows and NumPy generator give the same split.
    """
    ends = [round(float(end) * rows) for end in np.cumsum(shares)[:-1]]
    places = np.empty(rows, dtype=np.int64)
    places[np.random.Generator(np.random.PCG64(seed)).permutation(rows)] = np.arange(rows)
    return np.searchsorted(ends, places, side="right").astype(np.uint8)
