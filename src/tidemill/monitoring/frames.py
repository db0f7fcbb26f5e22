"""Captured frames as tables.

The columns of a sealed segment: `prediction_id`, `at` (arrival) and `event_time` (UTC moments), `route`, `status`,
`code`, `latency_ms`, `requests` (on the first row of a micro-batch), `frame` (the byte at which its frame begins), then
`input.NAME` for what was given, passed-through columns too, and `output.NAME` for what was answered. A request that
failed is a row without a prediction id.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.core.moments import Moment, from_ms, to_ms, to_us
from tidemill.serving.capture import Frame

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

INPUT, OUTPUT = "input.", "output."
FAULT = 500
_AHEAD = timedelta(days=1)
_LOWEST, _HIGHEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

Located = tuple[int, Frame]
"""A frame with the byte of its file at which it begins."""


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of one deployment as a table.

    Args:
        endpoint: The endpoint.
        deployment: The deployment; empty for requests that reached none.
        model: Its model.
        version: Its version.
        table: The rows.
        rows: Answered rows.
        failures: Failed requests.
        faults: Those with a status of 500 and above.
        requests: Answered requests.
    """

    endpoint: str
    deployment: str
    model: str
    version: int
    table: "pl.DataFrame"
    rows: int
    failures: int
    faults: int
    requests: int

    def bounds(self, column: str) -> tuple[Moment, Moment]:
        """Return the first and the last moment of a column."""
        low, high = self.table[column].min(), self.table[column].max()
        if not isinstance(low, datetime) or not isinstance(high, datetime):
            raise TypeError(column)
        return low, high

    def ids(self) -> tuple[str, str]:
        """Return the smallest and the largest prediction id; empty texts when there is none."""
        low, high = self.table["prediction_id"].min(), self.table["prediction_id"].max()
        return (low, high) if isinstance(low, str) and isinstance(high, str) else ("", "")

    def watermark(self) -> Moment:
        """Return the latest event; one that is more than a day ahead of its arrival counts as a day ahead."""
        clamped = self.table.select(pl.min_horizontal("event_time", pl.col("at") + _AHEAD).max()).item()
        if not isinstance(clamped, datetime):
            raise TypeError(clamped)
        return clamped


def tabulate(frames: Iterable[Located], times: dict[str, str | None]) -> list[Lot]:
    """Return the tables of frames, one a deployment.

    Args:
        frames: The frames.
        times: The column with the time of the event, by endpoint; None where its arrival counts.
    """
    groups: dict[tuple[str, str, str, int], list[Located]] = {}
    for located in frames:
        frame = located[1]
        groups.setdefault((frame.endpoint, frame.deployment, frame.model, frame.version), []).append(located)
    return [_lot(key, group, times.get(key[0])) for key, group in groups.items()]


def _lot(key: tuple[str, str, str, int], group: Sequence[Located], time: str | None) -> Lot:
    shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Located]] = {}
    for located in group:
        frame = located[1]
        shapes.setdefault((tuple(frame.columns), tuple(frame.outputs)), []).append(located)
    table = pl.concat([_table(lot, time) for lot in shapes.values()], how="diagonal_relaxed")
    answered = [frame for _, frame in group if frame.ids]
    failed = [frame for _, frame in group if not frame.ids]
    return Lot(
        endpoint=key[0],
        deployment=key[1],
        model=key[2],
        version=key[3],
        table=table,
        rows=sum(len(frame.ids) for frame in answered),
        failures=len(failed),
        faults=sum(frame.status >= FAULT for frame in failed),
        requests=sum(frame.requests for frame in answered),
    )


def _table(lot: Sequence[Located], time: str | None) -> "pl.DataFrame":
    """Return frames of one shape as a table."""
    counts = [max(1, len(frame.ids)) for _, frame in lot]
    per_frame = pl.DataFrame(
        {
            "at": pl.Series([frame.t * 1000 for _, frame in lot], dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "route": [frame.route for _, frame in lot],
            "status": pl.Series([frame.status for _, frame in lot], dtype=pl.Int16),
            "code": [frame.code for _, frame in lot],
            "latency_ms": pl.Series([frame.ms for _, frame in lot], dtype=pl.Float64),
            "frame": pl.Series([at for at, _ in lot], dtype=pl.Int64),
            "requests": pl.Series([frame.requests if frame.ids else 0 for _, frame in lot], dtype=pl.Int32),
            "_times": pl.Series(counts, dtype=pl.UInt32),
        }
    )
    spread = per_frame.select(pl.all().exclude("_times").repeat_by("_times").explode())
    is_first = pl.col("frame") != pl.col("frame").shift(1).fill_null(-1)
    spread = spread.with_columns(pl.when(is_first).then("requests").otherwise(0).alias("requests"))
    ids: list[str | None] = []
    for _, frame in lot:
        ids += frame.ids or [None]
    columns = [pl.Series("prediction_id", ids, dtype=pl.String), *_columns(lot, time, spread["at"])]
    return spread.with_columns(columns)


def _columns(lot: Sequence[Located], time: str | None, arrivals: "pl.Series") -> "list[pl.Series]":
    first = lot[0][1]
    if not first.ids:
        return [arrivals.alias("event_time")]
    found = []
    for name in first.columns:
        values = [value for _, frame in lot for value in frame.columns[name]]
        found.append(_series(INPUT + name, values))
        if name == time:
            found.append(_event_times(values, arrivals))
    found += [
        _series(OUTPUT + name, [value for _, frame in lot for value in frame.outputs[name]]) for name in first.outputs
    ]
    if time not in first.columns:
        found.append(arrivals.alias("event_time"))
    return found


def _series(name: str, values: list[object]) -> "pl.Series":
    """Return values as a column; those of several kinds become text."""
    series = pl.Series(name, values, strict=False)
    if series.dtype.is_nested() or series.dtype == pl.Object:
        return pl.Series(name, [None if value is None else msgspec.json.encode(value).decode() for value in values])
    return series


def _event_times(values: list[object], arrivals: "pl.Series") -> "pl.Series":
    """Return the moments of texts in ISO 8601, in UTC where they name no zone; the arrival where they are none."""
    stamps = [_stamp(value) for value in values]
    found = pl.Series("event_time", stamps, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    return found.zip_with(found.is_not_null(), arrivals.alias("event_time")) if found.null_count() else found


def _stamp(value: object) -> int | None:
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type]  # anything else raises TypeError
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return to_us(moment) if _LOWEST < moment < _HIGHEST else None


def to_parquet(table: "pl.DataFrame") -> bytes:
    """Return a table as the bytes of a Parquet file."""
    buffer = BytesIO()
    table.write_parquet(buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()


def score_column(columns: Sequence[str], wanted: str) -> str | None:
    """Return the column that holds the score: the wanted output, else the usual ones, else the first."""
    outputs = [name for name in columns if name.startswith(OUTPUT)]
    if wanted:
        return OUTPUT + wanted if OUTPUT + wanted in outputs else None
    for usual in ("probability", "prediction", "score"):
        if OUTPUT + usual in outputs:
            return OUTPUT + usual
    return next((name for name in outputs if name != OUTPUT + "label"), outputs[0] if outputs else None)


def name_ms(source: str) -> int:
    """Return when a capture file was opened, which its name says, in milliseconds since the epoch."""
    _, _, stamp = source.partition("-")
    return int(stamp) if stamp.isdigit() else 0


def arrived_after(frame_t: int, moment: Moment | None) -> bool:
    """Return whether something that arrived at a millisecond came after a moment; always when there is none."""
    return moment is None or frame_t > to_ms(moment)


def moment_of(frame: Frame) -> Moment:
    """Return when a frame arrived."""
    return from_ms(frame.t)
