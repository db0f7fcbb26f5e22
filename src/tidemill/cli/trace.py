"""`tidemill trace`."""

import click

from tidemill.cli.output import client, common, show, wants_json
from tidemill.client.client import part
from tidemill.ledger.records import Edge, Trace

_INDENT = "   "


@click.command("trace")
@click.argument("ref")
@click.option("--down", "direction", flag_value="down", help="What came from it, rather than what it came from.")
@click.option("--both", "direction", flag_value="both", help="Both ways.")
@common
def trace(ref: str, direction: str | None) -> None:
    """Show what REF came from: a version such as flights@3 or delay@champion, an id, or kind:id.

    Of a version of a dataset it also shows what came from it.
    """
    way = direction or "up"
    with client() as api:
        path = f"/api/v1/trace/{part(ref)}"
        found = api.get(path, Trace, direction=way, named=True)
        if direction is None and found.start.startswith("dataset_version:"):
            way = "both"
            found = api.get(path, Trace, direction=way, named=True)
    if wants_json():
        show(found)
        return
    click.secho(_called(found, found.start), bold=True)
    for line in _tree(found, way):
        click.echo(line)
    if not found.complete:
        click.secho("… and more: ask for a thing nearer to what you look for.", err=True)


def _tree(found: Trace, direction: str) -> list[str]:
    lines: list[str] = []
    if direction in {"up", "both"}:
        _branch(found, found.start, up=True, depth=1, shown=set(), lines=lines)
    if direction in {"down", "both"}:
        _branch(found, found.start, up=False, depth=1, shown=set(), lines=lines)
    return lines


def _branch(found: Trace, at: str, *, up: bool, depth: int, shown: set[str], lines: list[str]) -> None:
    """Write the edges at a thing, each thing's own edges once."""
    for edge in found.edges:
        here, there = (edge.target, edge.source) if up else (edge.source, edge.target)
        if here != at:
            continue
        seen = "  (see above)" if there in shown else ""
        lines.append(f"{_INDENT * depth}{_arrow(edge, up=up)} {_called(found, there)}{seen}")
        if there not in shown:
            shown.add(there)
            _branch(found, there, up=up, depth=depth + 1, shown=shown, lines=lines)


def _arrow(edge: Edge, *, up: bool) -> str:
    return f"<- {edge.relation} -" if up else f"- {edge.relation} ->"


def _called(found: Trace, ref: str) -> str:
    name = found.names.get(ref)
    return f"{ref}  {name}" if name else ref
