"""The profile of a table, batch by batch, so that memory does not grow with its rows."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from tidemill.core.lazy import lazy
from tidemill.data.profile.finish import column_profile
from tidemill.data.profile.gauge import Gauge
from tidemill.data.profile.measure import measure
from tidemill.data.profile.merge import bins_for, merge_gauges
from tidemill.data.profile.records import Profile
from tidemill.data.profile.relate import merge_sums, relate
from tidemill.data.profile.relations import Sums, pack

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_CELLS = 1 << 24
_CELLS_TOGETHER = 1 << 21
_LEAST_ROWS = 1 << 12
_STRIDE = 1 << 13
_WIDE = 64
_FOLD = 8
_WORTH_A_THREAD = 50_000

T = TypeVar("T")
Told = Callable[[int], None]


def profile_frame(frame: "pl.DataFrame") -> Profile:
    """Return the profile of a table in memory."""
    step = max(_LEAST_ROWS, _CELLS // max(1, frame.width))
    return profile_batches(frame.slice(start, step) for start in range(0, max(1, frame.height), step))


def profile_batches(batches: "Iterable[pl.DataFrame]", *, told: Told | None = None) -> Profile:
    """Return the profile of a table that comes in batches of the same columns.

    Args:
        batches: The rows.
        told: Hears now and then how many rows are measured.
    """
    measuring = Measuring(told)
    for batch in batches:
        measuring.add(batch)
    return measuring.profile()


class Measuring:
    """A profile in the making, for whoever has the rows in hand anyhow.

    Args:
        told: Hears now and then how many rows are measured.
        beside: How many cores other work keeps busy meanwhile, such as reading and writing the same rows.
    """

    def __init__(self, told: Told | None = None, *, beside: int = 0) -> None:
        self._told = told
        self._threads = (os.cpu_count() or 1) - beside
        self._held: list[pl.DataFrame] = []
        self._cells = 0
        self._most = 0
        self._rows = 0
        self._lots: Lots[list[Gauge]] | None = None
        self._merged: list[Gauge] | None = None
        self._sums: Sums | None = None

    def add(self, batch: "pl.DataFrame") -> None:
        """Take more rows, of the same columns.

        Small batches are put together: what is measured in one go is exact, and costs less than merging.
        """
        cells = batch.height * batch.width
        if self._held and self._cells + cells > _CELLS_TOGETHER:
            self._measure_held(is_large=True)
        self._held.append(batch)
        self._cells += cells

    def gauges(self) -> list[Gauge]:
        """Return what all columns hold; nothing where no batch came."""
        if self._held:
            self._measure_held(is_large=self._rows > 0 or self._cells > _CELLS_TOGETHER // 2)
        if self._merged is None:
            self._merged = self._lots.merged() if self._lots else []
        return self._merged

    def profile(self) -> Profile:
        """Return the profile of all rows."""
        columns = tuple(column_profile(gauge, self._most) for gauge in self.gauges())
        relations = pack(self._sums) if self._sums and _relates(self._sums) else None
        return Profile(rows=self._rows, columns=columns, relations=relations)

    def _measure_held(self, *, is_large: bool) -> None:
        batch = pl.concat(self._held) if len(self._held) > 1 else self._held[0]
        self._held, self._cells = [], 0
        most = self._most = self._most or bins_for(batch.width)
        some = _thinned(batch) if is_large else batch
        if self._threads > 1 and batch.height > _WORTH_A_THREAD:
            with ThreadPoolExecutor(self._threads) as pool:
                measured, related = _measured(batch, some, most, pool)
        else:
            measured, related = _measured(batch, some, most, None)
        self._sums = merge_sums([self._sums, related]) if self._sums else related
        self._lots = self._lots or Lots(partial(_merge_columns, most=most))
        self._lots.add(measured)
        self._merged = None
        self._rows += batch.height
        if self._told:
            self._told(self._rows)


def _measured(
    batch: "pl.DataFrame", related: "pl.DataFrame", most: int, pool: ThreadPoolExecutor | None
) -> tuple[list[Gauge], Sums]:
    spread_out = pool.map if pool else map
    gauges = list(spread_out(partial(measure, most_bins=most), batch.get_columns()))
    return gauges, relate(related, gauges, spread_out)


def _thinned(batch: "pl.DataFrame") -> "pl.DataFrame":
    """Return an eighth of a batch of a large table, blocks from all over it: relations show in that as well.

    Where columns are so many that batches have few rows, all of them.
    """
    if batch.width >= _WIDE or not batch.height:
        return batch
    starts = range(0, batch.height, _STRIDE)
    return pl.concat([batch.slice(start, -(-min(_STRIDE, batch.height - start) // 8)) for start in starts])


def _merge_columns(parts: Sequence[list[Gauge]], most: int) -> list[Gauge]:
    return [merge_gauges(column, most) for column in zip(*parts, strict=True)]


class Lots(Generic[T]):
    """Lots that are merged as a tree, so that what one merge rounds does not add up over thousands of them."""

    def __init__(self, merge: Callable[[Sequence[T]], T]) -> None:
        self._merge = merge
        self._levels: list[list[T]] = [[]]

    def add(self, lot: T) -> None:
        """Take one more."""
        for level in self._levels:
            level.append(lot)
            if len(level) < _FOLD:
                return
            lot = self._merge(level)
            level.clear()
        self._levels.append([lot])

    def merged(self) -> T:
        """Return all lots together; at least one."""
        left = [lot for level in reversed(self._levels) for lot in level]
        return self._merge(left)


def _relates(sums: Sums) -> bool:
    return len({*sums.numbers, *(axis.name for axis in sums.axes)}) > 1


def encode_profile(profile: Profile) -> bytes:
    """Return the bytes under whose digest a profile is stored."""
    return msgspec.json.encode(profile)


def decode_profile(content: bytes) -> Profile:
    """Return the profile that was stored."""
    return msgspec.json.decode(content, type=Profile)
