"""Packed files, unpacked beside the objects so that they are read like plain ones, in bounded memory."""

import gzip
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Protocol

from tidemill.core.lazy import load
from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, SourceTooLarge, UnsupportedSource

PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
_PIECE = 1 << 20
_FREE_BYTES = 1 << 30
_RATIO = 200


def packing_of(path: Path) -> str | None:
    """Return how a file is packed, by its first bytes: gzip, zstd, zip, or None."""
    with path.open("rb") as file:
        head = file.read(4)
    return next((word for magic, word in PACKINGS.items() if head.startswith(magic)), None)


def unpack(path: Path, packing: str, target: Path, name: str) -> None:
    """Write the content of a packed file to the target.

    Args:
        path: The packed file.
        packing: What `packing_of` said.
        target: The file to write; what is there is replaced.
        name: How messages call the packed file.

    Raises:
        MalformedTable: If the file is truncated or damaged.
        SourceTooLarge: If it unpacks to more than 1 GiB and more than 200 times its size.
        UnsupportedSource: If a zip does not hold exactly one table.
    """
    most = max(_FREE_BYTES, _RATIO * path.stat().st_size)
    faults: tuple[type[Exception], ...] = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
    faults += _zstd_faults(packing)
    try:
        with _opened(path, packing, name) as source, target.open("wb") as sink:
            total = 0
            while piece := source.read(_PIECE):
                total += len(piece)
                if total > most:
                    raise SourceTooLarge(
                        f"{shown(name)} unpacks to more than {most} bytes",
                        hint="Unpack it yourself and ingest the plain file, if it is really that large.",
                    )
                sink.write(piece)
    except faults as error:
        raise MalformedTable(
            f"{shown(name)} is truncated or damaged: {str(error) or type(error).__name__}",
            hint="Fetch it again and compare its size with the original.",
        ) from error


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""


@contextmanager
def _opened(path: Path, packing: str, name: str) -> Iterator[Readable]:
    if packing == "gzip":
        with gzip.open(path, "rb") as source:
            yield source
    elif packing == "zstd":
        with _zstd().open(path, "rb") as source:
            yield source
    else:
        with zipfile.ZipFile(path) as archive, archive.open(_only_table(archive, name)) as member:
            yield member


def _zstd() -> ModuleType:
    return load("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _zstd_faults(packing: str) -> tuple[type[Exception], ...]:
    return (_zstd().ZstdError,) if packing == "zstd" else ()


def _only_table(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    tables = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and PurePosixPath(info.filename).parts[0] != "__MACOSX"
        and PurePosixPath(info.filename).suffix.lower() in {".csv", ".tsv", ".txt", ".parquet"}
    ]
    if len(tables) != 1:
        raise UnsupportedSource(
            f"{shown(name)} holds {len(tables)} tables, and one is needed", hint="Unpack it and give the files."
        )
    if tables[0].flag_bits & 1:
        raise UnsupportedSource(f"{shown(name)} is encrypted", hint="Unpack it with its password first.")
    return tables[0]
