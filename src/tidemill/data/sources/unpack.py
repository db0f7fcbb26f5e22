"""Packed files, unpacked beside the objects so that they are read like plain ones, in bounded memory."""

import bz2
import gzip
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import BinaryIO, Protocol

from tidemill.core.lazy import load
from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, SourceTooLarge, UnsupportedSource
from tidemill.data.sources.telling import UNPACKED, Share, unheard

PACKINGS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_PIECE = 1 << 20
_FREE_BYTES = 1 << 30
_RATIO = 200
_XZ_MEMORY = 256 << 20
_TABLES = {".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson", ".arrow", ".feather", ".avro"}


def packing_of(path: Path) -> str | None:
    """Return how a file is packed, by its first bytes: gzip, zstd, bz2, xz, zip, or None."""
    with path.open("rb") as file:
        head = file.read(6)
    return next((word for magic, word in PACKINGS.items() if head.startswith(magic)), None)


def unpack(path: Path, packing: str, target: Path, name: str, told: Share = unheard) -> None:
    """Write the content of a packed file to the target.

    Args:
        path: The packed file.
        packing: What `packing_of` said.
        target: The file to write; what is there is replaced.
        name: How messages call the packed file.
        told: Hears how far it is, by the bytes of the packed file.

    Raises:
        MalformedTable: If the file is truncated or damaged.
        SourceTooLarge: If it unpacks to more than 1 GiB and more than 200 times its size.
        UnsupportedSource: If a zip does not hold exactly one table.
    """
    size = max(1, path.stat().st_size)
    most = max(_FREE_BYTES, _RATIO * size)
    faults: tuple[type[Exception], ...] = (
        OSError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        lzma.LZMAError,
    )
    faults += _zstd_faults(packing)
    try:
        with path.open("rb") as packed, _opened(packed, packing, name) as source, target.open("wb") as sink:
            total = 0
            while piece := source.read(_PIECE):
                total += len(piece)
                if total > most:
                    raise SourceTooLarge(
                        f"{shown(name)} unpacks to more than {most} bytes",
                        hint="Unpack it yourself and ingest the plain file, if it is really that large.",
                    )
                sink.write(piece)
                told(min(1.0, packed.tell() / size), UNPACKED)
    except NotImplementedError as error:  # of a zip, such as one packed with Deflate64
        raise UnsupportedSource(
            f"{shown(name)} is packed in a way that is not read: {error}", hint="Unpack it yourself and give the file."
        ) from error
    except faults as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk; what bz2 says of its bytes has no number
        raise MalformedTable(
            f"{shown(name)} is truncated or damaged: {str(error) or type(error).__name__}",
            hint="Fetch it again and compare its size with the original.",
        ) from error


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""


@contextmanager
def _opened(packed: BinaryIO, packing: str, name: str) -> Iterator[Readable]:
    if packing == "gzip":
        with gzip.open(packed, "rb") as source:
            yield source
    elif packing == "bz2":
        with bz2.open(packed, "rb") as source:
            yield source
    elif packing == "xz":
        yield _Xz(packed)
    elif packing == "zstd":
        with load_zstd().open(packed, "rb") as source:
            yield source
    else:
        with zipfile.ZipFile(packed) as archive, archive.open(_only_table(archive, name)) as member:
            yield member


class _Xz:
    """Unpacks xz with a limit on memory, which the reader of the standard library does not have."""

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        while True:
            if self._stream.eof:
                rest = self._stream.unused_data.lstrip(b"\0") or self._packed.read(_PIECE).lstrip(b"\0")
                if not rest:
                    return b""
                self._stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)  # streams may follow one another
            elif self._stream.needs_input:
                rest = self._packed.read(_PIECE)
                if not rest:
                    raise EOFError("the file ends before its end was marked")
            else:
                rest = b""
            if unpacked := self._stream.decompress(rest, size):
                return unpacked


def load_zstd() -> ModuleType:
    """Return the module that unpacks Zstandard."""
    return load("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _zstd_faults(packing: str) -> tuple[type[Exception], ...]:
    return (load_zstd().ZstdError,) if packing == "zstd" else ()


def _only_table(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    tables = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and PurePosixPath(info.filename).suffix.lower() in _TABLES
    ]
    if len(tables) != 1:
        raise UnsupportedSource(
            f"{shown(name)} holds {len(tables)} tables, and one is needed", hint="Unpack it and give the files."
        )
    if tables[0].flag_bits & 1:
        raise UnsupportedSource(f"{shown(name)} is encrypted", hint="Unpack it with its password first.")
    return tables[0]
