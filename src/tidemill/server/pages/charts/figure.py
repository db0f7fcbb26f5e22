"""What all charts share: the figure, its title and description, ticks, legend and the table of its numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from markupsafe import Markup, escape

from tidemill.server.pages import words
from tidemill.server.pages.charts.scales import Scale, Tick

_FOCUS = Markup(' tabindex="0" role="group" aria-label="{}; arrow keys read the values"')


@dataclass(frozen=True, slots=True)
class Hover:
    """What the pointer, or the arrow keys, can read at one place of a chart.

    Args:
        place: Thousandths from the left.
        label: What stands there.
        lines: The name, tone and text of each value.
    """

    place: float
    label: str
    lines: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chart says of itself.

    Args:
        title: What is shown, with its unit.
        description: The finding in a sentence, for who does not see it.
        height: Of the drawing, in rem.
    """

    title: str
    description: str = ""
    height: float = 13.0


def figure(
    frame: Frame,
    drawing: Iterable[Markup],
    *,
    x_ticks: Sequence[tuple[float, str]] = (),
    y_ticks: Sequence[tuple[float, str]] = (),
    notes: Sequence[tuple[float, str]] = (),
    legend: Sequence[tuple[str, str]] = (),
    hovers: Sequence[Hover] = (),
    table: Markup | None = None,
) -> Markup:
    """Return a chart.

    Args:
        frame: Its title, description and height.
        drawing: Marks in a square of 1000 by 1000 that is stretched to the figure.
        x_ticks: Thousandths from the left with a label.
        y_ticks: Thousandths from the top with a label.
        notes: Labels at the right end of horizontal rules, in thousandths from the top.
        legend: The tone and name of each series.
        hovers: What can be read at which place.
        table: The numbers.
    """
    grid = Markup("").join(Markup('<path class="grid" d="M0 {0:.1f}H1000"/>').format(place) for place, _ in y_ticks)
    ticks = Markup("").join(
        [
            *(Markup('<span class="y" style="top:{:.2f}%">{}</span>').format(at / 10, text) for at, text in y_ticks),
            *(
                Markup('<span class="x{}" style="left:{:.2f}%">{}</span>').format(
                    " minor" if place % 2 and len(x_ticks) > 3 else "", at / 10, text
                )
                for place, (at, text) in enumerate(x_ticks)
            ),
            *(Markup('<span class="note" style="top:{:.2f}%">{}</span>').format(at / 10, text) for at, text in notes),
        ]
    )
    keys = Markup("").join(
        Markup('<li><span class="key tone-{}"></span>{}</li>').format(tone, words.visible(name))
        for tone, name in legend
    )
    data = msgspec.json.encode([[h.place, words.visible(h.label), h.lines] for h in hovers]).decode() if hovers else ""
    return Markup(
        '<figure class="chart"{hover}><figcaption>{title}</figcaption>{legend}'
        '<div class="plot{y}" style="height:{height}rem"{focus}><svg role="img" aria-label="{label}" '
        'viewBox="0 0 1000 1000" preserveAspectRatio="none">'
        "<title>{title}</title><desc>{description}</desc>{grid}{drawing}</svg>{ticks}</div>{table}</figure>"
    ).format(
        hover=Markup(" data-hover='{}'").format(data) if data else "",
        focus=_FOCUS.format(words.visible(frame.title)) if data else "",
        title=words.visible(frame.title),
        label=words.visible(f"{frame.title}. {frame.description}"),
        description=words.visible(frame.description),
        legend=Markup('<ul class="legend">{}</ul>').format(keys) if legend else "",
        y=" has-y" if y_ticks else "",
        height=frame.height,
        grid=grid,
        drawing=Markup("").join(drawing),
        ticks=ticks,
        table=table or "",
    )


def numbers_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, most: int = 500) -> Markup:
    """Return the numbers of a chart as a table that opens on demand."""
    columns = Markup("").join(Markup("<th scope=col>{}</th>").format(words.visible(name)) for name in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td>{}</td>").format(escape(words.visible(cell) if isinstance(cell, str) else cell))
                for cell in row
            )
        )
        for row in list(rows)[:most]
    )
    return Markup(
        '<details class="numbers"><summary>Numbers</summary><div class="scroll" tabindex="0" role="region" '
        'aria-label="Numbers"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>'
    ).format(columns, body)


def down(scale: Scale, ticks: Iterable[Tick]) -> list[tuple[float, str]]:
    """Return ticks of a vertical axis, in thousandths from the top."""
    return [(1000 - scale.at(tick.value), tick.label) for tick in ticks]


def across(scale: Scale, ticks: Iterable[Tick]) -> list[tuple[float, str]]:
    """Return ticks of a horizontal axis, in thousandths from the left."""
    return [(scale.at(tick.value), tick.label) for tick in ticks]
