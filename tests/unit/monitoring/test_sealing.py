from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from tidemill.core.access import OWNER, SYSTEM
from tidemill.monitoring.store import segments as store


def rows_of(house):
    with house.ledger.read() as connection:
        return store.between_events(
            connection, "delay", datetime(1990, 1, 1, tzinfo=UTC), datetime(2190, 1, 1, tzinfo=UTC)
        )


def test_a_closed_file_becomes_a_segment_and_goes(house, days):
    ids = house.answer(days(1, rows=50))
    house.writer.close()
    found = house.tick(fresh=False)
    (segment,) = rows_of(house)
    assert (found.segments, found.rows, segment.rows, segment.requests) == (1, 50, 50, 1)
    assert (segment.first_id, segment.last_id) == (min(ids), max(ids))
    assert list(house.capture.iterdir()) == []
    table = pl.read_parquet(house.objects.path(segment.digest))
    assert {"input.x", "input.kind", "input.happened", "output.probability", "latency_ms"} <= set(table.columns)


def test_an_open_file_is_sealed_as_far_as_it_goes_and_then_on(house, days):
    house.answer(days(1, rows=10))
    assert house.tick(fresh=False).rows == 0
    assert house.tick().rows == 10
    assert house.tick().rows == 0
    house.answer(days(1, rows=7))
    house.writer.close()
    assert house.tick(fresh=False).rows == 7
    assert sum(segment.rows for segment in rows_of(house)) == 17


def test_each_deployment_has_segments_of_its_own(house, days):
    house.answer(days(1, rows=5))
    house.answer(days(1, rows=6), deployment="d2", version=2)
    house.tick()
    assert sorted((one.deployment, one.version, one.rows) for one in rows_of(house)) == [("d1", 1, 5), ("d2", 2, 6)]


def test_failures_are_counted_beside_the_rows(house, days):
    house.answer(days(1, rows=5))
    t = int(datetime.now(UTC).timestamp() * 1000)
    house.write(
        {"t": t, "endpoint": "delay", "deployment": "d1", "model": "delay", "version": 1, "status": 503, "code": "x"},
        {"t": t, "endpoint": "delay", "status": 422, "code": "invalid_row"},
    )
    house.tick()
    assert house.status().failures == 2
    (segment,) = rows_of(house)
    assert (segment.rows, segment.failures, segment.faults) == (5, 1, 1)


def test_a_torn_end_costs_only_itself_and_is_kept_for_a_person(house, days):
    house.answer(days(1, rows=5))
    house.writer.close()
    (path,) = house.capture.glob("*.done")
    path.write_bytes(path.read_bytes() + b"torn")
    assert house.tick().rows == 5
    assert [one.suffix for one in house.capture.iterdir()] == [".torn"]
    assert house.tick().rows == 0


def test_odd_values_neither_stop_nor_lose_anything(house):
    happened = ["2026-03-01T10:00:00+02:00", "not a time", None, "9999-01-01T00:00:00"]
    columns = {"happened": happened, "x": [1, 2.5, None, True], "mixed": [1, "two", None, 3.5]}
    house.write(
        house.frame(columns, {"probability": [0.1, None, float("nan"), 1e308]}, at=datetime(2026, 3, 2, tzinfo=UTC))
    )
    house.write(house.frame({"x": ["text now"], "new": [1]}, {"probability": [0.5]}))
    house.tick()
    found = house.monitoring.predictions(OWNER, endpoint="delay")
    assert len(found) == 5
    moments = sorted(one.event_time for one in found if one.at == datetime(2026, 3, 2, tzinfo=UTC))
    assert moments == [datetime(2026, 3, 1, 8, tzinfo=UTC), *[datetime(2026, 3, 2, tzinfo=UTC)] * 3]


def test_a_far_future_event_does_not_drag_the_watermark_along(house):
    at = datetime(2026, 3, 2, tzinfo=UTC)
    house.write(house.frame({"happened": ["2099-01-01T00:00:00"], "x": [1.0]}, {"probability": [0.5]}, at=at))
    house.tick()
    assert house.status().watermark == at + timedelta(days=1)


@pytest.mark.parametrize("commit_first", [False, True])
def test_a_pass_that_dies_between_commit_and_removal_seals_once(house, days, monkeypatch, commit_first):
    house.answer(days(1, rows=9))
    house.writer.close()

    class Killed(BaseException):
        pass

    def die(*_args, **_more):
        raise Killed

    with monkeypatch.context() as patched:
        if commit_first:
            patched.setattr("pathlib.Path.unlink", die)
        else:
            patched.setattr(house.ledger, "write", die)
        with pytest.raises(Killed):
            house.monitoring.tick(SYSTEM)
    house.tick()
    assert sum(segment.rows for segment in rows_of(house)) == 9
    assert list(house.capture.iterdir()) == []
