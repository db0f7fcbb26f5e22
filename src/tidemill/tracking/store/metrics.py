"""Points of metrics: written in one go, read as a history.

Each metric of a run is a series with its latest point; the points stand under the series' number, so that a point is
four numbers. What bounds the writing is the database's own insertion, about a microsecond a row and index.
"""

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from tidemill.ledger.dialect import Rows, is_sqlite, rows_in, rows_of, write_each, write_many
from tidemill.tracking.records import Metric
from tidemill.tracking.store.values import decode_value, encode_value

_ADD_POINTS = "INSERT INTO metrics (series, step, timestamp, value) {rows} ON CONFLICT DO NOTHING"
_POINT = ("bigint", "bigint", "bigint", "double precision")
_ADD_SERIES = "INSERT INTO metric_series (id, run_id, key, step, timestamp, value) {rows}"
_ADD_SERIES_BY_KEY = (
    "INSERT INTO metric_series (run_id, key, step, timestamp, value) {rows} ON CONFLICT (run_id, key) DO NOTHING"
)
_SERIES = ("text", "text", *_POINT[1:])
_MOVE = (
    "UPDATE metric_series SET step = ?, timestamp = ?, value = ? WHERE id = ? AND (step, timestamp, value) < (?, ?, ?)"
)
_MOVE_ALL = (
    "UPDATE metric_series SET step = new.step, timestamp = new.timestamp, value = new.value"
    " FROM ({rows}) AS new (id, step, timestamp, value)"
    " WHERE metric_series.id = new.id"
    " AND (metric_series.step, metric_series.timestamp, metric_series.value) < (new.step, new.timestamp, new.value)"
)
_ADD_MODEL_POINTS = (
    "INSERT INTO logged_model_metrics"
    " (model_id, key, dataset_name, dataset_digest, run_id, step, timestamp, value) {rows} ON CONFLICT DO NOTHING"
)
_MODEL_POINT = ("text", "text", "text", "text", "text", *_POINT[1:])
_EVERY = (
    "SELECT value, step, timestamp FROM (SELECT value, step, timestamp,"
    " row_number() OVER (ORDER BY step, timestamp, value) AS place FROM metrics WHERE series = ?) AS numbered"
    " WHERE (place - 1) / ? * ? = place - 1 OR place = ? ORDER BY place"
)

Place = tuple[int, int, float]
"""A point without its key: step, timestamp, value as the database keeps it."""


def write_metrics(connection: sa.Connection, run_id: str, points: Iterable[Metric]) -> None:
    """Add points to the history, and move the latest ones forward. Adding a point again changes nothing.

    Points about logged models are added to the models' metrics too.
    """
    write_points(connection, {run_id: points})


def write_points(connection: sa.Connection, by_run: Mapping[str, Iterable[Metric]]) -> None:
    """Add points of several runs, as `write_metrics` does."""
    places: dict[tuple[str, str], list[Place]] = {}
    about: list[tuple[object, ...]] = []
    for run_id, points in by_run.items():
        for point in points:
            place = (point.step, point.timestamp, encode_value(point.value))
            key = (run_id, point.key)
            if key in places:
                places[key].append(place)
            else:
                places[key] = [place]
            if point.model_id:
                about.append((point.model_id, point.key, point.dataset_name, point.dataset_digest, run_id, *place))
    write_places(connection, places)
    write_many(connection, _ADD_MODEL_POINTS, _MODEL_POINT, about)


def write_places(connection: sa.Connection, places: dict[tuple[str, str], list[Place]]) -> None:
    """Add points as the database keeps them, by run and key."""
    if not places:
        return
    numbers = _series_of(connection, places)
    rows = [(numbers[key], *place) for key, some in places.items() for place in some]
    write_many(connection, _ADD_POINTS, _POINT, rows)


def write_model_points(connection: sa.Connection, points: Iterable[Metric]) -> None:
    """Add points about logged models to their metrics only; each says which model and which run."""
    rows = [
        (
            at.model_id,
            at.key,
            at.dataset_name,
            at.dataset_digest,
            at.run_id,
            at.step,
            at.timestamp,
            encode_value(at.value),
        )
        for at in points
    ]
    write_many(connection, _ADD_MODEL_POINTS, _MODEL_POINT, rows)


def _series_of(connection: sa.Connection, places: dict[tuple[str, str], list[Place]]) -> dict[tuple[str, str], int]:
    """Return the number of each series after its latest point moved forward; those that lack are made."""
    found = _find_series(connection, list(places))
    missing = [key for key in places if key not in found]
    latest = {key: some[0] if len(some) == 1 else max(some) for key, some in places.items()}
    moved = [(number, latest[key]) for key, (number, at) in found.items() if at < latest[key]]
    numbers = {key: number for key, (number, _) in found.items()}
    if missing:
        made, late = _add_series(connection, missing, latest)
        numbers |= made
        moved += late
    _move_series(connection, moved)
    return numbers


def _find_series(
    connection: sa.Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int, Place]]:
    columns = "SELECT id, key, step, timestamp, value FROM metric_series WHERE"
    by_run: dict[str, list[str]] = {}
    for run_id, key in keys:
        by_run.setdefault(run_id, []).append(key)
    found = {}
    for run_id, some in by_run.items():
        if len(some) == 1:
            rows = rows_of(connection, f"{columns} key = ? AND run_id = ?", some[0], run_id)
        else:
            rows = rows_in(connection, f"{columns} key = ANY {{texts}} AND run_id = ?", some, run_id)
        for number, key, step, timestamp, value in rows:
            found[(run_id, key)] = (number, (step, timestamp, value))
    return found


def _add_series(
    connection: sa.Connection, missing: Sequence[tuple[str, str]], latest: dict[tuple[str, str], Place]
) -> tuple[dict[tuple[str, str], int], list[tuple[int, Place]]]:
    """Make series, and return their numbers, and those that another server made meanwhile and may have to move."""
    if is_sqlite(connection):
        # The only writer knows the next numbers; asking for them afterwards would cost as much as the rows.
        first = rows_of(connection, "SELECT coalesce(max(id), 0) + 1 FROM metric_series")[0][0]
        numbers = {key: first + at for at, key in enumerate(missing)}
        rows = [(numbers[key], *key, *latest[key]) for key in missing]
        write_many(connection, _ADD_SERIES, ("bigint", *_SERIES), rows)
        return numbers, []
    write_many(connection, _ADD_SERIES_BY_KEY, _SERIES, sorted((*key, *latest[key]) for key in missing))
    made = _find_series(connection, missing)
    numbers = {key: number for key, (number, _) in made.items()}
    return numbers, [(number, latest[key]) for key, (number, at) in made.items() if at < latest[key]]


def _move_series(connection: sa.Connection, moved: Sequence[tuple[int, Place]]) -> None:
    """Move series to a later point; on PostgreSQL another server may have moved them further meanwhile."""
    if not moved:
        return
    if is_sqlite(connection):
        rows = [(*place, number, *place) for number, place in moved]
        write_each(connection, _MOVE, rows)
        return
    write_many(connection, _MOVE_ALL, _POINT, [(number, *place) for number, place in sorted(moved)])


def metric_history(connection: sa.Connection, run_id: str, key: str, *, limit: int, offset: int = 0) -> list[Metric]:
    """Return the points of a metric by step, time and value."""
    rows = rows_of(
        connection,
        "SELECT value, step, timestamp FROM metrics WHERE series ="
        " (SELECT id FROM metric_series WHERE run_id = ? AND key = ?)"
        " ORDER BY step, timestamp, value LIMIT ? OFFSET ?",
        run_id,
        key,
        limit,
        offset,
    )
    return _points(key, rows)


def metric_histories(
    connection: sa.Connection, run_ids: Sequence[str], key: str, *, most: int
) -> dict[str, tuple[list[Metric], bool]]:
    """Return at most so many points of a metric of each of some runs, and whether points between were left out.

    The first and the last point are always there; of those between, every n-th.
    """
    rows = rows_in(
        connection,
        "SELECT run_id, id FROM metric_series WHERE run_id = ANY {texts} AND key = ?",
        list(run_ids),
        key,
    )
    found = {}
    for run_id, number in rows:
        count = rows_of(connection, "SELECT count(*) FROM metrics WHERE series = ?", number)[0][0]
        every = max(1, -(-count // max(most - 1, 1)))
        points = rows_of(connection, _EVERY, number, every, every, count)
        found[run_id] = (_points(key, points), every > 1)
    return found


def latest_about_models(connection: sa.Connection, model_ids: Sequence[str]) -> dict[str, list[Metric]]:
    """Return the latest point of each metric of some logged models, by run and dataset."""
    rows = rows_in(
        connection,
        "SELECT model_id, key, dataset_name, dataset_digest, run_id, step, timestamp, value FROM logged_model_metrics"
        " WHERE model_id = ANY {texts}"
        " ORDER BY model_id, key, dataset_name, dataset_digest, run_id, step, timestamp, value",
        list(model_ids),
    )
    latest = {row[:5]: row[5:] for row in rows}
    found: dict[str, list[Metric]] = {}
    for (model_id, key, name, digest, run_id), (step, timestamp, value) in latest.items():
        point = Metric(
            key=key,
            value=decode_value(value),
            step=step,
            timestamp=timestamp,
            model_id=model_id,
            dataset_name=name,
            dataset_digest=digest,
            run_id=run_id,
        )
        found.setdefault(model_id, []).append(point)
    return found


def _points(key: str, rows: Rows) -> list[Metric]:
    return [
        Metric(key=key, value=decode_value(value), step=step, timestamp=timestamp) for value, step, timestamp in rows
    ]
