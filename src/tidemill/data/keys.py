"""Which rows repeat a key, in memory that does not grow with the rows.

Of each key a hash is kept, on disk once there are many. Only rows whose hashes meet are read again and compared by
their values, so that the answer is exact and what it takes grows with the rows that repeat a key alone.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Pairs = npt.NDArray[np.uint64]
else:
    np = lazy("numpy")
    pl = lazy("polars")

ROW = "_source_row"
_HASH = "_tidemill_hash"
_BATCH_ROWS = 1 << 17
_MOST_HELD = 1 << 20
_BOX_BITS = 8
_BOXES = 1 << _BOX_BITS


class KeyWatch:
    """The key of a table, and the keys of the parts before.

    Args:
        columns: The columns that together name a row; none where there is no key.
        keep: Whether more parts follow, so that the keys of each must be kept.
        scratch: Where hashes go that are too many for memory.
    """

    def __init__(self, columns: Sequence[str], *, keep: bool, scratch: Scratch) -> None:
        self.columns = tuple(columns)
        self.keep = keep
        self.was_needed = False
        """Whether a row was bad because of an earlier part."""
        self._scratch = scratch
        self._earlier: list[pl.LazyFrame] = []
        self._hashes = _Boxes(scratch)

    def repeated(self, rows: "pl.LazyFrame") -> "pl.Series":
        """Return the numbers of the rows whose key came before, in this part or an earlier one, in their order.

        Args:
            rows: The rows of a part with their numbers, from 1.
        """
        return self._repeated(rows, within=True)

    def repeated_earlier(self, rows: "pl.LazyFrame") -> "pl.Series":
        """Return the numbers of the rows whose key came in an earlier part, in their order."""
        return self._repeated(rows, within=False)

    def others(self, rows: "pl.LazyFrame") -> "list[tuple[str, str, pl.Series]]":
        """Return, by rule and column, the numbers of the rows that earlier parts make bad for other reasons."""
        del rows
        return []

    def collides(self, rows: "pl.LazyFrame") -> bool:
        """Return whether a key of a part came in an earlier one; the part itself repeats none."""
        return bool(self._earlier) and not self._repeated(rows.with_row_index(ROW, offset=1), within=False).is_empty()

    def misses(self, rows: "pl.LazyFrame") -> bool:
        """Return whether a row of a part lacks the key, or repeats it, in the part or an earlier one."""
        lacking = rows.select(pl.any_horizontal([pl.col(column).is_null() for column in self.columns]).any())
        numbered = rows.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
        return bool(lacking.collect(engine="streaming").item()) or not self.repeated(numbered).is_empty()

    def remember(self, rows: "pl.LazyFrame") -> None:
        """Keep the keys of a part, whose files stay where they are."""
        if not self.columns:
            return
        self._earlier.append(rows)
        for batch in self._batches(rows, []):
            self._hashes.add(batch[_HASH].to_numpy(), None)

    def _repeated(self, rows: "pl.LazyFrame", *, within: bool) -> "pl.Series":
        if not self.columns:
            return pl.Series(ROW, [], dtype=pl.Int64)
        found = _Boxes(self._scratch)
        for batch in self._batches(rows, [ROW]):
            found.add(batch[_HASH].to_numpy(), batch[ROW].to_numpy())
        numbers, hashes = self._suspects(found, within=within)
        if not len(numbers):
            return pl.Series(ROW, [], dtype=pl.Int64)
        mine = self._keys_of(rows, pl.col(ROW).is_in(pl.Series(numbers).implode()), [ROW])
        known = pl.Series(_HASH, hashes).unique().implode()
        again = pl.lit(value=False)
        if within:
            again = ~pl.struct(self.columns).is_first_distinct()
        before = [self._keys_of(part, pl.col(_HASH).is_in(known), []) for part in self._earlier]
        same = [_common(mine, part, self.columns) for part in before if part.height]
        self.was_needed |= any(len(rows) for rows in same)
        return pl.concat([mine.filter(again)[ROW], *same]).unique().sort()

    def _suspects(self, found: "_Boxes", *, within: bool) -> "tuple[Pairs, Pairs]":
        """Return the numbers of the rows whose hash is there twice, and those hashes."""
        suspects = []
        for mine, earlier in zip(found.boxes(), self._hashes.boxes(), strict=True):
            hashes = mine[:, 0]
            is_known = np.isin(hashes, earlier[:, 0]) if len(earlier) else np.zeros(len(mine), dtype=np.bool_)
            if within:
                values, counts = np.unique(hashes, return_counts=True)
                if len(values) < len(hashes):
                    is_known |= np.isin(hashes, values[counts > 1])
            suspects.append(mine[is_known])
        both = np.concatenate(suspects)
        return both[:, 1].astype(np.int64), both[:, 0]

    def _batches(self, rows: "pl.LazyFrame", others: list[str]) -> "Iterator[pl.DataFrame]":
        """Yield the keys of rows, with the hash of each; without rows that lack a column of it."""
        keys = rows.select(*others, *self.columns).drop_nulls()
        schema = keys.collect_schema()
        hashed = [form for column in self.columns for form in _hashed(column, schema[column])]
        for batch in keys.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=False, engine="streaming"):
            yield batch.with_columns(batch.select(hashed).hash_rows().alias(_HASH))

    def _keys_of(self, rows: "pl.LazyFrame", wanted: "pl.Expr", others: list[str]) -> "pl.DataFrame":
        kept = [batch.filter(wanted).drop(_HASH) for batch in self._batches(rows, others)]
        empty = pl.DataFrame(schema=rows.select(*others, *self.columns).collect_schema())
        frame = pl.concat([empty, *kept])
        return frame.sort(ROW) if others else frame


def _hashed(column: str, dtype: "pl.DataType") -> "list[pl.Expr]":
    """Return what of a column is hashed: the same for equal values, also where one part holds no fractions or hours."""
    values = pl.col(column)
    if isinstance(dtype, pl.Date):
        return [values.cast(pl.Datetime("us"))]
    if not dtype.is_numeric():
        return [values]
    whole = values.cast(pl.Int64, strict=False)
    whole = pl.when(whole.cast(dtype, strict=False) == values).then(whole)
    rest = pl.when(whole.is_null()).then(values.cast(pl.Float64, strict=False))
    return [whole.alias(f"{column}:whole"), rest.alias(f"{column}:rest")]


def _common(mine: "pl.DataFrame", earlier: "pl.DataFrame", columns: Sequence[str]) -> "pl.Series":
    """Return the numbers of the rows whose key is among earlier ones."""
    unlike = [column for column in columns if mine.schema[column] != earlier.schema[column]]
    forms = [
        pl.col(column).cast(pl.Float64 if mine.schema[column].is_numeric() else pl.Datetime("us"), strict=False)
        for column in unlike
    ]
    earlier = earlier.with_columns(forms).unique()
    return mine.with_columns(forms).join(earlier, on=list(columns), how="semi")[ROW]


class _Boxes:
    """Pairs of a hash and a number, in boxes by the hash's first bits; on disk when they are many."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._held: list[Pairs] = []
        self._count = 0
        self._files: list[Path] = []

    def add(self, hashes: "Pairs", numbers: "npt.NDArray[np.int64] | None") -> None:
        """Take more pairs.

        Args:
            hashes: The hashes.
            numbers: The number of each; nought where they do not matter.
        """
        pairs = np.zeros((len(hashes), 2), dtype=np.uint64)
        pairs[:, 0] = hashes
        if numbers is not None:
            pairs[:, 1] = numbers
        self._held.append(pairs)
        self._count += len(pairs)
        if self._count > _MOST_HELD:
            self._files = self._files or [self._scratch.new(".keys") for _ in range(_BOXES)]
            for path, box in zip(self._files, self._split(), strict=True):
                with path.open("ab") as file:
                    file.write(box.tobytes())
            self._held, self._count = [], 0

    def boxes(self) -> "Iterator[Pairs]":
        """Yield the pairs of each box, shape (pairs, 2)."""
        for place, held in enumerate(self._split()):
            if not self._files:
                yield held
                continue
            written = np.fromfile(self._files[place], dtype=np.uint64).reshape(-1, 2)
            yield np.concatenate([written, held])

    def _split(self) -> "list[Pairs]":
        pairs = np.concatenate([np.zeros((0, 2), dtype=np.uint64), *self._held])
        places = (pairs[:, 0] >> np.uint64(64 - _BOX_BITS)).astype(np.uint8)
        order = np.argsort(places, kind="stable")
        ends = np.cumsum(np.bincount(places, minlength=_BOXES))
        return np.split(pairs[order], ends[:-1])
