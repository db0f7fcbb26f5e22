"""One split of a dataset's folder: its shards, or its images as rows."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from blake3 import blake3

from tidemill.core.lazy import lazy
from tidemill.core.moments import from_us
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidOption, MalformedTable, SourceNotFound
from tidemill.data.sources.ports import Ask, Piece
from tidemill.integrations.sources.huggingface.layout import Layout, label_of, layout_of

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_BATCH = 2000


class HuggingFace:
    """Reads `hf:PATH`, a folder on this machine."""

    schemes = ("hf",)
    summary = "a split of a folder laid out as on Hugging Face: shards, or images"
    library = ""

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Look at what the folder holds; its files are read when they are needed."""
        ask.check_options("split", "content")
        named = unquote(ask.uri.address.removeprefix("hf:").removeprefix("//"))
        folder = ask.access.path(named)
        if not folder.is_dir():
            raise SourceNotFound(f"{shown(named)} is no folder", hint="Name the folder that holds the splits.")
        layout = layout_of(folder)
        split = _split(layout, ask.option("split"), named)
        if not ask.access.is_owner:
            for path in (*layout.tables.get(split, []), *layout.media.get(split, []), *layout.metadata.get(split, [])):
                ask.access.path(str(folder / path))  # a link in the folder may lead out of it
        if layout.media:
            rows = _Media(folder, layout, split, has_content=ask.option("content") in {"true", "1", "yes"})
            size, moment = _state(folder, [*layout.media[split], *layout.metadata.get(split, [])])
            yield [
                Piece(
                    name=f"{split} files",
                    version={"split": split},
                    batches=rows.batches,
                    size_bytes=size,
                    modified_at=moment,
                )
            ]
        else:
            yield [_shard(folder, path, split) for path in layout.tables[split]]


def _split(layout: Layout, wanted: str, named: str) -> str:
    splits = layout.splits
    if not splits:
        raise SourceNotFound(f"{shown(named)} holds no tables and no images", hint="Name the folder with the splits.")
    listed = ", ".join(splits)
    if not wanted and len(splits) > 1:
        raise InvalidOption(
            f"{shown(named)} holds the splits {listed}", hint="Name one, so that they do not mix: --option split=train."
        )
    if wanted and wanted not in splits:
        raise InvalidOption(
            f"{shown(named)} has no split {shown(wanted)}", hint=f"{did_you_mean(wanted, splits)} It has: {listed}."
        )
    return wanted or splits[0]


def _shard(folder: Path, path: PurePosixPath, split: str) -> Piece:
    size, moment = _state(folder, [path])
    return Piece(
        name=str(path),
        version={"split": split},
        fetch=partial(_bring, folder / path),
        size_bytes=size,
        modified_at=moment,
    )


def _state(folder: Path, paths: Sequence[PurePosixPath]) -> tuple[int, datetime]:
    """Return the size of files, and when the last of them was written."""
    states = [(folder / path).stat() for path in paths]
    latest = max(state.st_mtime_ns for state in states)
    return sum(state.st_size for state in states), from_us(latest // 1000)


def _bring(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # another disk, or a file of somebody else
        shutil.copyfile(path, target)


class _Media:
    """The images, sounds or films of a split as rows: path, class or metadata, digest."""

    def __init__(self, folder: Path, layout: Layout, split: str, *, has_content: bool) -> None:
        self._folder = folder
        self._paths = layout.media[split]
        self._metadata = layout.metadata.get(split, [])
        self._has_content = has_content

    def batches(self) -> Iterator["pl.DataFrame"]:
        """Yield the rows, in order of path."""
        known = self._known()
        has_labels = known is None and any(label_of(path) for path in self._paths)
        for start in range(0, len(self._paths), _BATCH):
            frame = pl.DataFrame(
                [self._row(path, has_label=has_labels) for path in self._paths[start : start + _BATCH]],
                schema=self._schema(has_labels=has_labels),
            )
            yield frame if known is None else frame.join(known, on="file_name", how="left", maintain_order="left")

    def _schema(self, *, has_labels: bool) -> "dict[str, type[pl.DataType]]":
        schema: dict[str, type[pl.DataType]] = {"file_name": pl.String}
        schema |= {"label": pl.String} if has_labels else {}
        schema |= {"size_bytes": pl.Int64, "digest": pl.String}
        return schema | ({"content": pl.Binary} if self._has_content else {})

    def _row(self, path: PurePosixPath, *, has_label: bool) -> dict[str, object]:
        content = (self._folder / path).read_bytes()
        row: dict[str, object] = {"file_name": str(path)}
        if has_label:
            row["label"] = label_of(path)
        row |= {"size_bytes": len(content), "digest": blake3(content).hexdigest()}
        return row | ({"content": content} if self._has_content else {})

    def _known(self) -> "pl.DataFrame | None":
        """Return the metadata by the path of the file from the dataset's folder; None when there is none."""
        if not self._metadata:
            return None
        frames = [self._told(path) for path in self._metadata]
        known = pl.concat(frames, how="diagonal_relaxed")
        paths = {str(path) for path in self._paths}
        named = known["file_name"].to_list()
        if twice := known.filter(pl.col("file_name").is_duplicated())["file_name"].to_list():
            raise MalformedTable(f"The metadata names {shown(twice[0])} twice", hint="Keep one row a file.")
        if lost := sorted(set(named) - paths):
            raise MalformedTable(
                f"The metadata names {shown(lost[0])}, and there is no such file",
                hint="Paths start from the folder of the metadata.",
                details={"files": lost[:100]},
            )
        if silent := sorted(paths - set(named)):
            raise MalformedTable(
                f"The metadata does not name {shown(silent[0])}", hint="Give it a row.", details={"files": silent[:100]}
            )
        return known

    def _told(self, path: PurePosixPath) -> "pl.DataFrame":
        place = self._folder / path
        try:
            frame = pl.read_csv(place) if path.suffix == ".csv" else _typed(place)
        except pl.exceptions.PolarsError as error:
            said = str(error).partition("\n")[0]
            raise MalformedTable(f"{shown(str(path))} cannot be read: {said}", hint="Write it again.") from error
        if "file_name" not in frame.columns:
            raise MalformedTable(
                f"{shown(str(path))} has no column file_name", hint="Name the file of each row in a column file_name."
            )
        base = str(path.parent)
        prefix = "" if base == "." else f"{base}/"
        return frame.with_columns((prefix + pl.col("file_name").cast(pl.String)).alias("file_name"))


def _typed(place: Path) -> "pl.DataFrame":
    return pl.read_parquet(place, glob=False) if place.suffix == ".parquet" else pl.read_ndjson(place)
