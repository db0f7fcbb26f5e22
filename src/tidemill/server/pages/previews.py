"""A look into an artifact, without running anything that is in it."""

import base64
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.server.pages import words
from tidemill.tracking.records import Artifact

_MOST_BYTES = 256 << 10
_MOST_IMAGE_BYTES = 2 << 20
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
    """

    path: str
    text: str = ""
    table: Sequence[Sequence[str]] = ()
    image: str = ""
    note: str = ""


def preview_of(workspace: Workspace, actor: Actor, run_id: str, path: str, known: Sequence[Artifact]) -> Preview:
    """Return what can be shown of an artifact.

    Raises:
        ArtifactNotFound: If the run has none at that path.
    """
    size = next((each.size for each in known if each.path == path), 0)
    if size > _MOST_IMAGE_BYTES:
        return Preview(path, note=f"{words.size(size)}: too large to show here; download it instead.")
    return look_into(path, workspace.tracking.read_artifact(actor, run_id=run_id, path=path))


def look_into(path: str, content: bytes) -> Preview:
    """Return what can be shown of some bytes; the bytes decide, not the name."""
    kind = next((kind for start, kind in _IMAGES.items() if content.startswith(start)), "")
    if kind:
        return Preview(path, image=f"data:{kind};base64,{base64.b64encode(content).decode()}")
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
