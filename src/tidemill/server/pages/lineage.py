"""What came from what: the graph, and the page of one thing's whole ancestry."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import NotFound
from tidemill.core.refs import Ref
from tidemill.data.errors import DatasetVersionRemoved
from tidemill.data.records import DatasetKind
from tidemill.ledger.records import Edge
from tidemill.server.pages import words
from tidemill.server.pages.addresses import url_of, version_url
from tidemill.server.pages.charts.graphs import Node, lineage_graph
from tidemill.server.pages.shell import page, render
from tidemill.server.permits import StatedRoute

_MOST_NODES = 48
_NEAR_NODES = 24
_MOST_OF_A_KIND = 6
_DULL = {"experiment", "artifact", "segment", "window", "approval", "trigger", "alert", "project", "delivery"}
"""Kinds that are many and tell little; the short graph leaves them out."""


_OF_DATA = {"ingested", "previous"}
"""Relations by which datasets grow; drawn only where a dataset is what is looked at."""

_CAUSES = {"delivery", "trigger", "alert", "project", "endpoint", "experiment", "workspace"}
"""Kinds that say why something was made, not of what; through them everything hangs together with everything."""

_ORDER = ("deployment", "model_version", "run", "dataset_version", "source", "gate_report", "approval", "artifact")


@dataclass(slots=True)
class Branch:
    """A thing with what it came from, or what came from it."""

    ref: str
    name: str
    href: str
    relation: str
    more: list["Branch"] = field(default_factory=list)
    again: bool = False


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""

    def show(request: Request, actor: Actor) -> Response:
        ref = request.path_params["ref"]
        up = workspace.governance.trace(actor, ref=ref, direction="up")
        down = workspace.governance.trace(actor, ref=up.start, direction="down")
        names = Names(workspace, actor)
        kind = up.start.partition(":")[0].replace("_", " ")
        values = {
            "here": "",
            "title": f"Trace of {kind}",
            "kind": kind,
            "ref": up.start,
            "name": names.name(up.start),
            "page_url": url_of(up.start) if not url_of(up.start).startswith("/trace/") else names.href(up.start),
            "graph": graph(
                names.learned([*up.edges, *down.edges]), up.start, [*up.edges, *down.edges], most=_MOST_NODES
            ),
            "up": tree(names, up.start, up.edges, "up"),
            "down": tree(names, up.start, down.edges, "down"),
            "edges": up.edges,
            "is_complete": up.complete and down.complete,
            "audit": workspace.governance.audit(actor, subject=up.start, limit=20),
        }
        return render(request, "trace.html", values)

    return [page("/trace/{ref:path}", show)]


class Called(Protocol):
    """Knows what things are called and where they are shown."""

    def name(self, ref: str) -> str:
        """Return what a thing is called."""

    def href(self, ref: str) -> str:
        """Return where it is shown."""


class Names:
    """How persons call things, and where their pages are; each is looked up once.

    Args:
        workspace: Where they are.
        actor: Who asks.
    """

    def __init__(self, workspace: Workspace, actor: Actor) -> None:
        self._workspace = workspace
        self._actor = actor
        self._known: dict[str, tuple[str, str]] = {}

    def name(self, ref: str) -> str:
        """Return what a thing is called."""
        return self._look(ref)[0]

    def href(self, ref: str) -> str:
        """Return where it is shown."""
        return self._look(ref)[1]

    def learned(self, edges: Iterable[Edge]) -> "Names":
        """Return itself, with the names of files that datasets were read from: only their versions know those."""
        for edge in [each for each in edges if each.relation == "ingested"][:_MOST_NODES]:
            with suppress(NotFound):
                version = self._workspace.data.get(self._actor, ref=Ref.parse(edge.target).id)
                sources = [(file.digest, file.name) for file in version.source.files]
                if version.kind is DatasetKind.TREE:  # the folder that it came from has the digest of what it held
                    sources.append((version.digest, version.source.uri.rstrip("/")))
                for digest, name in sources:
                    ref = f"source:{digest}"
                    self._known[ref] = (name.rpartition("/")[2] or name, url_of(ref))
        return self

    def _look(self, ref: str) -> tuple[str, str]:
        if ref not in self._known:
            try:
                self._known[ref] = self._find(Ref.parse(ref))
            except NotFound:
                self._known[ref] = (_short(ref), url_of(ref))
        return self._known[ref]

    def _find(self, ref: Ref) -> tuple[str, str]:
        find = _FINDERS.get(ref.kind)
        return find(self._workspace, self._actor, ref.id) if find else (_short(str(ref)), url_of(str(ref)))


def _dataset_version(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    try:
        found = workspace.data.get(actor, ref=identifier)
    except DatasetVersionRemoved as error:
        return f"{error.details['ref']} (removed)", url_of(f"dataset_version:{identifier}")
    return found.ref, f"/datasets/{found.dataset}/{found.number}"


def _label_task(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    name = workspace.labels.get(actor, task=identifier).name
    return name, url_of(f"label_task:{name}")


def _model_version(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    found = workspace.models.get(actor, ref=identifier)
    return found.ref, version_url(found.model, found.number)


def _run(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    return workspace.tracking.get_run(actor, run_id=identifier).name, url_of(f"run:{identifier}")


def _logged_model(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    return workspace.logged_models.get(actor, model_id=identifier).name, url_of(f"logged_model:{identifier}")


def _deployment(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    found = workspace.delivery.get_deployment(actor, id=identifier)
    return f"{found.endpoint} #{found.number}", url_of(f"endpoint:{found.endpoint}")


def _gate_report(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    found = workspace.delivery.get_gate_report(actor, id=identifier)
    return f"{found.model}@{found.version} {found.status.value}", url_of(f"gate_report:{identifier}")


def _check_report(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    head = workspace.checks.get_report(actor, id=identifier).head
    return f"{head.suite} of {head.version} {head.verdict.value}", url_of(f"check_report:{identifier}")


def _rollout(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    found = workspace.delivery.get_rollout(actor, id=identifier)
    return f"{found.endpoint} {found.state.value.replace('_', ' ')}", url_of(f"endpoint:{found.endpoint}")


def _delivery(workspace: Workspace, actor: Actor, identifier: str) -> tuple[str, str]:
    found = workspace.projects.get_delivery(actor, id=identifier)
    return found.model or found.project, url_of(f"delivery:{identifier}")


_FINDERS: dict[str, Callable[[Workspace, Actor, str], tuple[str, str]]] = {
    "check_report": _check_report,
    "dataset_version": _dataset_version,
    "delivery": _delivery,
    "deployment": _deployment,
    "gate_report": _gate_report,
    "label_task": _label_task,
    "logged_model": _logged_model,
    "model_version": _model_version,
    "rollout": _rollout,
    "run": _run,
}


def _short(ref: str) -> str:
    identifier = ref.partition(":")[2]
    return identifier if len(identifier) <= 24 else f"{identifier[:6]}…{identifier[-6:]}"


def short_lineage(workspace: Workspace, actor: Actor, ref: str) -> Markup:
    """Return the graph of what is near a thing, both ways; nothing when the ledger has no edge of it."""
    try:
        found = workspace.governance.trace(actor, ref=ref, direction="both")
    except NotFound:
        return Markup("")
    return graph(Names(workspace, actor).learned(found.edges), ref, found.edges, most=_NEAR_NODES)


def material(start: str, edges: Iterable[Edge]) -> list[Edge]:
    """Return the edges that say of what a thing was made, and what was made of it; not why."""
    known = list(edges)
    found: dict[tuple[str, str, str], Edge] = {}
    for way in ("up", "down"):
        nearer: dict[str, list[Edge]] = {}
        for edge in known:
            nearer.setdefault(edge.target if way == "up" else edge.source, []).append(edge)
        seen, queue = {start}, deque([start])
        while queue:
            for edge in nearer.get(queue.popleft(), []):
                there = edge.source if way == "up" else edge.target
                kind = there.partition(":")[0]
                if kind in _CAUSES and not (way == "down" and kind == "endpoint"):
                    continue
                found[edge.source, edge.relation, edge.target] = edge
                if there not in seen and kind not in _CAUSES:
                    seen.add(there)
                    queue.append(there)
    return list(found.values())


def graph(names: Called, start: str, edges: Iterable[Edge], *, most: int) -> Markup:
    """Return the drawing of the nearest things of which a thing was made, without the dull kinds."""
    kept: dict[str, None] = {start: None}
    kinds: Counter[str] = Counter()
    drawn: list[tuple[str, str, str]] = []
    left_out = 0
    is_about_data = start.partition(":")[0] in {"dataset_version", "source"}
    for edge in material(start, edges):
        ends = (edge.source, edge.target)
        if edge.relation in _OF_DATA and not is_about_data:
            continue
        if any(end.partition(":")[0] in _DULL and end != start for end in ends):
            continue
        new = [end for end in ends if end not in kept]
        crowded = any(kinds[end.partition(":")[0]] >= _MOST_OF_A_KIND for end in new)
        if crowded or len(kept) + len(new) > most:
            left_out += 1
            continue
        kept |= dict.fromkeys(new)
        kinds.update(end.partition(":")[0] for end in new)
        drawn.append((edge.source, edge.relation, edge.target))
    if not drawn:
        return Markup("")
    nodes = [Node(ref, ref.partition(":")[0], names.name(ref), names.href(ref), ref == start) for ref in kept]
    drawing = lineage_graph(nodes, list(dict.fromkeys(drawn)), f"Lineage of {names.name(start)}")
    note = Markup('<p class="quiet">{} further edges are not drawn.</p>').format(left_out) if left_out else ""
    return drawing + note


def tree(
    names: Called, start: str, edges: Iterable[Edge], way: Literal["up", "down"], *, most: int = 200
) -> list[Branch]:
    """Return what a thing came from, or what came from it, as branches; each thing opens once."""
    nearer: dict[str, list[tuple[str, str]]] = {}
    for edge in edges:
        here, there = (edge.target, edge.source) if way == "up" else (edge.source, edge.target)
        nearer.setdefault(here, []).append((edge.relation, there))
    for branches_there in nearer.values():
        branches_there.sort(key=lambda pair: _rank(pair[1]))
    opened: set[str] = {start}
    left = most

    def grow(ref: str, depth: int) -> list[Branch]:
        nonlocal left
        branches = []
        for relation, there in nearer.get(ref, []):
            if left <= 0:
                break
            left -= 1
            again = there in opened
            branch = Branch(
                there, words.clip(names.name(there), 80), names.href(there), relation.replace("_", " "), again=again
            )
            opened.add(there)
            if not again and depth < 24:
                branch.more = grow(there, depth + 1)
            branches.append(branch)
        return branches

    return grow(start, 0)


def _rank(ref: str) -> int:
    kind = ref.partition(":")[0]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
