"""The flights' table holds what is known before departure, and is the same every time."""

import hashlib
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

FLIGHTS = Path(__file__).parents[3] / "examples" / "flights"


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(f"flights_{name}", FLIGHTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


prepare = load("prepare")


def flight(
    time_hour: str, *, hour: int, minute: int = 0, origin: str = "JFK", arr_delay: int | None = 0
) -> dict[str, object]:
    return {
        "year": 2013, "month": 1, "day": 1, "carrier": "UA", "flight": hour * 100 + minute, "tailnum": "N1",
        "origin": origin, "dest": "IAH", "distance": 1400, "hour": hour, "minute": minute, "time_hour": time_hour,
        "arr_delay": arr_delay,
    }  # fmt: skip


def observation(time_hour: str, temp: float, origin: str = "JFK") -> dict[str, object]:
    empty: dict[str, object] = dict.fromkeys(prepare.WEATHER)
    return empty | {"origin": origin, "time_hour": time_hour, "temp": temp}


def joined(flights: list[dict[str, object]], weather: list[dict[str, object]]) -> pl.DataFrame:
    table = prepare.join(pl.DataFrame(flights), pl.DataFrame(weather, infer_schema_length=None))
    assert isinstance(table, pl.DataFrame)
    return table


def test_a_flight_gets_the_observation_of_the_hour_before() -> None:
    weather = [observation(f"2013-01-01T{hour:02d}:00:00Z", float(hour)) for hour in (13, 14, 15)]
    table = joined([flight("2013-01-01T15:00:00Z", hour=10, minute=40)], weather)
    assert table["temp"].to_list() == [14.0]


def test_a_gap_is_filled_from_at_most_three_hours_before_it() -> None:
    weather = [observation("2013-01-01T10:00:00Z", 10.0)]
    table = joined([flight(f"2013-01-01T{hour + 5}:00:00Z", hour=hour) for hour in (9, 10)], weather)
    assert table["temp"].to_list() == [10.0, None]


def test_weather_is_that_of_the_airport_of_departure() -> None:
    weather = [observation("2013-01-01T14:00:00Z", 1.0, "LGA"), observation("2013-01-01T14:00:00Z", 2.0)]
    assert joined([flight("2013-01-01T15:00:00Z", hour=10)], weather)["temp"].to_list() == [2.0]


@pytest.mark.parametrize(("delay", "late"), [(30, False), (31, True), (-5, False), (None, None)])
def test_late_is_more_than_thirty_minutes_and_missing_without_an_arrival(delay: int | None, late: bool | None) -> None:  # noqa: FBT001 - a case
    flights = [flight("2013-01-01T15:00:00Z", hour=10, arr_delay=delay), flight("2013-01-01T16:00:00Z", hour=11)]
    assert joined(flights, [observation("2013-01-01T14:00:00Z", 1.0)])["late"][0] is late


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return list(prepare.months(tmp_path_factory.mktemp("flights")))


@pytest.fixture(scope="module")
def year(months: list[Path]) -> pl.DataFrame:
    return pl.read_parquet(months)


def test_the_year_has_every_flight_once_with_every_column(year: pl.DataFrame) -> None:
    assert (year.height, year["flight_id"].n_unique()) == (336_776, 336_776)
    assert tuple(year.columns) == prepare.COLUMNS
    assert year["late"].null_count() == 9_430


def test_no_weather_is_from_after_the_hour_before_departure(year: pl.DataFrame) -> None:
    age = year.select(pl.col("departed_at").dt.truncate("1h") - pl.col("weather_at")).to_series().drop_nulls()
    assert (age.min(), age.max()) == (timedelta(hours=1), timedelta(hours=4))


def test_a_file_holds_the_flights_between_its_bounds(months: list[Path]) -> None:
    for month in (2, 3, 12):
        times = pl.read_parquet(months[month - 1], columns=["departed_at"])["departed_at"]
        first, end = prepare.month_bounds(month)
        earliest, latest = times.min(), times.max()
        assert isinstance(earliest, datetime)
        assert isinstance(latest, datetime)
        assert first <= earliest
        assert latest < end


def test_bounds_are_new_york_months_in_utc() -> None:
    assert prepare.month_bounds(3) == (datetime(2013, 3, 1, 5, tzinfo=UTC), datetime(2013, 4, 1, 4, tzinfo=UTC))
    assert prepare.month_bounds(12)[1] == datetime(2014, 1, 1, 5, tzinfo=UTC)


def test_a_lost_file_comes_back_with_the_same_bytes_and_the_others_stay(months: list[Path]) -> None:
    before = hashlib.sha256(months[5].read_bytes()).digest()
    others = [path.stat().st_mtime_ns for path in months if path != months[5]]
    months[5].unlink()
    prepare.months(months[5].parent)
    assert hashlib.sha256(months[5].read_bytes()).digest() == before
    assert [path.stat().st_mtime_ns for path in months if path != months[5]] == others
    assert not list(months[5].parent.glob("*.partial"))
