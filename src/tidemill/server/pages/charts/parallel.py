"""Parallel coordinates: an upright axis a column, a strand a thing.

The drawing says of each axis what its places mean, and of each strand where it crosses them: a script lets the reader
keep ranges of axes, and what is drawn here stays readable without it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from markupsafe import Markup

from tidemill.server.pages import words
from tidemill.server.pages.charts.scales import Scale, Tick, decades, nice

_MOST_WORDS = 8
_MANY, _VERY_MANY = 20, 80
_FAR_APART = 100.0
"""From this factor between the largest and the smallest value on, an axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class Column:
    """One axis: a value for each thing, all numbers or all words; None where it has none."""

    name: str
    values: Sequence[float | str | None]
    key: str = ""

    @property
    def is_number(self) -> bool:
        """Whether all that it has are numbers."""
        return all(isinstance(value, int | float) for value in self.values if value is not None)


@dataclass(frozen=True, slots=True)
class Strand:
    """A thing, its tone, and where it is shown; `at` is the place of its colour from 0 to 100 where a value gives it.

    A strand that is coloured by a value which it does not have is `idle`.
    """

    name: str
    tone: str
    href: str
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the values of a column stand.

    Args:
        places: Of each thing, in thousandths from the top; None where it has no value.
        ticks: Places with their labels.
        scale: Of numbers; None for words.
        words: Of words: each with its place.
    """

    places: Sequence[float | None]
    ticks: Sequence[tuple[float, str]]
    scale: Scale | None
    words: Sequence[tuple[float, str]]


def parallel(title: str, columns: Sequence[Column], strands: Sequence[Strand], height: float = 19.0) -> Markup:
    """Return the drawing; each strand is a link that stands out under the pointer and the focus."""
    if len(columns) < 2:
        return Markup('<p class="quiet">Choose two columns or more.</p>')
    axes = [axis_of(column) for column in columns]
    xs = [round(at * 1000 / (len(columns) - 1), 1) for at in range(len(columns))]
    uprights = Markup("").join(Markup('<path class="upright" d="M{} 0V1000"/>').format(x) for x in xs)
    paths = Markup("").join(
        _strand(strand, xs, [axis.places[at] for axis in axes]) for at, strand in enumerate(strands)
    )
    labels = Markup("").join(_labels(column, x, axis) for column, x, axis in zip(columns, xs, axes, strict=True))
    crowd = " very-many" if len(strands) > _VERY_MANY else " many" if len(strands) > _MANY else ""
    return Markup(
        '<figure class="chart" data-axes="{told}"><figcaption>{title}</figcaption><div class="scroll" tabindex="0" '
        'role="region" aria-label="{title}"><div class="plot strands{crowd}" '
        'style="height:{height}rem;min-width:{width}rem"><svg role="group" aria-label="{title}" '
        'viewBox="0 0 1000 1000" preserveAspectRatio="none">{uprights}{paths}</svg>{labels}</div></div></figure>'
    ).format(
        told=_told(columns, axes),
        title=words.visible(title),
        crowd=crowd,
        height=height,
        width=(len(columns) - 1) * 8,
        uprights=uprights,
        paths=paths,
        labels=labels,
    )


def axis_of(column: Column) -> Axis:
    """Return where the values of a column stand; values that are not finite stand nowhere."""
    numbers = [value for value in column.values if isinstance(value, int | float) and math.isfinite(value)]
    if numbers and column.is_number:
        scale, ticks = _scale(min(numbers), max(numbers))
        places = [_place(scale, value) for value in column.values]
        return Axis(places, [(1000 - scale.at(tick.value), tick.label) for tick in ticks], scale, ())
    known = sorted({str(value) for value in column.values if value is not None and not isinstance(value, float)})
    steps = {
        word: 500.0 if len(known) == 1 else round(1000 * at / (len(known) - 1), 1) for at, word in enumerate(known)
    }
    every = -(-len(known) // _MOST_WORDS) or 1
    return Axis(
        [steps.get(str(value)) if value is not None else None for value in column.values],
        [(steps[word], word) for word in known[::every]],
        None,
        [(steps[word], word) for word in known],
    )


def _scale(low: float, high: float) -> tuple[Scale, list[Tick]]:
    return decades(low, high, 5) if low > 0 and high / low >= _FAR_APART else nice(low, high, 5)


def _place(scale: Scale, value: float | str | None) -> float | None:
    is_drawn = isinstance(value, int | float) and math.isfinite(value)
    return round(1000 - scale.at(float(value)), 2) if is_drawn and value is not None else None


def _told(columns: Sequence[Column], axes: Sequence[Axis]) -> str:
    """Return what a script has to know of the axes."""
    told = [
        {
            "key": column.key or column.name,
            "name": words.visible(column.name),
            "scale": [axis.scale.low, axis.scale.high, axis.scale.is_log] if axis.scale else None,
            "words": [[place, word] for place, word in axis.words],
        }
        for column, axis in zip(columns, axes, strict=True)
    ]
    return msgspec.json.encode(told).decode()


def _strand(strand: Strand, xs: Sequence[float], ys: Sequence[float | None]) -> Markup:
    stretches: list[list[str]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{x} {y:.1f}")
    drawn = "".join("M" + "L".join(each if len(each) > 1 else [*each, *each]) for each in stretches if each)
    by_value = Markup(' style="--at:{:.1f}%"').format(strand.at) if strand.at is not None else ""
    return Markup(
        '<a href="{href}" class="strand {tone}"{by_value} data-at="{at}"><title>{name}</title>'
        '<path class="line" d="{d}"/></a>'
    ).format(
        href=strand.href,
        tone="by-value" if strand.at is not None else f"tone-{strand.tone}",
        by_value=by_value,
        at=msgspec.json.encode(ys).decode(),
        name=words.visible(strand.name),
        d=drawn,
    )


def _labels(column: Column, x: float, axis: Axis) -> Markup:
    told = Markup("").join(
        Markup('<span class="mark" style="left:{:.2f}%;top:{:.2f}%">{}</span>').format(
            x / 10, y / 10, words.visible(words.clip(text, 14))
        )
        for y, text in axis.ticks
    )
    return Markup('<span class="axis-name" style="left:{:.2f}%" title="{}">{}</span>{}').format(
        x / 10, words.visible(column.name), words.visible(words.clip(column.name, 60)), told
    )
