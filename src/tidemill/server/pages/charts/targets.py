"""A target over the bins of a column: its value as dots with their intervals, the rows of each bin as bars."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.server.pages import words
from tidemill.server.pages.charts.figure import Frame, Hover, down, figure, numbers_table
from tidemill.server.pages.charts.scales import Scale, nice

_BARS_HIGH = 300
"""How much of the height, in thousandths, the bars of rows may take."""

_GAP = 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """A bin: what stands on its left end, its name, its rows, and the target in it with the ends of its interval."""

    start: str
    name: str
    rows: int
    value: float
    low: float
    high: float


def target_chart(frame: Frame, steps: Sequence[Step], overall: float, name: str, last: str) -> Markup:
    """Return a chart of the target by bin; bins are equally wide, however far apart their ends are.

    Args:
        frame: The figure's words.
        steps: The bins in order, at least one.
        overall: The target over all bins, a rule across.
        name: What the target's value is.
        last: What stands on the right end of the last bin.
    """
    ends = [overall, *(end for step in steps for end in (step.low, step.high))]
    y_scale, y_marks = nice(min(ends), max(ends), 4)
    width = 1000 / len(steps)
    most = max(step.rows for step in steps)
    middles = [(at + 0.5) * width for at in range(len(steps))]
    told = [f"{words.number(step.value)} ({words.number(step.low)} to {words.number(step.high)})" for step in steps]
    hovers = [
        Hover(middle, step.name, ((name, "1", text), ("rows", "6", words.count(step.rows))))
        for middle, step, text in zip(middles, steps, told, strict=True)
    ]
    rows = [[step.name, text, words.count(step.rows)] for step, text in zip(steps, told, strict=True)]
    labels = [*(step.start for step in steps), last]
    every = max(1, -(-len(labels) // 7))
    return figure(
        frame,
        [
            *(_bar(at * width, width, step.rows / most) for at, step in enumerate(steps)),
            Markup('<path class="rule tone-idle" d="M0 {:.1f}H1000"/>').format(1000 - y_scale.at(overall)),
            *(_mark(middle, step, y_scale) for middle, step in zip(middles, steps, strict=True)),
            _line(middles, [1000 - y_scale.at(step.value) for step in steps]),
        ],
        x_ticks=[(at * width, label) for at, label in enumerate(labels) if at % every == 0],
        y_ticks=down(y_scale, y_marks),
        notes=[(1000 - y_scale.at(overall), "overall")],
        legend=[("1", name), ("6", "rows of each bin")],
        hovers=hovers,
        table=numbers_table(["bin", name, "rows"], rows),
    )


def _bar(left: float, width: float, share: float) -> Markup:
    high = share * _BARS_HIGH
    return Markup('<rect class="block under tone-6" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        left + _GAP, 1000 - high, width - 2 * _GAP, high
    )


def _mark(x: float, step: Step, y_scale: Scale) -> Markup:
    return Markup(
        '<path class="band tone-1" d="M{0:.1f} {1:.1f}V{2:.1f}"/><path class="dot tone-1" d="M{0:.1f} {3:.1f}h0"/>'
    ).format(x, 1000 - y_scale.at(step.low), 1000 - y_scale.at(step.high), 1000 - y_scale.at(step.value))


def _line(xs: Sequence[float], ys: Sequence[float]) -> Markup:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
    return Markup('<path class="line tone-1" d="M{}"/>').format(path)
