"""What the names of files in a dataset's folder say: which split they are of, and what they hold."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_TABLES = {".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".arrow", ".feather"}
_PACKED = {".gz", ".zst", ".bz2", ".xz"}
_MEDIA = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".wav", ".mp3", ".flac", ".ogg", ".mp4"}
_METADATA = {"metadata.csv", "metadata.jsonl", "metadata.parquet"}
_OUR_OWN = {"readme.md", "dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a dataset's folder.

    Args:
        tables: Tables by split, each list in order of name.
        media: Images, sounds and films by split.
        metadata: Tables that say more of those, by split.
    """

    tables: dict[str, list[PurePosixPath]]
    media: dict[str, list[PurePosixPath]]
    metadata: dict[str, list[PurePosixPath]]

    @property
    def splits(self) -> list[str]:
        """The splits that have files, in their usual order."""
        held = self.media or self.tables
        return [split for split in _SPLITS if split in held]


def layout_of(folder: Path) -> Layout:
    """Return what a folder holds; hidden files are left out."""
    layout = Layout({}, {}, {})
    for path in sorted(_files(folder)):
        if path.name.lower() in _OUR_OWN:
            continue
        kind = _kind(path)
        if path.name.lower() in _METADATA:
            layout.metadata.setdefault(split_of(path), []).append(path)
        elif kind in _MEDIA:
            layout.media.setdefault(split_of(path), []).append(path)
        elif kind in _TABLES:
            layout.tables.setdefault(split_of(path), []).append(path)
    return layout


def _files(folder: Path) -> Iterator[PurePosixPath]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            # A link may lead to a device or a pipe, which never end.
            if not name.startswith(".") and Path(place, name).is_file():
                yield PurePosixPath(Path(place, name).relative_to(folder).as_posix())


def _kind(path: PurePosixPath) -> str:
    suffix = path.suffix.lower()
    return PurePosixPath(path.stem).suffix.lower() if suffix in _PACKED else suffix


def split_of(path: PurePosixPath) -> str:
    """Return the split that a path names, by its folders first; `train` when it names none."""
    for part in (*path.parent.parts, path.name.partition(".")[0]):
        words = re.split(r"[^A-Za-z0-9]+", part.lower())
        for split, names in _SPLITS.items():
            if set(names) & set(words):
                return split
    return "train"


def label_of(path: PurePosixPath) -> str | None:
    """Return the class that the folder of a file names; None for a file of the split itself."""
    parent = path.parent.name
    is_split = any(parent.lower() in names for names in _SPLITS.values()) or parent in {"", "data", "images"}
    return None if is_split else parent
