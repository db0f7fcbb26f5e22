"""The profile of a table, batch by batch, so that memory does not grow with its rows."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_STRIDE = 1 << 15
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
    gauges: _Lots[list[Gauge]] | None = None
    sums: Sums | None = None
    most = rows = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in _of_some_size(batches):
            most = most or bins_for(batch.width)
            gauges = gauges or _Lots(partial(_merge_columns, most=most))
            spread_out = pool.map if batch.height > _WORTH_A_THREAD else map
            measured = list(spread_out(partial(measure, most_bins=most), batch.get_columns()))
            related = relate(_thinned(batch), measured, spread_out)
            sums = merge_sums([sums, related]) if sums else related
            gauges.add(measured)
            rows += batch.height
            if told:
                told(rows)
    columns = tuple(column_profile(gauge, most) for gauge in gauges.merged()) if gauges else ()
    return Profile(rows=rows, columns=columns, relations=pack(sums) if sums and _relates(sums) else None)


def _thinned(batch: "pl.DataFrame") -> "pl.DataFrame":
    """Return an eighth of a large batch, blocks from all over it: how columns go together shows in that as well."""
    if batch.height * batch.width < _CELLS_TOGETHER // 2 or batch.height <= _STRIDE:
        return batch
    return pl.concat([batch.slice(start, _STRIDE // 8) for start in range(0, batch.height, _STRIDE)])


def _of_some_size(batches: "Iterable[pl.DataFrame]") -> "Iterator[pl.DataFrame]":
    """Put small batches together: what is measured in one go is exact, and costs less than merging."""
    held: list[pl.DataFrame] = []
    cells = 0
    for batch in batches:
        if held and cells + batch.height * batch.width > _CELLS_TOGETHER:
            yield pl.concat(held)
            held, cells = [], 0
        held.append(batch)
        cells += batch.height * batch.width
    if held:
        yield pl.concat(held)


def _merge_columns(parts: Sequence[list[Gauge]], most: int) -> list[Gauge]:
    return [merge_gauges(column, most) for column in zip(*parts, strict=True)]


class _Lots(Generic[T]):
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
        """Return all lots together."""
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
