"""How many rows fall in each period, and which periods have none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.profile.records import Gap, Timeline

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
else:
    np = lazy("numpy")

MOST_PERIODS = 1024
DAY_S = 86_400
_STEPS_S = (1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 43_200, DAY_S, 7 * DAY_S, 28 * DAY_S, 336 * DAY_S)


def timeline_of(seconds: "Floats", counts: "Integers | None" = None, *, least_s: int = 1) -> Timeline | None:
    """Return the rows of each period, None without rows.

    Periods begin at multiples of their length since 1970 and are the shortest of which few enough span all rows, so
    timelines merge exactly, in any order.

    Args:
        seconds: Moments in seconds since the epoch, shape (n,).
        counts: The rows of each, shape (n,); one when left out.
        least_s: The shortest period, such as a day for dates.
    """
    if not len(seconds):
        return None
    step = _step(float(seconds.min()), float(seconds.max()), least_s)
    places = np.floor_divide(seconds, step).astype(np.int64)
    first = int(places.min())
    rows = np.bincount(places - first, weights=counts).astype(np.int64)
    return Timeline(step_s=step, start_s=first * step, counts=tuple(rows.tolist()))


def merge_timelines(parts: Sequence[Timeline]) -> Timeline:
    """Return the rows of each period of several lots together."""
    low = min(part.start_s for part in parts)
    high = max(part.start_s + (len(part.counts) - 1) * part.step_s for part in parts)
    step = _step(low, high, max(part.step_s for part in parts))
    first = low // step
    rows = np.zeros(high // step - first + 1, dtype=np.int64)
    for part in parts:
        starts = part.start_s + np.arange(len(part.counts)) * part.step_s
        np.add.at(rows, starts // step - first, np.asarray(part.counts, dtype=np.int64))
    return Timeline(step_s=step, start_s=first * step, counts=tuple(rows.tolist()))


def _step(low: float, high: float, least: int) -> int:
    for step in _STEPS_S:
        if step >= least and high // step - low // step < MOST_PERIODS:
            return step
    step = max(_STEPS_S[-1], least)
    while high // step - low // step >= MOST_PERIODS:
        step *= 10
    return step


def gaps(timeline: Timeline) -> list[Gap]:
    """Return the periods without rows between the first and the last, longest first, then earliest."""
    empty = np.concatenate([[False], np.asarray(timeline.counts) == 0, [False]]).astype(np.int8)
    turns = np.flatnonzero(np.diff(empty))
    found = [
        Gap(start_s=timeline.start_s + start * timeline.step_s, end_s=timeline.start_s + end * timeline.step_s)
        for start, end in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True)
    ]
    return sorted(found, key=lambda gap: (gap.start_s - gap.end_s, gap.start_s))
