"""Dots by two values."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.server.pages import words
from tidemill.server.pages.charts.figure import Frame, Hover, across, down, figure, numbers_table
from tidemill.server.pages.charts.scales import nice


@dataclass(frozen=True, slots=True)
class Dot:
    """A thing with two values, and where it is shown."""

    name: str
    x: float
    y: float
    tone: str
    href: str


def scatter(frame: Frame, dots: Sequence[Dot], x_name: str, y_name: str) -> Markup:
    """Return dots, each a link; an empty note when there is nothing to draw."""
    if not dots:
        return Markup('<p class="quiet">Nothing to draw: no run has both {} and {}.</p>').format(
            words.visible(x_name), words.visible(y_name)
        )
    x_scale, x_marks = nice(min(dot.x for dot in dots), max(dot.x for dot in dots))
    y_scale, y_marks = nice(min(dot.y for dot in dots), max(dot.y for dot in dots))
    drawing = [
        Markup('<a href="{}"><title>{}</title><path class="dot tone-{}" d="M{} {:.1f}h0"/></a>').format(
            dot.href, words.visible(dot.name), dot.tone, x_scale.at(dot.x), 1000 - y_scale.at(dot.y)
        )
        for dot in dots
    ]
    by_x: dict[float, list[tuple[str, str, str]]] = {}
    for dot in dots:
        by_x.setdefault(dot.x, []).append((words.visible(dot.name), dot.tone, f"{words.number(dot.y)}"))
    rows = [[dot.name, words.number(dot.x), words.number(dot.y)] for dot in dots]
    return figure(
        frame,
        drawing,
        x_ticks=across(x_scale, x_marks),
        y_ticks=down(y_scale, y_marks),
        hovers=[Hover(x_scale.at(x), f"{x_name} {words.number(x)}", tuple(told)) for x, told in sorted(by_x.items())],
        table=numbers_table(["run", x_name, y_name], rows),
    )
