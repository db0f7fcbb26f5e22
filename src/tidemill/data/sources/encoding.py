"""Text in other encodings, written as UTF-8 beside the objects before it is read."""

import codecs
from pathlib import Path

from tidemill.core.names import shown
from tidemill.data.errors import InvalidOption, WrongEncoding

_HEAD = 4096
_PIECE = 1 << 20
_BOMS = (  # the longer ones first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8 = {"utf-8", "utf-8-sig", "ascii"}


def check_encoding(encoding: str | None) -> str | None:
    """Return the name of an encoding of text in its usual spelling.

    Raises:
        InvalidOption: If there is none of that name.
    """
    if encoding is None:
        return None
    try:
        found = codecs.lookup(encoding)
        "".encode(found.name)
        b"".decode(found.name)
    except (LookupError, ValueError, TypeError):
        raise InvalidOption(
            f"There is no encoding {shown(encoding)} of text", hint="Such as latin-1, cp1252, utf-16, shift_jis."
        ) from None
    return found.name


def wide_encoding(path: Path) -> str | None:
    """Return UTF-16 or UTF-32 if a file shows to be that, else None."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    even, odd = head[:64:2], head[1:64:2]
    if len(odd) < 2 or (any(odd) and any(even)):
        return None
    if not any(odd):
        return "utf-32-le" if not any(head[2:64:4]) else "utf-16-le"
    return "utf-32-be" if not any(head[1:64:4]) and not any(head[2:64:4]) else "utf-16-be"


def as_utf8(path: Path, name: str, encoding: str | None, target: Path) -> Path:
    """Return a file with the same text as UTF-8: the file itself when it is that, or else the target.

    Args:
        path: The file, not packed.
        name: How messages call it.
        encoding: Its encoding; None to see UTF-16 and UTF-32, and to take everything else as UTF-8.
        target: Where to write.

    Raises:
        WrongEncoding: If the bytes are not of that encoding, with the line.
    """
    chosen = encoding or wide_encoding(path)
    if chosen is None or chosen in _UTF8:
        return path
    decoder = codecs.getincrementaldecoder(chosen)()
    line = 1
    with path.open("rb") as source, target.open("wb") as sink:
        while True:
            piece = source.read(_PIECE)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeError as error:
                raise WrongEncoding(
                    f"{shown(name)} is not {chosen}: near line {line}",
                    where=f"{name}:{line}",
                    hint="Give its encoding with --encoding, or save it as UTF-8.",
                    details={"line": line},
                ) from error
            line += text.count("\n")
            sink.write(text.removeprefix("\ufeff").encode(errors="replace"))
            if not piece:
                return target


def likely(raw: bytes) -> str:
    """Return the encoding that bytes which are not UTF-8 most likely are, for a hint."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
