"""One codec a kind of value that is written as a file or a folder."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tidemill.core.lazy import load


class FileCodec(Protocol):
    """Writes one kind of value to a file, and reads it."""

    name: str

    def can_write(self, value: object) -> bool:
        """Return whether this is a value of that kind, without importing anything."""
        ...

    def write(self, value: object, path: Path) -> str:
        """Write the value to a file that does not exist yet, and return what a person reads of it."""
        ...

    def read(self, path: Path) -> object:
        """Return the value of a file."""
        ...


def _is_a(value: object, module: str, *names: str) -> bool:
    """Return whether a value is of one of a library's types; a library that is not loaded has no values."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return False
    return any(isinstance(value, kind) for name in names if (kind := getattr(loaded, name, None)) is not None)


class PolarsCodec:
    """A Polars frame as Parquet; a lazy one stays lazy."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self._kind = kind

    def can_write(self, value: object) -> bool:
        """Return whether it is a frame of this kind."""
        return _is_a(value, "polars", self._kind)

    def write(self, value: object, path: Path) -> str:
        """Write it with zstd, and its statistics."""
        if self._kind == "LazyFrame":
            value = value.collect()  # type: ignore[attr-defined]  # a LazyFrame
        value.write_parquet(path, compression="zstd", compression_level=1)  # type: ignore[attr-defined]  # a DataFrame
        return f"{value.height} rows x {value.width} columns"  # type: ignore[attr-defined]  # as above

    def read(self, path: Path) -> object:
        """Return the frame."""
        polars = load("polars")
        reader: Callable[[Path], object] = polars.read_parquet if self._kind == "DataFrame" else polars.scan_parquet
        return reader(path)


class PandasCodec:
    """A pandas frame as Parquet, with its index."""

    name = "pandas"

    def can_write(self, value: object) -> bool:
        """Return whether it is a DataFrame."""
        return _is_a(value, "pandas", "DataFrame")

    def write(self, value: object, path: Path) -> str:
        """Write it with zstd."""
        value.to_parquet(path, compression="zstd")  # type: ignore[attr-defined]  # a DataFrame
        rows, columns = value.shape  # type: ignore[attr-defined]  # as above
        return f"{rows} rows x {columns} columns"

    def read(self, path: Path) -> object:
        """Return the frame."""
        frame: object = load("pandas").read_parquet(path)
        return frame


class NumpyCodec:
    """A NumPy array as `.npy`; arrays of Python objects are refused, since they would be pickled."""

    name = "numpy"

    def can_write(self, value: object) -> bool:
        """Return whether it is an array of plain numbers, texts or moments."""
        return _is_a(value, "numpy", "ndarray") and not value.dtype.hasobject  # type: ignore[attr-defined]  # an array

    def write(self, value: object, path: Path) -> str:
        """Write it."""
        with path.open("wb") as target:
            load("numpy").save(target, value, allow_pickle=False)
        return f"array {value.shape} of {value.dtype}"  # type: ignore[attr-defined]  # an array

    def read(self, path: Path) -> object:
        """Return the array."""
        array: object = load("numpy").load(path, allow_pickle=False)
        return array


class PathCodec:
    """A file that the step wrote, given on as a path."""

    name = "file"

    def can_write(self, value: object) -> bool:
        """Return whether it is the path of a file."""
        return isinstance(value, Path) and value.is_file()

    def write(self, value: object, path: Path) -> str:
        """Copy it."""
        shutil.copyfile(Path(str(value)), path)
        return Path(str(value)).name

    def read(self, path: Path) -> object:
        """Return the path."""
        return path


FILE_CODECS: tuple[FileCodec, ...] = (
    PolarsCodec("polars", "DataFrame"),
    PolarsCodec("polars-lazy", "LazyFrame"),
    PandasCodec(),
    NumpyCodec(),
    PathCodec(),
)
