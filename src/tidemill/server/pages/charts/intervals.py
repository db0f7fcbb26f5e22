"""An interval on a small axis, held against a threshold: how a rule was judged."""

from dataclasses import dataclass

from markupsafe import Markup

from tidemill.server.pages import words
from tidemill.server.pages.charts.scales import Scale


@dataclass(frozen=True, slots=True)
class Judged:
    """What was measured, where the truth lies, and what it is held against.

    Args:
        value: What was measured.
        low: Lower end of the interval; None when it has none.
        high: Upper end.
        bound: The threshold.
        is_above: Whether good is above the threshold.
        champion: The same measure of the champion.
        tone: good, bad, warn or idle.
    """

    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    is_above: bool = True
    champion: float | None = None
    tone: str = "idle"


def interval(judged: Judged, label: str) -> Markup:
    """Return the drawing; nothing where there is no number."""
    ends = [judged.value, judged.low, judged.high, judged.bound, judged.champion]
    known = [end for end in ends if end is not None]
    if judged.value is None or not known:
        return Markup("")
    pad = (max(known) - min(known)) * 0.12 or abs(known[0]) * 0.1 or 1.0
    scale = Scale(min(known) - pad, max(known) + pad)
    parts = [_allowed(judged, scale), Markup('<path class="axis" d="M0 500H1000"/>')]
    if judged.low is not None or judged.high is not None:
        left = scale.at(judged.low) if judged.low is not None else 0.0
        right = scale.at(judged.high) if judged.high is not None else 1000.0
        parts.append(Markup('<path class="whisker tone-{}" d="M{} 500H{}"/>').format(judged.tone, left, right))
    if judged.champion is not None:
        parts.append(Markup('<path class="champion" d="M{0} 250V750"/>').format(scale.at(judged.champion)))
    if judged.bound is not None:
        parts.append(Markup('<path class="bound" d="M{0} 80V920"/>').format(scale.at(judged.bound)))
    parts.append(Markup('<path class="dot tone-{}" d="M{} 500h0"/>').format(judged.tone, scale.at(judged.value)))
    return Markup(
        '<div class="interval"><svg role="img" aria-label="{label}" viewBox="0 0 1000 1000" preserveAspectRatio="none">'
        "{parts}</svg>{texts}</div>"
    ).format(label=words.visible(label), parts=Markup("").join(parts), texts=_texts(judged, scale))


def _allowed(judged: Judged, scale: Scale) -> Markup:
    if judged.bound is None:
        return Markup("")
    at = scale.at(judged.bound)
    left, width = (at, 1000 - at) if judged.is_above else (0.0, at)
    return Markup('<rect class="allowed" x="{}" y="80" width="{}" height="840"/>').format(left, width)


def _texts(judged: Judged, scale: Scale) -> Markup:
    """Return the labels, the value above and the threshold below, turned away from an edge that they are near."""
    labels = []
    for value, kind, name in ((judged.value, "value", ""), (judged.bound, "bound", "threshold ")):
        if value is None:
            continue
        at = scale.at(value)
        side = "from-left" if at < 150 else "from-right" if at > 850 else ""
        labels.append(
            Markup('<span class="{} {}" style="left:{:.1f}%">{}{}</span>').format(
                kind, side, at / 10, name, words.shortest(value)
            )
        )
    return Markup("").join(labels)
