"""A graph of what came from what: layers from left to right, links on every node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.server.pages import words

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _PAD = 158, 46, 42, 14, 6


@dataclass(frozen=True, slots=True)
class Node:
    """A thing: its kind above, its name below."""

    id: str
    kind: str
    name: str
    href: str
    is_start: bool


def lineage_graph(nodes: Sequence[Node], edges: Sequence[tuple[str, str, str]], label: str) -> Markup:
    """Return the drawing.

    Args:
        nodes: The things.
        edges: From, relation, to; ends that are no node are left out.
        label: What is shown, for who does not see it.
    """
    known = {node.id: node for node in nodes}
    kept = [edge for edge in edges if edge[0] in known and edge[2] in known and edge[0] != edge[2]]
    layers = arrange(list(known), [(a, b) for a, _, b in kept])
    tallest = max((len(layer) for layer in layers), default=1)
    places = {
        name: (
            _PAD + x * (_WIDTH + _GAP_X),
            round(_PAD + (y + (tallest - len(layer)) / 2) * (_HEIGHT + _GAP_Y)),
        )
        for x, layer in enumerate(layers)
        for y, name in enumerate(layer)
    }
    width = _PAD * 2 + len(layers) * (_WIDTH + _GAP_X) - _GAP_X
    height = _PAD * 2 + tallest * (_HEIGHT + _GAP_Y) - _GAP_Y
    lines = Markup("").join(_edge(places, *edge) for edge in kept)
    boxes = Markup("").join(_node(known[name], place) for name, place in places.items())
    return Markup(
        '<div class="scroll graph" tabindex="0" role="region" aria-label="{label}">'
        '<svg style="max-width:{w}px;min-width:{least}px" '
        'viewBox="0 0 {w} {h}" role="group" aria-label="{label}"><title>{label}</title>{lines}{boxes}</svg></div>'
    ).format(label=words.visible(label), w=width, h=height, lines=lines, boxes=boxes, least=round(width * 0.78))


def arrange(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the layers: each thing right of all that it came from, near to them in height."""
    sources: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        sources[target].append(source)
    depth: dict[str, int] = {}
    for name in names:
        _depth(name, sources, depth)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name in names:
        layers[depth[name]].append(name)
    _pull_right(layers, edges, depth)
    layers = [layer for layer in layers if layer]
    place: dict[str, float] = {}
    for layer in layers:
        layer.sort(key=lambda name: _middle([place[s] for s in sources[name] if s in place]))
        place |= {name: float(at) for at, name in enumerate(layer)}
    return layers


def _depth(start: str, sources: Mapping[str, Sequence[str]], depth: dict[str, int]) -> None:
    """Set how many steps a thing is from its furthest origin, without recursion and safe against rings."""
    stack, entered = [start], set()
    while stack:
        name = stack[-1]
        waiting = [each for each in sources[name] if each not in depth and each not in entered]
        if name in depth:
            stack.pop()
        elif waiting and name not in entered:
            entered.add(name)
            stack += waiting
        else:
            depth[name] = max((depth[each] + 1 for each in sources[name] if each in depth), default=0)
            stack.pop()


def _pull_right(layers: list[list[str]], edges: Sequence[tuple[str, str]], depth: dict[str, int]) -> None:
    """Move things without origin next to what came from them."""
    targets: dict[str, list[int]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(depth[target])
    for name in list(layers[0]) if layers else []:
        nearest = min(targets.get(name, [1])) - 1
        if nearest > 0 and not any(target == name for _, target in edges):
            layers[0].remove(name)
            layers[nearest].append(name)


def _middle(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _edge(places: Mapping[str, tuple[int, int]], source: str, relation: str, target: str) -> Markup:
    (x1, y1), (x2, y2) = places[source], places[target]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = max((x2 - x1) // 2, 24)
    return Markup(
        '<path class="edge" d="M{x1} {y1}C{b1} {y1} {b2} {y2} {end} {y2}M{end} {up}L{x2} {y2}L{end} {down}">'
        "<title>{relation}</title></path>"
    ).format(
        x1=x1,
        y1=y1,
        b1=x1 + bend,
        b2=x2 - bend,
        x2=x2 - 2,
        y2=y2,
        end=x2 - 7,
        up=y2 - 4,
        down=y2 + 4,
        relation=words.visible(relation.replace("_", " ")),
    )


def _node(node: Node, place: tuple[int, int]) -> Markup:
    x, y = place
    name = words.visible(node.name)
    return Markup(
        '<a href="{href}" class="node kind-{kind}{start}"><title>{kind} {full}</title>'
        '<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>'
        '<text class="kind" x="{tx}" y="{y1}">{kind_text}</text><text class="name" x="{tx}" y="{y2}">{name}</text></a>'
    ).format(
        href=node.href,
        kind=node.kind,
        start=" start" if node.is_start else "",
        full=name,
        x=x,
        y=y,
        w=_WIDTH,
        h=_HEIGHT,
        tx=x + 12,
        y1=y + 18,
        y2=y + 35,
        kind_text=node.kind.replace("_", " "),
        name=words.clip(name, 20),
    )
