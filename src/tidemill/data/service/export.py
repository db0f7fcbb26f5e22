"""Write a version outside the workspace."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import plain_disk
from tidemill.data.errors import ExportExists, InvalidOption
from tidemill.data.records import DatasetKind, DatasetVersion, ExportedFile
from tidemill.data.service.place import Place
from tidemill.data.types import as_text
from tidemill.objects.packs.checkout import Checkout, told

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


def export(place: Place, version: DatasetVersion, target: Path) -> list[ExportedFile]:
    """Write a version to a path that does not exist yet; it appears whole or not at all.

    Args:
        place: What the verbs work on.
        version: The version, with its parts.
        target: A folder; for a table also a file that ends in `.csv` or `.parquet`.

    Raises:
        ExportExists: If something is there.
        InvalidOption: If the version is a tree and the target a file.
    """
    if target.exists() or target.is_symlink():
        raise ExportExists(f"{shown(str(target))} exists", hint="Give a path where nothing is yet.")
    suffix = target.suffix.lower()
    if version.kind is DatasetKind.TREE:
        if suffix in {".csv", ".parquet"}:
            raise InvalidOption(f"{version.ref} is a folder of files", hint="Give a folder to write them to.")
        with place.files(version) as stored:
            Checkout(place.objects, stored).new(target)
    elif suffix in {".csv", ".parquet"}:
        _write_table(place, version, target)
    else:
        _write_parts(place, version, target)
    files = [target] if target.is_file() else sorted(path for path in target.rglob("*") if path.is_file())
    return [ExportedFile(path=str(path), size_bytes=path.stat().st_size) for path in files]


def _write_parts(place: Place, version: DatasetVersion, target: Path) -> None:
    digests = [segment.digest for part in version.parts for segment in part.segments]
    temporary = target.with_name(f".{target.name[:100]}.{new_id()}")
    try:
        with told(target):
            temporary.mkdir(parents=True)
            for position, digest in enumerate(digests):
                place.objects.export(digest, temporary / f"part-{position:05d}.parquet")
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_table(place: Place, version: DatasetVersion, target: Path) -> None:
    temporary = target.with_name(f".{target.name[:100]}.{new_id()}")
    frame = place.reader.scan(version)
    try:
        with told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with plain_disk(target.parent):
                if target.suffix.lower() == ".csv":
                    _in_texts(frame).sink_csv(temporary, engine="streaming")
                else:
                    frame.sink_parquet(temporary, compression="zstd", engine="streaming")
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _in_texts(frame: "pl.LazyFrame") -> "pl.LazyFrame":
    """Return rows in which what CSV has no form for is text."""
    schema = frame.collect_schema()
    unlike = [name for name, dtype in schema.items() if dtype.is_nested() or dtype in (pl.Binary, pl.Duration)]
    return frame.with_columns(as_text(name, schema[name]).alias(name) for name in unlike)
