"""How the columns of a batch go together, as sums; and the sums of several batches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.profile.curves import Cells, Map, align, bins_of, measure_curves, merge_cells, thinned
from tidemill.data.profile.gauge import Gauge, Numbers, Spread, Texts, is_number
from tidemill.data.profile.records import Axis, Relations
from tidemill.data.profile.relations import Sums, pack, unpack

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

MOST_NUMBERS = 32
MOST_AXES = 12
MOST_VALUES = 20
_CHUNK = 1 << 13  # a chunk of 16 columns and what is made of it stay in a second-level cache
_BLOCK = 128  # products of so many rows are below the size from which a linear-algebra library calls its own threads
_PER_SECOND = {"ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(slots=True)
class _Raw:
    """Plain sums of a chunk, around a shift that is near the means."""

    pairs: "Floats"
    tables: "list[Integers]"
    groups: "list[Floats]"


def relate(frame: "pl.DataFrame", gauges: Sequence[Gauge], spread_out: Map) -> Sums:
    """Return how the columns of a batch go together.

    Args:
        frame: The rows.
        gauges: What its columns hold.
        spread_out: A `map` that may work on several chunks at once.
    """
    numbers = [gauge for gauge in gauges if is_number(gauge.type) and gauge.held is not None][:MOST_NUMBERS]
    axes = [(gauge, axis) for gauge in gauges if (axis := _axis(gauge)) is not None][:MOST_AXES]
    width = len(numbers)
    shift = np.array([_near_mean(gauge.held) for gauge in numbers], dtype=np.float64)
    codes = [_codes(frame[gauge.name], gauge, axis) for gauge, axis in axes]
    heights = [len(axis.values) for _, axis in axes]
    columns = [frame[gauge.name] for gauge in numbers]

    def work(start: int) -> _Raw:
        values = np.empty((width, min(_CHUNK, frame.height - start)))
        for at, column in enumerate(columns):
            values[at] = _as_floats(column.slice(start, _CHUNK)) - shift[at]
        return _raw(values, [code[start : start + _CHUNK] for code in codes], heights)

    raw = _Raw(
        np.zeros((4, width, width)),
        [np.zeros((a, b), dtype=np.int64) for a, b in combinations(heights, 2)],
        [np.zeros((3, height, width)) for height in heights],
    )
    for part in spread_out(work, range(0, frame.height, _CHUNK)):
        raw.pairs += part.pairs
        for mine, theirs in zip((*raw.tables, *raw.groups), (*part.tables, *part.groups), strict=True):
            np.add(mine, theirs, out=mine)
    names = [axis.name for _, axis in axes]
    every = thinned(frame, gauges)
    empty = bins_of(gauges, [gauge.name for gauge in numbers], names)
    wanted = dict.fromkeys([*(gauge.name for gauge in numbers), *empty])
    some = frame.select(list(wanted)).gather_every(every)
    curves = measure_curves(
        some,
        empty,
        {gauge.name: _as_floats(some[gauge.name]) for gauge in numbers},
        [code[::every] for code in codes],
        heights,
        spread_out,
    )
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return Sums(
            numbers=tuple(gauge.name for gauge in numbers),
            axes=tuple(axis for _, axis in axes),
            pairs=_centred_pairs(raw.pairs, shift),
            tables=dict(zip(combinations(names, 2), raw.tables, strict=True)),
            groups={name: _centred_groups(group, shift) for name, group in zip(names, raw.groups, strict=True)},
            curves=curves,
        )


def _axis(gauge: Gauge) -> Axis | None:
    held = gauge.held
    if isinstance(held, Texts) and held.frame.height <= MOST_VALUES:
        return Axis(name=gauge.name, values=tuple(held.frame["value"].to_list()))
    is_whole = gauge.type.startswith(("int", "uint"))
    if isinstance(held, Numbers) and is_whole and len(held.values) <= MOST_VALUES:
        return Axis(name=gauge.name, values=tuple(sorted(str(int(value)) for value in held.values)))
    return None


def _near_mean(held: Numbers | Texts | Spread | None) -> float:
    if isinstance(held, Numbers):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            mean = float((held.values * held.counts).sum() / held.counts.sum()) if len(held.values) else 0.0
    else:
        mean = held.moments.mean if isinstance(held, Spread) else 0.0
    return mean if math.isfinite(mean) else 0.0


def _as_floats(column: "pl.Series") -> "Floats":
    """Return numbers with NaN where there is none, dates and moments in seconds since the epoch."""
    dtype = column.dtype
    if dtype == pl.Date:
        return column.to_physical().cast(pl.Float64).to_numpy() * 86400.0
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return column.to_physical().cast(pl.Float64).to_numpy() / _PER_SECOND[dtype.time_unit]
    return column.cast(pl.Float64).to_numpy()


def _codes(column: "pl.Series", gauge: Gauge, axis: Axis) -> "Integers":
    """Return the place of each row's value among the axis's, and one past the last where there is none."""
    if not axis.values:
        return np.zeros(len(column), dtype=np.int64)
    if isinstance(gauge.held, Numbers):
        ends = sorted((int(value), at) for at, value in enumerate(axis.values))
        ordered, places = (np.array(side, dtype=np.int64) for side in zip(*ends, strict=True))
        codes = places[np.searchsorted(ordered, column.fill_null(ends[0][0]).cast(pl.Int64).to_numpy())]
    else:
        named = column.cast(pl.String).cast(pl.Enum(axis.values))
        codes = named.to_physical().fill_null(0).to_numpy().astype(np.int64)
    if column.null_count():
        codes = np.where(column.is_null().to_numpy(), len(axis.values), codes)
    return codes


def _raw(values: "Floats", codes: "list[Integers]", heights: Sequence[int]) -> _Raw:
    is_known = np.isfinite(values)
    complete = bool(is_known.all())
    mask = is_known.astype(np.float64)
    if not complete:
        values = np.where(is_known, values, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        second = values * values
        if complete:
            size = len(values)
            pairs = np.stack(
                [
                    np.full((size, size), float(values.shape[1])),
                    np.repeat(values.sum(axis=1)[:, None], size, axis=1),
                    np.repeat(second.sum(axis=1)[:, None], size, axis=1),
                    _products(values, values),
                ]
            )
        else:
            pairs = np.stack(
                [
                    _products(mask, mask),
                    _products(values, mask),
                    _products(second, mask),
                    _products(values, values),
                ]
            )
    tables = []
    for (a, high), (b, wide) in combinations(zip(codes, heights, strict=True), 2):
        counted = np.bincount(a * (wide + 1) + b, minlength=(high + 1) * (wide + 1))
        tables.append(counted.reshape(high + 1, wide + 1)[:high, :wide])
    return _Raw(pairs, tables, _groups(values, second, mask, codes, heights))


def _groups(
    values: "Floats", second: "Floats", mask: "Floats", codes: "list[Integers]", heights: Sequence[int]
) -> "list[Floats]":
    """Return rows, sums and sums of squares by value of each axis, shape (3, values, numbers) each.

    As products with a matrix that says which value each row has: adding row by row waits for the sum before, where many
    rows in turn have one value.
    """
    width = len(values)
    gaps = np.flatnonzero(~mask.all(axis=1))
    left = np.concatenate([values, second, mask[gaps]])
    groups = []
    for code, height in zip(codes, heights, strict=True):
        rows = np.bincount(code, minlength=height + 1)[:height]
        with np.errstate(over="ignore", invalid="ignore"):  # the squares of what is vast, which is then not related
            sums = _products(left, np.eye(height + 1)[code].T)[:, :height]
        by_value = np.empty((3, height, width))
        by_value[0] = rows[:, None]
        by_value[0][:, gaps] = sums[2 * width :].T
        by_value[1], by_value[2] = sums[:width].T, sums[width : 2 * width].T
        groups.append(by_value)
    return groups


def _products(one: "Floats", two: "Floats") -> "Floats":
    """Return the sums of products of all pairs of rows.

    In blocks that are too small for a linear-algebra library to call its own threads, which here would wait for one
    another: whole chunks are worked on at once already.
    """
    blocks = one.shape[1] // _BLOCK
    whole = blocks * _BLOCK
    first, second = (side[:, :whole].reshape(len(side), blocks, _BLOCK).transpose(1, 0, 2) for side in (one, two))
    product: Floats = np.matmul(first, second.transpose(0, 2, 1)).sum(axis=0)
    product += np.matmul(one[:, whole:], two[:, whole:].T)
    return product


def _centred_pairs(raw: "Floats", shift: "Floats") -> "Floats":
    rows, sums, squares, products = raw
    some = np.maximum(rows, 1)
    means = sums / some
    return np.stack(
        [
            rows,
            np.where(rows > 0, means + shift[:, None], 0.0),
            np.maximum(squares - means * sums, 0.0),
            products - means * sums.T,
        ]
    )


def _centred_groups(raw: "Floats", shift: "Floats") -> "Floats":
    rows, sums, squares = raw
    means = sums / np.maximum(rows, 1)
    return np.stack([rows, np.where(rows > 0, means + shift, 0.0), np.maximum(squares - means * sums, 0.0)])


def merge_relations(parts: Sequence[Relations | None]) -> Relations | None:
    """Return the relations of several lots of rows together, of the columns that each of them has."""
    known = [part for part in parts if part is not None]
    if len(known) != len(parts) or not known:
        return None
    return pack(merge_sums([unpack(part) for part in known]))


def merge_sums(parts: Sequence[Sums]) -> Sums:
    """Return the sums of several lots of rows together."""
    first, *others = parts
    for other in others:
        first = _merge_two(first, other)
    return first


def _merge_two(first: Sums, second: Sums) -> Sums:
    numbers = tuple(name for name in first.numbers if name in second.numbers)
    theirs = {axis.name: axis for axis in second.axes}
    axes = []
    for axis in first.axes:
        if axis.name in theirs:
            values = tuple(sorted({*axis.values, *theirs[axis.name].values}))
            if len(values) <= MOST_VALUES:
                axes.append(Axis(name=axis.name, values=values))
    one, two = (_aligned(_unfolded(side, axes), numbers, axes) for side in (first, second))
    with np.errstate(over="ignore", invalid="ignore"):
        return Sums(
            numbers=numbers,
            axes=tuple(axes),
            pairs=_add_pairs(one.pairs, two.pairs),
            tables={pair: one.tables[pair] + two.tables[pair] for pair in one.tables},
            groups={name: _add_groups(one.groups[name], two.groups[name]) for name in one.groups},
            curves=_merge_curves(one.curves, two.curves),
        )


def _unfolded(sums: Sums, axes: Sequence[Axis]) -> Sums:
    """Return sums in which columns of few values that are no axes in other lots have bins, as they have there."""
    kept = {axis.name for axis in axes}
    more = {axis.name: axis_cells(sums, axis) for axis in sums.axes if axis.name not in kept}
    return replace(sums, curves={**sums.curves, **more}) if more else sums


def axis_cells(sums: Sums, axis: Axis) -> Cells:
    """Return the other columns by value of a column of few values, as they stand by bin of other columns."""
    rows, means, _ = sums.groups[axis.name]
    tables = []
    for other in sums.axes:
        if other.name == axis.name:
            tables.append(np.zeros((len(axis.values), len(axis.values))))
        elif (axis.name, other.name) in sums.tables:
            tables.append(sums.tables[axis.name, other.name].astype(np.float64))
        else:
            tables.append(sums.tables[other.name, axis.name].T.astype(np.float64))
    counts = np.max([*rows.T, *(table.sum(axis=1) for table in tables)], axis=0, keepdims=True).T
    found = np.concatenate([counts, rows, rows * means, *tables], axis=1)
    if axis.name not in sums.numbers:
        return Cells(sums=np.concatenate([found, np.zeros((1, found.shape[1]))]), values=axis.values)
    values = np.array([int(value) for value in axis.values], dtype=np.float64)
    order = np.argsort(values)
    low = float(values[order[0]]) if len(order) else 0.0
    return Cells(sums=found[order], edges=values[order], low=low, is_discrete=True)


def _merge_curves(one: dict[str, Cells], two: dict[str, Cells]) -> dict[str, Cells]:
    both = {name: merge_cells(cells, two[name]) for name, cells in one.items() if name in two}
    return {name: cells for name, cells in both.items() if cells is not None}


def _aligned(sums: Sums, numbers: Sequence[str], axes: Sequence[Axis]) -> Sums:
    """Return sums with exactly those columns and values."""
    columns = [sums.numbers.index(name) for name in numbers]
    held = {axis.name: axis.values for axis in sums.axes}
    places = {axis.name: [axis.values.index(value) for value in held[axis.name]] for axis in axes}
    sizes = {axis.name: len(axis.values) for axis in axes}
    tables, groups = {}, {}
    for first, second in combinations(sizes, 2):
        table = sums.tables[first, second] if (first, second) in sums.tables else sums.tables[second, first].T
        tables[first, second] = np.zeros((sizes[first], sizes[second]), dtype=np.int64)
        tables[first, second][np.ix_(places[first], places[second])] = table
    for name, size in sizes.items():
        groups[name] = np.zeros((3, size, len(columns)))
        groups[name][:, places[name]] = sums.groups[name][:, :, columns]
    pairs = sums.pairs[np.ix_(range(4), columns, columns)]
    order = [axis.name for axis in sums.axes]
    kept = [(order.index(name), places[name], size) for name, size in sizes.items()]
    heights = [len(axis.values) for axis in sums.axes]
    curves = {name: align(cells, len(sums.numbers), columns, heights, kept) for name, cells in sums.curves.items()}
    return replace(
        sums, numbers=tuple(numbers), axes=tuple(axes), pairs=pairs, tables=tables, groups=groups, curves=curves
    )


def _add_pairs(one: "Floats", two: "Floats") -> "Floats":
    rows = one[0] + two[0]
    some = np.maximum(rows, 1)
    apart = two[1] - one[1]
    weight = one[0] * two[0] / some
    mean = (one[0] * one[1] + two[0] * two[1]) / some
    return np.stack([rows, mean, one[2] + two[2] + apart * apart * weight, one[3] + two[3] + apart * apart.T * weight])


def _add_groups(one: "Floats", two: "Floats") -> "Floats":
    rows = one[0] + two[0]
    some = np.maximum(rows, 1)
    apart = two[1] - one[1]
    mean = (one[0] * one[1] + two[0] * two[1]) / some
    return np.stack([rows, mean, one[2] + two[2] + apart * apart * one[0] * two[0] / some])
