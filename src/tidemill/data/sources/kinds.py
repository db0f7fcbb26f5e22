"""What kind of file it is, seen from its first bytes."""

import codecs
import zipfile
from enum import StrEnum
from pathlib import Path, PurePath

from tidemill.core.names import shown
from tidemill.data.errors import MalformedTable, UnsupportedSource

_HEAD = 4096


class FileKind(StrEnum):
    """How a file that is not packed is read."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    ARROW = "arrow"
    AVRO = "avro"
    EXCEL = "excel"


_MAGIC = {
    b"PAR1": FileKind.PARQUET,
    b"ARROW1\0\0": FileKind.ARROW,
    b"\xff\xff\xff\xff": FileKind.ARROW,
    b"Obj\x01": FileKind.AVRO,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": FileKind.EXCEL,
}
_UNREAD = {
    b"FEA1": ("Feather of the first version", "Write it again with version 2."),
    b"SQLite format 3\0": ("an SQLite database", "Name a table of it: sqlite:///path/to/file#table=NAME."),
    b"%PDF": ("a PDF", "Export its table as CSV."),
    b"ORC": ("ORC", "Export it as Parquet."),
    b"\x89HDF": ("HDF5", "Export it as Parquet."),
    b"\x80\x02": ("a pickle, which can hold any program", "Export it as Parquet."),
    b"\x80\x03": ("a pickle, which can hold any program", "Export it as Parquet."),
    b"\x80\x04": ("a pickle, which can hold any program", "Export it as Parquet."),
    b"\x80\x05": ("a pickle, which can hold any program", "Export it as Parquet."),
    b"7z\xbc\xaf": ("a 7z archive", "Unpack it and give the files."),
    b"Rar!": ("a RAR archive", "Unpack it and give the files."),
    b"\x7fELF": ("a program", "Give a table."),
    b"\x89PNG": ("an image", "Give the folder that it is in, which becomes a folder of files."),
    b"\xff\xd8\xff": ("an image", "Give the folder that it is in, which becomes a folder of files."),
}
_NAMED = {".parquet": "Parquet", ".feather": "Feather", ".arrow": "Arrow", ".avro": "Avro"}
_WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


def kind_of(path: Path, name: str) -> FileKind:
    """Return how a file that is not packed is read.

    Raises:
        UnsupportedSource: If it is of a kind that is known and not read.
        MalformedTable: If its name says what its bytes are not, and they are no text of several lines either.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    for magic, (what, hint) in _UNREAD.items():
        if head.startswith(magic):
            raise UnsupportedSource(f"{shown(name)} is {what}", hint=hint)
    if head[257:262] == b"ustar":
        raise UnsupportedSource(f"{shown(name)} is a tar archive", hint="Unpack it and give the files.")
    named = _NAMED.get(PurePath(name).suffix.lower())
    is_line = 0 < len(head) < _HEAD and b"\n" not in head.strip()
    if named and (b"\0" in head or not _is_utf8(head) or is_line):
        hint = "It was damaged or cut, or has the wrong name: write it again."
        raise MalformedTable(f"{shown(name, 200)} does not begin as a file of {named} does", hint=hint)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return FileKind.JSON if _looks_json(start) else FileKind.CSV


def is_workbook(path: Path) -> bool:
    """Return whether a zip file is a workbook of a spreadsheet."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return ("[Content_Types].xml" in names and bool(names & set(_WORKBOOKS))) or {"mimetype", "content.xml"} <= names


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def _looks_json(start: bytes) -> bool:
    """Tell `{"a":` and `[{` from a header of CSV, which begins with neither."""
    if start.startswith(b"{"):
        return start[1:].lstrip(b" \t\r\n").startswith((b'"', b"}"))
    return start.startswith(b"[") and start[1:].lstrip(b" \t\r\n").startswith((b"{", b"]"))
