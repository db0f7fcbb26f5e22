"""The code of a run beside that of another: which files differ, and how."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.objects.trees import TreeEntry
from tidemill.server.pages.shell import page, render
from tidemill.server.permits import StatedRoute

_MOST_BYTES = 256 << 10
_MOST_FILES = 60
_MOST_LINES = 2000
_OTHERS = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: `+`, `-`, `@` for a place, or a space."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class FileDifference:
    """What differs in a file: lines, or a note where there are none to show."""

    path: str
    change: str
    lines: Sequence[Line] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Other:
    """A run that one can be compared with."""

    run_id: str
    name: str
    is_same: bool
    chosen: bool


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of this page."""

    def show(request: Request, actor: Actor) -> Response:
        run = workspace.tracking.get_run(actor, run_id=request.path_params["run_id"])
        made = workspace.pipelines.get(actor, run_id=run.run_id)
        wanted = request.query_params.get("with", "")
        others = _others(workspace, actor, run.run_id, wanted)
        chosen = wanted or next((each.run_id for each in others if not each.is_same), "")
        other = workspace.pipelines.get(actor, run_id=chosen) if chosen else None
        values = {
            "here": "runs",
            "title": f"Source of {run.name}",
            "run": run,
            "files": workspace.objects.list_tree(made.source),
            "others": others,
            "other": workspace.tracking.get_run(actor, run_id=chosen) if chosen else None,
            "differences": differences(workspace, other.source, made.source) if other else [],
            "source": made.source,
        }
        return render(request, "source.html", values)

    return [page("/runs/{run_id}/source", show)]


def _others(workspace: Workspace, actor: Actor, run_id: str, wanted: str) -> list[Other]:
    made = workspace.pipelines.get(actor, run_id=run_id)
    found = workspace.pipelines.list(actor, pipeline=made.pipeline, limit=_OTHERS)
    ids = [each for each in found if each.run_id != run_id]
    return [
        Other(
            each.run_id,
            workspace.tracking.get_run(actor, run_id=each.run_id).name,
            each.source == made.source,
            each.run_id == wanted,
        )
        for each in ids
    ]


def differences(workspace: Workspace, before: Digest, after: Digest) -> list[FileDifference]:
    """Return what differs between two snapshots of source."""
    old = {entry.path: entry for entry in workspace.objects.list_tree(before)}
    new = {entry.path: entry for entry in workspace.objects.list_tree(after)}
    changed = [path for path in sorted(old.keys() | new.keys()) if not _same(old.get(path), new.get(path))]
    found = [_difference(workspace, path, old.get(path), new.get(path)) for path in changed[:_MOST_FILES]]
    if len(changed) > _MOST_FILES:
        found.append(FileDifference("…", "more", note=f"{len(changed) - _MOST_FILES} further files differ."))
    return found


def _same(one: TreeEntry | None, other: TreeEntry | None) -> bool:
    return one is not None and other is not None and one.digest == other.digest


def _difference(workspace: Workspace, path: str, old: TreeEntry | None, new: TreeEntry | None) -> FileDifference:
    change = "added" if old is None else "removed" if new is None else "changed"
    texts = [_text(workspace, entry) for entry in (old, new)]
    if texts[0] is None or texts[1] is None:
        return FileDifference(path, change, note="Not text, or too large to show line by line.")
    lines = list(line_differences(texts[0], texts[1]))
    note = f"The first {_MOST_LINES} lines of the difference." if len(lines) > _MOST_LINES else ""
    return FileDifference(path, change, lines[:_MOST_LINES], note)


def line_differences(old: str, new: str) -> list[Line]:
    """Return the lines that differ between two texts, with three around them."""
    told = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3))[2:]
    return [Line(line[:1], line[1:] if line[:1] != "@" else line.strip("@ ")) for line in told]


def _text(workspace: Workspace, entry: TreeEntry | None) -> str | None:
    if entry is None:
        return ""
    if entry.size > _MOST_BYTES:
        return None
    try:
        return workspace.objects.read(entry.digest).decode()
    except UnicodeDecodeError:
        return None
