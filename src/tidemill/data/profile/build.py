"""The profile of a table, batch by batch, so that memory does not grow with its rows."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
_LEAST_ROWS = 1 << 12
_FOLD = 8
_WORTH_A_THREAD = 50_000

Told = Callable[[int], None]


def profile_file(path: Path, rows: int, width: int, *, told: Told | None = None) -> Profile:
    """Return the profile of a Parquet file.

    Args:
        path: The file.
        rows: How many rows it has.
        width: How many columns.
        told: Hears after each batch how many rows are measured.
    """
    step = max(_LEAST_ROWS, _CELLS // max(1, width))
    frame = pl.scan_parquet(path, glob=False)
    return profile_batches((frame.slice(start, step).collect() for start in range(0, rows, step)), told=told)


def profile_frame(frame: "pl.DataFrame") -> Profile:
    """Return the profile of a table in memory."""
    step = max(_LEAST_ROWS, _CELLS // max(1, frame.width))
    return profile_batches(frame.slice(start, step) for start in range(0, max(1, frame.height), step))


def profile_batches(batches: "Iterable[pl.DataFrame]", *, told: Told | None = None) -> Profile:
    """Return the profile of a table that comes in batches of the same columns."""
    held: list[list[Gauge]] = []
    sums: Sums | None = None
    most = rows = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in batches:
            most = most or bins_for(batch.width)
            spread_out = pool.map if batch.height > _WORTH_A_THREAD else map
            gauges = list(spread_out(partial(measure, most_bins=most), batch.get_columns()))
            related = relate(batch, gauges, spread_out)
            sums = merge_sums([sums, related]) if sums else related
            held = held or [[] for _ in gauges]
            for parts, gauge in zip(held, gauges, strict=True):
                parts.append(gauge)
            if held and len(held[0]) >= _FOLD:
                held = [[merge_gauges(parts, most)] for parts in held]
            rows += batch.height
            if told:
                told(rows)
    columns = tuple(column_profile(merge_gauges(parts, most), most) for parts in held)
    return Profile(rows=rows, columns=columns, relations=pack(sums) if sums and _relates(sums) else None)


def _relates(sums: Sums) -> bool:
    return len({*sums.numbers, *(axis.name for axis in sums.axes)}) > 1


def encode_profile(profile: Profile) -> bytes:
    """Return the bytes under whose digest a profile is stored."""
    return msgspec.json.encode(profile)


def decode_profile(content: bytes) -> Profile:
    """Return the profile that was stored."""
    return msgspec.json.decode(content, type=Profile)
