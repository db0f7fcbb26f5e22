"""Which rows of a long table are bad by what stands in other rows, found in memory that does not grow with them.

Of each row a keyed digest of 128 bits goes into one of many files by its first bits, and each file is looked through by
itself. The keys are drawn anew each time. Two unlike values have one digest with a probability of 2**-128: among 100
million rows, one such pair is there with a probability of 2e-23.
"""

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Numbers = npt.NDArray[np.int64]
    Digests = npt.NDArray[np.uint64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

Marking = Callable[["pl.LazyFrame", str, Path | None], "pl.Expr"]
"""From rows, the name of the column that numbers them and a folder for large files to which of them are bad."""

_LONG = 1 << 22
_BATCH_ROWS = 1 << 16
_MOST_HELD = 1 << 18
_MOST_AT_ONCE = 1 << 20
_BOX_BITS = 8
_ONE, _OTHER, _ROW = "one", "other", "row"


class Marks:
    """A bit for each row."""

    def __init__(self) -> None:
        self._bits: npt.NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)

    def put(self, rows: "Numbers") -> None:
        """Mark rows, by their numbers."""
        if not len(rows):
            return
        places = rows >> 3
        if (most := int(places.max())) >= len(self._bits):
            self._bits = np.concatenate([self._bits, np.zeros(most + 1, dtype=np.uint8)])
        np.bitwise_or.at(self._bits, places, (1 << (rows & 7)).astype(np.uint8))

    def among(self, row: str) -> "pl.Expr":
        """Return which rows are marked, for a table in which a column numbers the rows."""
        return pl.col(row).map_batches(self._held, return_dtype=pl.Boolean, is_elementwise=True)

    def count(self) -> int:
        """Return how many rows are marked."""
        return int(np.bitwise_count(self._bits).sum())

    def first(self, most: int) -> list[int]:
        """Return the lowest of the marked numbers."""
        places = np.flatnonzero(self._bits)[:most]
        numbers = (places[:, None] * 8 + np.arange(8))[(self._bits[places, None] >> np.arange(8)) & 1 == 1]
        return [int(number) for number in numbers[:most]]

    def _held(self, numbers: "pl.Series") -> "pl.Series":
        rows = numbers.to_numpy().astype(np.int64)
        held = np.zeros(len(rows), dtype=np.bool_)
        inside = (rows >> 3) < len(self._bits)
        kept = rows[inside]
        held[inside] = (self._bits[kept >> 3] >> (kept & 7).astype(np.uint8)) & 1 == 1
        return pl.Series(numbers.name, held)


def is_long(frame: "pl.DataFrame | pl.LazyFrame") -> bool:
    """Return whether a table that is not in memory holds so many rows that a set of their values should not be."""
    if isinstance(frame, pl.DataFrame):
        return False
    return int(frame.select(pl.len()).collect(engine="streaming").item()) > _LONG


def mark_repeats(
    frame: "pl.LazyFrame", columns: Sequence[str], row: str, folder: Path | None, *, with_missing: bool = False
) -> Marks:
    """Return which rows hold in some columns what an earlier row holds.

    Args:
        frame: The rows.
        columns: The columns.
        row: The column that numbers the rows.
        folder: Where large files may go; where the system puts them when it is None.
        with_missing: Whether a row that lacks a value may repeat another one that does.
    """
    marks, keys = Marks(), (secrets.randbits(63), secrets.randbits(63))
    with tempfile.TemporaryDirectory(prefix="tidemill-", dir=folder) as place:
        boxes = _Boxes(Path(place))
        for batch in batches(frame, [row, *columns]):
            rows = batch if with_missing else batch.drop_nulls(list(columns))
            values = rows.select(columns)
            digests = [values.hash_rows(seed=key).to_numpy() for key in keys]
            boxes.add(np.column_stack([*digests, rows[row].to_numpy().astype(np.uint64)]))
        for box in boxes.all():
            _mark_box(box, marks)
    return marks


def batches(frame: "pl.LazyFrame", columns: Sequence[str]) -> "Iterator[pl.DataFrame]":
    """Yield some columns of a table, in the order of its rows."""
    return frame.select(columns).collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True, engine="streaming")


def _mark_box(pieces: "Iterator[Digests]", marks: Marks) -> None:
    """Mark what is repeated in a box; it may hold one value alone, many times over, and then little is known of it."""
    known: pl.DataFrame | None = None
    for piece in pieces:
        if known is None and len(piece) < _MOST_AT_ONCE and _are_unlike(piece[:, 0]):
            return
        frame = pl.DataFrame(dict(zip((_ONE, _OTHER, _ROW), piece.T, strict=True)))
        is_again = ~pl.struct(_ONE, _OTHER).is_first_distinct()
        frame = frame.with_columns(is_again.alias("again"))
        again, first = frame.filter("again"), frame.filter(~pl.col("again"))
        marks.put(again[_ROW].to_numpy().astype(np.int64))
        if known is not None:
            marks.put(first.join(known, on=[_ONE, _OTHER], how="semi")[_ROW].to_numpy().astype(np.int64))
            first = first.join(known, on=[_ONE, _OTHER], how="anti")
        new = first.select(_ONE, _OTHER)
        known = new if known is None else pl.concat([known, new])


def _are_unlike(digests: "npt.NDArray[np.uint64]") -> bool:
    in_order = np.sort(digests)
    return not bool((in_order[1:] == in_order[:-1]).any())


class _Boxes:
    """Digests with the numbers of their rows, in files by their first bits."""

    def __init__(self, folder: Path) -> None:
        self._files = [folder / f"{number}" for number in range(1 << _BOX_BITS)]
        self._held: list[Digests] = []
        self._count = 0

    def add(self, digests: "Digests") -> None:
        """Take more rows, shape (rows, 3)."""
        self._held.append(digests)
        self._count += len(digests)
        if self._count >= _MOST_HELD:
            self._write()

    def all(self) -> "Iterator[Iterator[Digests]]":
        """Yield each box, piece by piece, in the order of the rows."""
        self._write()
        for file in self._files:
            if file.exists():
                yield self._pieces(file)

    def _pieces(self, path: Path) -> "Iterator[Digests]":
        with path.open("rb") as file:
            while len(piece := np.fromfile(file, dtype=np.uint64, count=3 * _MOST_AT_ONCE)):
                yield piece.reshape(-1, 3)

    def _write(self) -> None:
        if not self._held:
            return
        digests = np.concatenate(self._held)
        self._held, self._count = [], 0
        places = (digests[:, 0] >> np.uint64(64 - _BOX_BITS)).astype(np.uint8)
        order = np.argsort(places, kind="stable")
        ends = np.cumsum(np.bincount(places, minlength=len(self._files)))
        for path, box in zip(self._files, np.split(digests[order], ends[:-1]), strict=True):
            if len(box):
                with path.open("ab") as file:
                    file.write(box.tobytes())
