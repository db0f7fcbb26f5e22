"""The rows of a window, lot by lot: inputs by their names, outputs, and what became true."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment
from tidemill.data.types import dtype_of
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.frames import INPUT, OUTPUT
from tidemill.monitoring.profiling.records import TRUTH
from tidemill.monitoring.records import Segment
from tidemill.monitoring.settings import Scalar

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

LOT = 50_000
"""From so many rows on a lot is full: what is in memory at once, and what one kept profile stands for."""

_TRUE, _FALSE = "true", "false"


class Lot(msgspec.Struct, frozen=True):
    """Segments that are measured in one go, all of one window, in the order in which they were sealed."""

    segments: tuple[Segment, ...]
    is_cut: bool

    @property
    def rows(self) -> int:
        """Their answered rows, those of other windows too."""
        return sum(segment.rows for segment in self.segments)

    @property
    def ids(self) -> tuple[str, str]:
        """The smallest and the largest id in them."""
        return min(one.first_id for one in self.segments), max(one.last_id for one in self.segments)


def lots_of(segments: Iterable[Segment], start: Moment, end: Moment) -> list[Lot]:
    """Return the segments of a window in lots; what is sealed later begins new lots, so that full ones stay."""
    lots: list[Lot] = []
    held: list[Segment] = []
    for segment in sorted(segments, key=lambda each: (each.sealed_at, each.id)):
        held.append(segment)
        if sum(each.rows for each in held) >= LOT:
            lots.append(_lot(held, start, end))
            held = []
    return [*lots, _lot(held, start, end)] if held else lots


def _lot(segments: Sequence[Segment], start: Moment, end: Moment) -> Lot:
    is_cut = any(each.first_event < start or each.last_event >= end for each in segments)
    return Lot(tuple(segments), is_cut)


def read_lot(archive: Archive, lot: Lot, start: Moment, end: Moment, *, most: int | None = None) -> "pl.DataFrame":
    """Return the answered rows of a lot: `prediction_id`, outputs as `output.NAME`, inputs by their names.

    The outputs come first, because a profile relates the first columns to one another.

    Args:
        archive: Where the segments are.
        lot: Which ones.
        start: The first moment of the window.
        end: The moment after its last.
        most: The most rows of each segment; all when left out.

    Raises:
        ObjectMissing: If a segment is not stored.
        DamagedObject: If its bytes are not what was stored.
    """
    frames = []
    for segment in lot.segments:
        table = archive.scan(segment.digest)
        names = table.collect_schema().names()
        kept = [pl.col(name) for name in names if name.startswith(OUTPUT) and INPUT + name not in names]
        kept += [pl.col(name).alias(name.removeprefix(INPUT)) for name in names if name.startswith(INPUT)]
        inside = pl.col("prediction_id").is_not_null()
        if lot.is_cut:
            inside &= (pl.col("event_time") >= start) & (pl.col("event_time") < end)
        clear = [each for each in kept if each.meta.output_name() != "prediction_id"]
        inner = table.filter(inside).select("prediction_id", *clear)
        frames.append((inner if most is None else inner.head(most)).collect())
    return pl.concat(frames, how="diagonal_relaxed")


def fitted(rows: "pl.DataFrame", types: Mapping[str, str]) -> "pl.DataFrame":
    """Return rows with columns as the training rows have them, where no value is lost by that.

    A request is JSON: its dates are texts, and its numbers may all be whole.
    """
    return rows.with_columns(_fitted(rows[name], word) for name, word in types.items() if name in rows.columns)


def _fitted(column: "pl.Series", word: str) -> "pl.Series":
    dtype = dtype_of(word)
    if dtype is None or column.dtype == dtype:
        return column
    made = column
    if column.dtype == pl.String and dtype.is_temporal() and dtype != pl.Time:
        zone = "UTC" if word == "datetime_utc" else None
        moments = column.str.to_datetime(time_unit="us", time_zone=zone, strict=False, ambiguous="null")
        made = moments.cast(dtype, strict=False)
    elif column.dtype == pl.Null or (column.dtype.is_numeric() and (dtype.is_numeric() or dtype == pl.String)):
        made = column.cast(dtype, strict=False)
        if column.dtype.is_float() and dtype.is_integer() and not (made == column).all():
            return column
    return made if made.null_count() == column.null_count() else column


def truth_kind(truths: Iterable[str]) -> str:
    """Return the word of the type that holds truths (JSON); empty where none is told."""
    kinds = set()
    for text in truths:
        value = msgspec.json.decode(text, type=Scalar)
        if value is not None:
            kinds.add("bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number")
            if isinstance(value, float) and not value.is_integer():
                kinds.add("float")
    if not kinds:
        return ""
    if kinds == {"bool"}:
        return "bool"
    if kinds <= {"number", "float"}:
        return "float64" if "float" in kinds else "int64"
    return "text"


def with_truths(rows: "pl.DataFrame", truths: "pl.DataFrame", kind: str) -> "pl.DataFrame":
    """Return rows with the column `truth`, null where it is not known.

    Args:
        rows: With `prediction_id`.
        truths: `prediction_id` and `truth` (JSON).
        kind: The type that holds it; where a lot has truths that it does not hold, they are taken as text or floats.
    """
    told = truths.filter(pl.col("truth") != "null").select("prediction_id", _truths(truths, kind))
    bare = rows.drop(TRUTH, strict=False)
    joined = bare.join(told, on="prediction_id", how="left", maintain_order="left")
    return joined.select("prediction_id", TRUTH, pl.exclude("prediction_id", TRUTH))


def _truths(truths: "pl.DataFrame", kind: str) -> "pl.Series":
    texts = truths.filter(pl.col("truth") != "null")["truth"]
    made = texts
    if kind == "bool":
        made = texts.replace_strict({_TRUE: True, _FALSE: False}, default=None, return_dtype=pl.Boolean)
    elif kind in {"int64", "float64"}:
        numbers = texts.cast(pl.Float64, strict=False)
        is_whole = kind == "int64" and (numbers.is_null() | (numbers == numbers.round(0))).all()
        made = numbers.cast(pl.Int64, strict=False) if is_whole else numbers
    if kind != "text" and made.null_count() == 0:
        return made
    words = {text: str(msgspec.json.decode(text, type=Scalar)) for text in texts.unique().to_list() if text[:1] == '"'}
    return texts.replace(words)
