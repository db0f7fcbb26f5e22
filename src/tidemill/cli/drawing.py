"""How far something is, drawn on a terminal."""

import sys
from collections.abc import Mapping
from shutil import get_terminal_size
from typing import Protocol

import click

_WIDTH = 24


class Drawn(Protocol):
    """How far something is."""

    @property
    def doing(self) -> str:
        """What is done; empty when nothing is."""
        ...

    @property
    def done(self) -> int:
        """How much of it is done."""
        ...

    @property
    def total(self) -> int:
        """How much there is of it; 0 when that is not known."""
        ...


class Bar:
    """One line of a terminal that is drawn anew; nothing where there is no terminal.

    Args:
        counted: Which counts are told, and by which word.
        unit: What is counted on the way to the end, when that is not said by what is done.
    """

    def __init__(self, counted: Mapping[str, str], *, unit: str = "") -> None:
        self._counted = counted
        self._unit = f" {unit}" if unit else ""
        self.is_drawn = sys.stderr.isatty()

    def draw(self, report: Drawn) -> None:
        """Draw how far it is."""
        if not self.is_drawn or not report.doing:
            return
        line = f"{report.doing}: {report.done:,}"
        if report.total:
            full = min(_WIDTH, _WIDTH * report.done // report.total)
            line = f"[{'#' * full}{'-' * (_WIDTH - full)}] {report.doing}: {report.done:,} of {report.total:,}"
        line += self._unit
        held: Mapping[str, int] = getattr(report, "counts", {})
        counts = ", ".join(f"{held.get(name, 0):,} {word}" for name, word in self._counted.items())
        line = f"{line}{'; ' if counts else ''}{counts}"
        # A line that the terminal breaks could not be drawn anew.
        click.echo(f"\r\x1b[K{line[: get_terminal_size().columns - 1]}", err=True, nl=False)

    def clear(self) -> None:
        """Make room for what is written next."""
        if self.is_drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
