"""Notebooks as cells: their sources and what they printed; nothing in them is run, and their HTML is not shown."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MOST_CELLS = 200
_MOST_TEXT = 20_000
_MOST_IMAGE_BYTES = 2 << 20
_STARTS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True, slots=True)
class Output:
    """What a cell gave: a text, or an address that holds a picture itself."""

    text: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Args:
        kind: `code`, `markdown` or `raw`.
        source: Its text.
        outputs: What it gave.
        count: The number of its execution, or empty.
    """

    kind: str
    source: str
    outputs: Sequence[Output]
    count: str = ""


def read_cells(document: object) -> list[Cell]:
    """Return the cells of a notebook that was read from JSON; none when it is no notebook."""
    cells = document.get("cells") if isinstance(document, Mapping) else None
    if not isinstance(cells, list):
        return []
    return [_cell(each) for each in cells[:_MOST_CELLS] if isinstance(each, Mapping)]


def _cell(cell: Mapping[str, object]) -> Cell:
    kind, outputs, number = cell.get("cell_type"), cell.get("outputs"), cell.get("execution_count")
    found = [_output(each) for each in outputs if isinstance(each, Mapping)] if isinstance(outputs, list) else []
    return Cell(
        kind if kind in {"code", "markdown"} else "raw",
        _text(cell.get("source")),
        [each for each in found if each.text or each.image],
        str(number) if isinstance(number, int) else "",
    )


def _output(output: Mapping[str, object]) -> Output:
    data = output.get("data")
    if not isinstance(data, Mapping):
        return Output(_text(output.get("text")) or _text(output.get("traceback"), "\n"))
    for kind, start in _STARTS.items():
        if image := _image(data.get(kind), start):
            return Output(image=f"data:{kind};base64,{image}")
    return Output(_text(data.get("text/plain")))


def _image(value: object, start: bytes) -> str:
    """Return a picture's bytes in base64 when they are what they are said to be; nothing otherwise."""
    text = "".join(_text(value).split())
    if not text or len(text) > _MOST_IMAGE_BYTES * 4 // 3:
        return ""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(content).decode() if content.startswith(start) else ""


def _text(value: object, between: str = "") -> str:
    lines = [line for line in value if isinstance(line, str)] if isinstance(value, list) else value
    text = between.join(lines) if isinstance(lines, list) else lines
    return text[:_MOST_TEXT] if isinstance(text, str) else ""
