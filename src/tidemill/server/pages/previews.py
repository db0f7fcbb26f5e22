"""A look into an artifact, without running anything that is in it."""

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput, TooLarge
from tidemill.core.lazy import lazy
from tidemill.data.sources.parquet_shape import check_shape
from tidemill.server.pages import words
from tidemill.server.pages.notebooks import Cell, read_cells

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_BYTES = 256 << 10
_MOST_IMAGE_BYTES = 2 << 20
_MOST_READ_BYTES = 32 << 20
"""Notebooks and Parquet files are read whole before a part of them is shown."""
_MOST_ROWS, _MOST_COLUMNS = 100, 40
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass(frozen=True, slots=True)
class Preview:
    """What can be shown of an artifact.

    Args:
        path: Where it is.
        text: Its text.
        table: Its first rows, the header among them.
        image: An address that holds a picture itself. SVG is shown as text, because it can hold scripts.
        note: What is not shown.
        cells: The cells of a notebook.
        frame: The address of a page that is shown in a frame of no origin.
    """

    path: str
    text: str = ""
    table: Sequence[Sequence[str]] = ()
    image: str = ""
    note: str = ""
    cells: Sequence[Cell] = ()
    frame: str = ""


def preview_of(workspace: Workspace, actor: Actor, root: str, path: str) -> Preview:
    """Return what can be shown of a file of a run or a logged model.

    Raises:
        ArtifactNotFound: If there is none at that path.
    """
    found = workspace.tracking.find_artifact(actor, root=root, path=path)
    if is_page(path):
        return Preview(
            path,
            frame=f"/framed/{quote(root, safe='')}/{quote(path)}",
            note="Shown in a frame that can neither read nor ask this server, nor reach the network.",
        )
    most = _MOST_READ_BYTES if path.endswith((".ipynb", ".parquet", ".json")) else _MOST_IMAGE_BYTES
    if found.size > most:
        return Preview(path, note=f"{words.size(found.size)}: too large to show here; download it instead.")
    return look_into(path, workspace.objects.read(found.digest))


def is_page(path: str) -> bool:
    """Return whether a file is a page of HTML by its name."""
    return path.lower().endswith((".html", ".htm"))


def look_into(path: str, content: bytes) -> Preview:
    """Return what can be shown of some bytes; the bytes decide, not the name."""
    kind = next((kind for start, kind in _IMAGES.items() if content.startswith(start)), "")
    if kind:
        return Preview(path, image=f"data:{kind};base64,{base64.b64encode(content).decode()}")
    if content.startswith(b"PAR1") and content.endswith(b"PAR1"):
        return _parquet(path, content)
    if path.endswith((".ipynb", ".json")) and (shaped := _shaped(path, content)):
        return shaped
    return _as_text(path, content)


def _as_text(path: str, content: bytes) -> Preview:
    note = f"The first {words.size(_MOST_BYTES)} of {words.size(len(content))}." if len(content) > _MOST_BYTES else ""
    part = content[:_MOST_BYTES]
    if b"\0" in part:
        return Preview(path, note="Not text: nothing to show. Download it instead.")
    try:
        text = part.decode()
    except UnicodeDecodeError as error:
        if error.start < len(part) - 4:
            return Preview(path, note="Not text: nothing to show. Download it instead.")
        text = part[: error.start].decode()
    if path.endswith((".csv", ".tsv")):
        return _table(path, text, note)
    if path.endswith(".json"):
        return Preview(path, text=_pretty(text), note=note)
    return Preview(path, text=text, note=note)


def _parquet(path: str, content: bytes) -> Preview:
    try:
        check_shape(io.BytesIO(content), path)
        rows = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
        part = pl.scan_parquet(io.BytesIO(content)).head(_MOST_ROWS).collect()
    except (InvalidInput, TooLarge) as error:
        return Preview(path, note=f"It cannot be shown: {words.clip(error.message, 200)}")
    except (pl.exceptions.PolarsError, OSError) as error:
        return Preview(path, note=f"It cannot be read as Parquet: {words.clip(str(error), 200)}")
    shown = part[:, :_MOST_COLUMNS]
    table = [list(shown.columns), *([_cell(value) for value in row] for row in shown.iter_rows())]
    kept = (
        f"The first {shown.height} of {words.count(rows)} rows" if rows > shown.height else f"{words.count(rows)} rows"
    )
    width = f", {shown.width} of {part.width} columns." if part.width > shown.width else f", {part.width} columns."
    return Preview(path, table=table, note=kept + width)


def _shaped(path: str, content: bytes) -> Preview | None:
    """Return a notebook as cells, or JSON that is a table as one: columns and data, or records of equal keys."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if path.endswith(".ipynb"):
        cells = read_cells(document)
        return Preview(path, cells=cells, note=f"{len(cells)} cells; nothing in them is run.") if cells else None
    columns, rows = _records(document)
    if not columns:
        return None
    note = f"The first {_MOST_ROWS} of {words.count(len(rows))} rows." if len(rows) > _MOST_ROWS else ""
    return Preview(path, table=[columns, *([_cell(value) for value in row] for row in rows[:_MOST_ROWS])], note=note)


def _records(document: object) -> tuple[list[str], list[list[object]]]:
    if isinstance(document, Mapping) and set(document) >= {"columns", "data"}:
        columns, rows = document["columns"], document["data"]
        if isinstance(columns, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
            return [str(name) for name in columns[:_MOST_COLUMNS]], [row[:_MOST_COLUMNS] for row in rows]
    if isinstance(document, list) and document and all(isinstance(row, Mapping) for row in document):
        names = [str(name) for name in document[0]][:_MOST_COLUMNS]
        if names and all(set(row) == set(document[0]) for row in document):
            return names, [[row[name] for name in names] for row in document]
    return [], []


def _cell(value: object) -> str:
    return words.number(value) if isinstance(value, float) else words.clip(value, 200)


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _table(path: str, text: str, note: str) -> Preview:
    reader = csv.reader(io.StringIO(text), delimiter="\t" if path.endswith(".tsv") else ",")
    rows = []
    try:
        for row in reader:
            rows.append([cell[:200] for cell in row[:_MOST_COLUMNS]])
            if len(rows) > _MOST_ROWS:
                break
    except csv.Error:
        return Preview(path, text=text, note=note)
    if len(rows) > _MOST_ROWS:
        note = f"The first {_MOST_ROWS} rows."
    return Preview(path, table=rows, note=note) if rows else Preview(path, note="An empty file.")
