"""How the demo speaks."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import click


class Month(NamedTuple):
    """One month of the story."""

    name: str
    flights: int
    told: int
    versions: list[int]
    as_is: float
    loop: float
    loop_low: float
    loop_high: float
    alerts: int
    decision: str
    reason: str
    example: str


def say(text: str) -> None:
    """Say something that matters."""
    click.secho(text, bold=True)


def act(number: int, title: str) -> None:
    """Begin an act."""
    click.echo()
    click.secho(f"{number}. {title}", bold=True, fg="cyan")


def aside(text: str) -> None:
    """Say a detail."""
    click.echo(f"   {text}")


@contextmanager
def progress_line(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that tells how many flights were sent; a line that moves on a terminal, one line elsewhere."""
    started, moving = time.monotonic(), sys.stdout.isatty()
    last = 0

    def tell(sent: int) -> None:
        nonlocal last
        last = sent
        if moving:
            share = int(30 * sent / max(total, 1))
            click.echo(f"\r   {name:<10} {'#' * share}{'.' * (30 - share)} {sent:>6,} of {total:,} flights", nl=False)

    yield tell
    elapsed = time.monotonic() - started
    start = "\r" if moving else ""
    click.echo(f"{start}   {name:<10} {last:>6,} of {total:,} flights sent{'':<30} {elapsed:4.1f} s")


def summary(months: Sequence[Month]) -> None:
    """Write the table of the year."""
    click.secho("   month      served   as is   loop            gain    alerts  decision before it", bold=True)
    for month in months:
        versions = "v" + ",".join(map(str, month.versions))
        interval = f"({month.loop_low:.3f}-{month.loop_high:.3f})"
        gain = month.loop - month.as_is
        click.echo(
            f"   {month.name:<10} {versions:<8} {month.as_is:.3f}   {month.loop:.3f} {interval}  {gain:+.3f}  "
            f"{month.alerts:>6}  {month.decision}"
        )
    as_is = sum(month.as_is for month in months) / len(months)
    loop = sum(month.loop for month in months) / len(months)
    click.secho(f"   {'mean':<19} {as_is:.3f}   {loop:.3f} {'':<13}  {loop - as_is:+.3f}", bold=True)
    for month in months:
        if month.reason:
            aside(f"{month.name}: {month.decision}: {month.reason}")


def trace_lines(trace: dict[str, Any], identifier: str) -> None:
    """Write the ancestry of a prediction, from the answer down to code and data."""
    by_target: dict[str, list[tuple[str, str]]] = {}
    for edge in trace["edges"]:
        by_target.setdefault(edge["target"], []).append((edge["relation"], edge["source"]))
    labels = trace.get("labels", {})
    seen = set()

    def walk(ref: str, depth: int, relation: str) -> None:
        label = labels.get(ref, "")
        arrow = "" if depth == 0 else f"{relation} "
        aside(f"{'  ' * depth}{arrow}{ref}{f'  {label}' if label else ''}")
        if ref in seen:
            return
        seen.add(ref)
        for inner, source in by_target.get(ref, []):
            walk(source, depth + 1, f"<- {inner}:")

    walk(f"prediction:{identifier}", 0, "")
