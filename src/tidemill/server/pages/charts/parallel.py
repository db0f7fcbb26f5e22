"""Parallel coordinates: an upright axis a column, a strand a thing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.server.pages import words
from tidemill.server.pages.charts.scales import Scale

_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Column:
    """One axis: a value for each thing, all numbers or all words; None where it has none."""

    name: str
    values: Sequence[float | str | None]


@dataclass(frozen=True, slots=True)
class Strand:
    """A thing, its tone, and where it is shown."""

    name: str
    tone: str
    href: str


def parallel(title: str, columns: Sequence[Column], strands: Sequence[Strand], height: float = 19.0) -> Markup:
    """Return the drawing; each strand is a link that stands out under the pointer and the focus."""
    if len(columns) < 2:
        return Markup('<p class="quiet">Choose two columns or more.</p>')
    places = [_places(column) for column in columns]
    xs = [round(at * 1000 / (len(columns) - 1), 1) for at in range(len(columns))]
    axes = Markup("").join(Markup('<path class="upright" d="M{} 0V1000"/>').format(x) for x in xs)
    paths = Markup("").join(
        _strand(strand, xs, [place[at] for place, _ in places]) for at, strand in enumerate(strands)
    )
    labels = Markup("").join(
        _labels(column.name, x, ticks) for column, x, (_, ticks) in zip(columns, xs, places, strict=True)
    )
    return Markup(
        '<figure class="chart"><figcaption>{title}</figcaption><div class="scroll" tabindex="0" role="region" '
        'aria-label="{title}"><div class="plot strands" style="height:{height}rem;min-width:{width}rem">'
        '<svg role="group" aria-label="{title}" viewBox="0 0 1000 1000" preserveAspectRatio="none">{axes}{paths}</svg>'
        "{labels}</div></div></figure>"
    ).format(title=words.visible(title), height=height, width=len(columns) * 6.5, axes=axes, paths=paths, labels=labels)


def _places(column: Column) -> tuple[list[float | None], list[tuple[float, str]]]:
    """Return where each value stands from the top in thousandths, and the ticks."""
    numbers = [value for value in column.values if isinstance(value, int | float) and math.isfinite(value)]
    if all(isinstance(value, int | float) for value in column.values if value is not None) and numbers:
        scale = Scale(min(numbers), max(numbers))
        found = [
            1000 - scale.at(value) if isinstance(value, int | float) and math.isfinite(value) else None
            for value in column.values
        ]
        ends = sorted({scale.low, scale.high})
        return found, [(1000 - scale.at(end), words.number(end)) for end in ends]
    known = sorted({str(value) for value in column.values if value is not None})
    steps = {word: 500.0 if len(known) == 1 else 1000 * at / (len(known) - 1) for at, word in enumerate(known)}
    every = -(-len(known) // _MOST_WORDS) or 1
    ticks = [(steps[word], word) for word in known[::every]]
    return [None if value is None else steps[str(value)] for value in column.values], ticks


def _strand(strand: Strand, xs: Sequence[float], ys: Sequence[float | None]) -> Markup:
    stretches: list[list[str]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{x} {y:.1f}")
    drawn = "".join("M" + "L".join(each if len(each) > 1 else [*each, *each]) for each in stretches if each)
    return Markup(
        '<a href="{0}" class="strand tone-{1}"><title>{2}</title><path class="line tone-{1}" d="{3}"/></a>'
    ).format(strand.href, strand.tone, words.visible(strand.name), drawn)


def _labels(name: str, x: float, ticks: Sequence[tuple[float, str]]) -> Markup:
    told = Markup("").join(
        Markup('<span class="mark" style="left:{:.2f}%;top:{:.2f}%">{}</span>').format(
            x / 10, y / 10, words.visible(words.clip(text, 18))
        )
        for y, text in ticks
    )
    return Markup('<span class="axis-name" style="left:{:.2f}%" title="{}">{}</span>{}').format(
        x / 10, words.visible(name), words.visible(words.clip(name, 18)), told
    )
