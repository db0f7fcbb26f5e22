"""Quantiles of any number of values, in a few kilobytes that merge in any order."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
else:
    np = lazy("numpy")

_SHRINK = 2 / 3
_LEAST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Values that stand for all values: an item of level `h` stands for two to the power of `h` rows.

    Args:
        size: How many values the top level may hold; a rank is within about `2.5 / size` of the rows.
        levels: The values of each level, in order.
    """

    size: int
    levels: "tuple[Floats, ...]"

    @property
    def count(self) -> int:
        """Number of rows that the values stand for."""
        return sum(len(values) << level for level, values in enumerate(self.levels))


def ranks_of(values: "Floats", counts: "Integers", size: int) -> Ranks:
    """Return the sketch of values that are counted.

    Args:
        values: Numbers, shape (n,).
        counts: The rows of each, shape (n,); the sketch stands for exactly as many.
        size: How many values the top level may hold.
    """
    deepest = int(counts.max()).bit_length() if len(counts) else 0
    levels = [values[(counts >> level) & 1 == 1].astype(np.float64) for level in range(deepest)]
    return _compacted(levels, size)


def merge_ranks(parts: Sequence[Ranks]) -> Ranks:
    """Return the sketch of several lots together; the error does not depend on the order or the number of lots."""
    deepest = max(len(part.levels) for part in parts)
    levels = [
        np.concatenate([part.levels[level] for part in parts if level < len(part.levels)]) for level in range(deepest)
    ]
    return _compacted(levels, min(part.size for part in parts))


def _compacted(levels: "list[Floats]", size: int) -> Ranks:
    """Halve levels until all fits: of the lowest full one every other value, in order, moves up and counts twice.

    Source:
        Karnin, Lang and Liberty, Optimal quantile approximation in streams (2016).
    """
    held = [np.sort(level) for level in levels]
    while sum(map(len, held)) > sum(room := _rooms(len(held), size)):
        full = next(level for level, values in enumerate(held) if len(values) > room[level])
        values = held[full]
        keep, pairs = (values[:1], values[1:]) if len(values) % 2 else (values[:0], values)
        if full + 1 == len(held):
            held.append(values[:0])
        held[full], held[full + 1] = keep, np.sort(np.concatenate([held[full + 1], pairs[_coin(pairs) :: 2]]))
    return Ranks(size=size, levels=tuple(held))


def _rooms(levels: int, size: int) -> list[int]:
    return [max(_LEAST, round(size * _SHRINK ** (levels - 1 - level))) for level in range(levels)]


def _coin(values: "Floats") -> int:
    """Return 0 or 1 by the values themselves, so that equal tables have equal profiles."""
    bits = np.bitwise_xor.reduce(np.ascontiguousarray(values).view(np.uint64)) + np.uint64(len(values))
    return int((int(bits) * 0x9E3779B97F4A7C15 >> 61) & 1)


def quantiles(ranks: Ranks, shares: Sequence[float]) -> list[float]:
    """Return the values below which those shares of the rows lie; nothing where there are no rows."""
    values, below = _below(ranks)
    if not len(values):
        return []
    places = np.searchsorted(below, np.asarray(shares) * below[-1] - 1e-6, side="left")
    return [float(value) for value in values[np.minimum(places, len(values) - 1)]]


def share_below(ranks: Ranks, values: "Floats") -> "Floats":
    """Return which share of the rows is at most each value, shape (n,)."""
    held, below = _below(ranks)
    return np.concatenate([[0.0], below / below[-1]])[np.searchsorted(held, values, side="right")]


def _below(ranks: Ranks) -> "tuple[Floats, Floats]":
    values = np.concatenate([*ranks.levels, np.empty(0)])
    weights = np.repeat([1 << level for level in range(len(ranks.levels))], [len(level) for level in ranks.levels])
    order = np.argsort(values, kind="stable")
    return values[order], np.cumsum(weights[order]).astype(np.float64)


def pack_ranks(ranks: Ranks) -> str:
    """Return a sketch as text."""
    sizes = ",".join(str(len(level)) for level in ranks.levels)
    values = np.concatenate([*ranks.levels, np.empty(0)]).astype("<f8")
    return f"{ranks.size}:{sizes}:{base64.b64encode(values.tobytes()).decode()}"


def unpack_ranks(text: str) -> Ranks | None:
    """Return the sketch that a text holds, None when it holds none."""
    if not text:
        return None
    size, sizes, body = text.split(":")
    values = np.frombuffer(base64.b64decode(body), dtype="<f8").astype(np.float64)
    ends = np.cumsum([int(each) for each in sizes.split(",") if each])
    return Ranks(size=int(size), levels=tuple(np.split(values, ends[:-1]) if len(ends) else ()))
