"""How the demo speaks."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import click

_WIDTH = 110


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
    alerts: list[str]
    decision: str
    reason: str
    example: str


def say(text: str) -> None:
    """Say something that matters."""
    click.secho(text, bold=True)


@contextmanager
def act(number: int, title: str) -> Iterator[None]:
    """Tell an act, and at its end how long it took."""
    click.echo()
    click.secho(f"{number}. {title}", bold=True, fg="cyan")
    started = time.monotonic()
    yield
    click.secho(f"   ({time.monotonic() - started:.1f} s)", dim=True)


def aside(text: str) -> None:
    """Say a detail; what is longer than a line goes on under it."""
    inner = len(text) - len(text.lstrip())
    first = "   " + " " * inner
    click.echo(
        textwrap.fill(
            text.strip(),
            _WIDTH,
            initial_indent=first,
            subsequent_indent=f"{first}    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


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
    click.secho("   month      served   as is   loop            gain    alerts before it   decision", bold=True)
    for month in months:
        versions = "v" + ",".join(map(str, month.versions))
        interval = f"({month.loop_low:.3f}-{month.loop_high:.3f})"
        gain = month.loop - month.as_is
        click.echo(
            f"   {month.name:<10} {versions:<8} {month.as_is:.3f}   {month.loop:.3f} {interval}  {gain:+.3f}  "
            f"{', '.join(month.alerts) or '-':<18} {month.decision}"
        )
    as_is = sum(month.as_is for month in months) / len(months)
    loop = sum(month.loop for month in months) / len(months)
    click.secho(f"   {'mean':<19} {as_is:.3f}   {loop:.3f} {'':<13}  {loop - as_is:+.3f}", bold=True)
    for month in months:
        if month.reason:
            aside(f"{month.name}: {month.decision}: {month.reason}")
