"""How columns go together: read from sums, so that the rows are not needed."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.data.profile.curves import Cells, pack_curves, unpack_curves
from tidemill.data.profile.records import Axis, Relations

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
else:
    np = lazy("numpy")

_LEAST_ROWS = 3


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """How strongly two columns go together.

    Args:
        first: A column.
        second: Another.
        kind: `correlation` between numbers, from -1 to 1; `association` between columns of few values (Cramér's V,
            corrected for chance), and `ratio` between such a column and numbers (the share of deviation that the
            groups explain), both from 0 to 1.
        value: How strongly.
        rows: Rows that have both.
    """

    first: str
    second: str
    kind: str
    value: float
    rows: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one value of a column, and the mean and deviation of a number in them."""

    value: str
    rows: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums behind relations.

    Args:
        numbers: Columns of numbers.
        axes: Columns of few values.
        pairs: Rows that have both, mean of the first, its squares around that, and products; shape (4, n, n).
        tables: For each pair of axes the rows of each pair of values.
        groups: For each axis rows, means and squares by value and number; shape (3, values, n).
        curves: For each column that is no axis the others by bin.
    """

    numbers: tuple[str, ...]
    axes: tuple[Axis, ...]
    pairs: "Floats"
    tables: "dict[tuple[str, str], Integers]"
    groups: "dict[str, Floats]"
    curves: dict[str, Cells] = field(default_factory=dict)


def unpack(relations: Relations) -> Sums:
    """Return the sums that a profile holds."""
    width = len(relations.numbers)
    sizes = {axis.name: len(axis.values) for axis in relations.axes}
    cells = np.frombuffer(base64.b64decode(relations.tables), dtype="<i8")
    means = np.frombuffer(base64.b64decode(relations.groups), dtype="<f8")
    tables, groups = {}, {}
    for first, second in combinations(sizes, 2):
        size = sizes[first] * sizes[second]
        tables[first, second], cells = cells[:size].reshape(sizes[first], sizes[second]), cells[size:]
    for name, height in sizes.items():
        size = 3 * height * width
        groups[name], means = means[:size].reshape(3, height, width), means[size:]
    pairs = np.frombuffer(base64.b64decode(relations.pairs), dtype="<f8").reshape(4, width, width)
    return Sums(
        numbers=relations.numbers,
        axes=relations.axes,
        pairs=pairs,
        tables=tables,
        groups=groups,
        curves=unpack_curves(relations.curves, width, relations.axes),
    )


def pack(sums: Sums) -> Relations:
    """Return sums as a profile holds them."""

    def text(arrays: "Sequence[npt.NDArray[np.generic]]", kind: str) -> str:
        joined = np.concatenate([np.empty(0), *(array.ravel() for array in arrays)])
        return base64.b64encode(joined.astype(kind).tobytes()).decode()

    names = [axis.name for axis in sums.axes]
    return Relations(
        numbers=sums.numbers,
        axes=sums.axes,
        pairs=text([sums.pairs], "<f8"),
        tables=text([sums.tables[pair] for pair in combinations(names, 2)], "<i8"),
        groups=text([sums.groups[name] for name in names], "<f8"),
        curves=pack_curves(sums.curves),
    )


def relations_of(relations: Relations | None, column: str = "") -> list[Relation]:
    """Return the relations of all columns, or of one, strongest first.

    Args:
        relations: What the profile holds.
        column: The one; `first` is this one then.
    """
    if relations is None:
        return []
    sums = unpack(relations)
    found = [*_correlations(sums), *_associations(sums), *_ratios(sums)]
    if column:
        found = [
            each if each.first == column else msgspec.structs.replace(each, first=each.second, second=each.first)
            for each in found
            if column in {each.first, each.second}
        ]
        found = list({each.second: each for each in sorted(found, key=_weakest_first)}.values())
    return sorted(found, key=lambda each: (-abs(each.value), each.first, each.second))


def _weakest_first(each: Relation) -> float:
    return abs(each.value)


def _correlations(sums: Sums) -> list[Relation]:
    found = []
    rows, _, squares, products = sums.pairs
    for i, j in combinations(range(len(sums.numbers)), 2):
        spread = float(np.sqrt(squares[i, j]) * np.sqrt(squares[j, i]))
        if rows[i, j] >= _LEAST_ROWS and spread > 0 and np.isfinite(spread) and np.isfinite(products[i, j]):
            value = min(max(float(products[i, j]) / spread, -1.0), 1.0)
            found.append(
                Relation(
                    first=sums.numbers[i],
                    second=sums.numbers[j],
                    kind="correlation",
                    value=value,
                    rows=int(rows[i, j]),
                )
            )
    return found


def _associations(sums: Sums) -> list[Relation]:
    found = []
    for (first, second), table in sums.tables.items():
        value = cramers_v(table)
        if value is not None:
            rows = int(table.sum())
            found.append(Relation(first=first, second=second, kind="association", value=value, rows=rows))
    return found


def cramers_v(table: "Integers") -> float | None:
    """Return Cramér's V of a table of counts, corrected for chance; None when a side has one value.

    Source:
        Bergsma, A bias-correction for Cramér's V and Tschuprow's T (2013).
    """
    held = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.float64)
    total = held.sum()
    high, wide = held.shape
    if min(high, wide) < 2 or total <= max(_LEAST_ROWS, high, wide):
        return None
    expected = np.outer(held.sum(axis=1), held.sum(axis=0)) / total
    phi = float(((held - expected) ** 2 / expected).sum()) / total
    corrected = max(0.0, phi - (high - 1) * (wide - 1) / (total - 1))
    least = min(high - (high - 1) ** 2 / (total - 1), wide - (wide - 1) ** 2 / (total - 1)) - 1
    return min(1.0, float(np.sqrt(corrected / least))) if least > 0 else None


def _ratios(sums: Sums) -> list[Relation]:
    found = []
    for axis in sums.axes:
        rows, means, squares = sums.groups[axis.name]
        for at, number in enumerate(sums.numbers):
            total = float(rows[:, at].sum())
            if number == axis.name or total < _LEAST_ROWS or np.count_nonzero(rows[:, at]) < 2:
                continue
            mean = float((rows[:, at] * means[:, at]).sum()) / total
            between = float((rows[:, at] * (means[:, at] - mean) ** 2).sum())
            whole = between + float(squares[:, at].sum())
            if whole > 0 and np.isfinite(whole):
                value = min(1.0, float(np.sqrt(between / whole)))
                found.append(Relation(first=axis.name, second=number, kind="ratio", value=value, rows=int(total)))
    return found


def groups_of(relations: Relations, axis: str, number: str) -> tuple[Group, ...]:
    """Return the rows, mean and deviation of a number by value of another column; nothing where they are not kept."""
    sums = unpack(relations)
    values = next((each.values for each in sums.axes if each.name == axis), None)
    if values is None or number not in sums.numbers:
        return ()
    at = sums.numbers.index(number)
    rows, means, squares = sums.groups[axis][:, :, at]
    return tuple(
        Group(
            value=value, rows=int(count), mean=float(mean), deviation=float(np.sqrt(square / count)) if count else 0.0
        )
        for value, count, mean, square in zip(values, rows, means, squares, strict=True)
        if count
    )


def table_of(relations: Relations, first: str, second: str) -> "tuple[Axis, Axis, Integers] | None":
    """Return the rows of each pair of values of two columns, shape (first, second); None where they are not kept."""
    sums = unpack(relations)
    axes = {axis.name: axis for axis in sums.axes}
    if first == second or first not in axes or second not in axes:
        return None
    if (first, second) in sums.tables:
        return axes[first], axes[second], sums.tables[first, second]
    return axes[first], axes[second], sums.tables[second, first].T
