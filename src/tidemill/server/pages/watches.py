"""What monitoring says of an endpoint, drawn: traffic, latency, errors, performance, drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tidemill.core.moments import to_ms
from tidemill.monitoring.records import Performance, Status, Window
from tidemill.server.pages import words
from tidemill.server.pages.charts.bars import stacked_shares
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import Axes, Line, Point, line_chart
from tidemill.server.pages.charts.strips import Cell, Row, heat_strip
from tidemill.server.pages.tones import series_tone, tone_of

_MOST_DRIFT_ROWS = 14


@dataclass(frozen=True, slots=True)
class Charts:
    """The drawings of an endpoint's windows."""

    traffic: Markup
    latency: Markup
    errors: Markup
    performance: Markup | None
    performance_reason: str
    drift: Markup | None
    drift_reason: str


def figures(status: Status) -> list[tuple[str, str, str]]:
    """Return the numbers at the head of the page."""
    latest = next((each for each in reversed(status.windows) if each.rows), None)
    total = status.rows + status.fresh_rows
    requests = total + status.failures
    found = [
        ("Predictions", words.count(total), "rows"),
        ("Errors", words.percent(status.faults / requests if requests else None), "of requests"),
        ("Refused", words.percent((status.failures - status.faults) / requests if requests else None), "by their rows"),
    ]
    if latest and latest.latency:
        found += [
            ("Latency, median", words.millis(latest.latency.p50), ""),
            ("Latency, p99", words.millis(latest.latency.p99), ""),
        ]
    judged = last_performance(status.windows)
    if judged and judged.performance:
        per = judged.performance
        found.append((f"{per.metric}, latest window", words.fixed(per.value), _range(per.low, per.high)))
    return found


def _range(low: float | None, high: float | None) -> str:
    return f"{words.fixed(low)} to {words.fixed(high)}" if low is not None and high is not None else ""


def last_performance(windows: Sequence[Window]) -> Window | None:
    """Return the latest window whose performance has a value."""
    return next((each for each in reversed(windows) if each.performance and each.performance.value is not None), None)


def charts(status: Status) -> Charts | None:
    """Return the drawings; None before the first window."""
    windows = [each for each in status.windows if each.rows or each.failures]
    if not windows:
        return None
    judged = [each.performance for each in windows if each.performance]
    drifts = [each.drift for each in windows if each.drift]
    return Charts(
        traffic=_traffic(windows),
        latency=_latency(windows),
        errors=_errors(windows),
        performance=_performance(windows) if judged else None,
        performance_reason=_latest_reason(windows),
        drift=_drift(windows) if drifts else None,
        drift_reason=drifts[-1].reason if drifts else "",
    )


def _latest_reason(windows: Sequence[Window]) -> str:
    """Return what is said of the latest window that has a value, or else of the latest one."""
    judged = [each.performance for each in windows if each.performance]
    valued = [each for each in judged if each.value is not None]
    return (valued or judged)[-1].reason if judged else ""


def _middle_ms(window: Window) -> float:
    return (to_ms(window.start) + to_ms(window.end)) / 2


def version_tone(version: int) -> str:
    """Return the tone of a model version, the same in all charts."""
    return series_tone(version - 1)


def _traffic(windows: Sequence[Window]) -> Markup:
    versions = sorted({(each.model, each.version) for window in windows for each in window.versions if each.rows})
    series = [
        (
            f"{model}@{version}",
            version_tone(version),
            [
                float(sum(each.rows for each in window.versions if (each.model, each.version) == (model, version)))
                for window in windows
            ],
        )
        for model, version in versions
    ]
    told = f"{words.count(sum(window.rows for window in windows))} predictions in {len(windows)} windows."
    return stacked_shares(
        Frame("Predictions by version, rows per window", told), [float(to_ms(each.start)) for each in windows], series
    )


def _latency(windows: Sequence[Window]) -> Markup:
    lines = []
    for tone, name in (("1", "p50"), ("3", "p95"), ("4", "p99")):
        points = [
            Point(_middle_ms(window), float(getattr(window.latency, name)))
            for window in windows
            if window.latency is not None
        ]
        lines.append(Line({"p50": "median"}.get(name, name), points, tone))
    return line_chart(
        Frame("Time to an answer, ms", "Quantiles by window."), lines, Axes(is_time=True, unit=" ms", low=0)
    )


def _errors(windows: Sequence[Window]) -> Markup:
    faults = [_share(window, window.faults) for window in windows]
    refused = [_share(window, window.failures - window.faults) for window in windows]
    worst = max((point.y or 0 for point in faults), default=0)
    frame = Frame(
        "Requests that were not answered, %",
        f"Errors of ours: at most {words.number(worst)} percent in a window. Refused: for what their clients sent.",
    )
    lines = [Line("errors", faults, "4"), Line("refused", refused, "3")]
    return line_chart(frame, lines, Axes(is_time=True, unit=" %", low=0, high=1))


def _share(window: Window, count: int) -> Point:
    total = window.rows + window.failures
    return Point(_middle_ms(window), count / total * 100 if total else None)


def _performance(windows: Sequence[Window]) -> Markup:
    points: list[Point] = []
    metric = ""
    for window in windows:
        per = window.performance
        if per is None or per.value is None:
            continue
        metric = per.metric
        main = max(window.versions, key=lambda each: each.rows, default=None)
        note = f"{main.model}@{main.version}, {per.verdict}" if main else per.verdict
        note += "" if per.is_mature else f", {words.percent(per.share)} of truths so far"
        tone = version_tone(main.version) if main else "1"
        note += f"; {_beside_baseline(per)}" if per.difference is not None else ""
        points.append(Point(_middle_ms(window), per.value, per.low, per.high, tone, note))
    if not points:
        return Markup('<p class="quiet">No window has enough truths yet.</p>')
    is_loss = metric in {"log_loss", "brier", "mae", "rmse"}
    told = f"{metric} from {words.fixed(points[0].y)} to {words.fixed(points[-1].y)} over {len(points)} windows."
    better = "lower is better" if is_loss else "higher is better"
    frame = Frame(f"{metric} by window with its interval, {better}; dots coloured by version", told, 15.0)
    lines = [Line(metric, points, "6", dots=True), *_baselines(windows)]
    return line_chart(frame, lines, Axes(is_time=True))


def _beside_baseline(per: Performance) -> str:
    low, high = per.difference_low, per.difference_high
    ends = f" ({low:+.3f} to {high:+.3f})" if low is not None and high is not None else ""
    return f"{per.difference or 0.0:+.3f}{ends} beside the baseline"


def _baselines(windows: Sequence[Window]) -> list[Line]:
    """Return what the windows are held against: each version has a baseline of its own, and so a window may too."""
    held = [(_middle_ms(each), each.performance) for each in windows if each.performance]
    if not any(per.baseline for _, per in held):
        return []
    points = [_baseline_point(at, per) for at, per in held]
    return [Line("baseline", points, "3", dots=True)]


def _baseline_point(at: float, per: Performance) -> Point:
    found = per.baseline
    if found is None:
        return Point(at, None)
    if not found.gates:
        return Point(at, found.value, note=f"as stated; may be worse by {per.allowed:g}")
    versions = " and ".join(gate.ref for gate in found.gates)
    note = f"at the gate of {versions}; may be worse by {per.allowed:g}"
    return Point(at, found.value, found.low, found.high, note=note)


def _drift(windows: Sequence[Window]) -> Markup:
    judged = [window for window in windows if window.drift]
    names: dict[str, float] = {}
    for window in judged:
        for column in window.drift.columns if window.drift else []:
            names[column.column] = max(names.get(column.column, 0.0), column.score)
    ordered = sorted(names, key=lambda name: -names[name])[:_MOST_DRIFT_ROWS]
    span_s = (judged[-1].end - judged[0].start).total_seconds()
    starts = [words.day_or_minute(window.start, span_s) for window in judged]
    rows = [_drift_row(name, judged) for name in ordered]
    left = len(names) - len(ordered)
    caption = "Drift of each column against the training data; stronger is further, red is an alarm"
    return heat_strip(caption + (f" ({left} calmer columns are not shown)" if left > 0 else ""), starts, rows)


def _drift_row(name: str, judged: Sequence[Window]) -> Row:
    cells: list[Cell | None] = []
    latest = ""
    for window in judged:
        found = next((each for each in window.drift.columns if each.column == name), None) if window.drift else None
        if found is None:
            cells.append(None)
            continue
        tone = {"fail": "bad", "warn": "warn"}.get(found.verdict, "good" if found.verdict == "pass" else "idle")
        label = (
            f"{name}, {window.start:%Y-%m-%d}: {found.verdict}, distance {words.number(found.effect)}. {found.reason}"
        )
        strength = (found.effect or 0.0) / max(found.tolerance * 2, 1e-9)
        cells.append(Cell(strength, tone, label))
        latest = f"{words.fixed(found.effect)} of {words.fixed(found.tolerance)}"
    return Row(name.removeprefix("output.") + (" (output)" if name.startswith("output.") else ""), cells, latest)


def brief(values: Mapping[str, object], most: int = 3) -> str:
    """Return a few named values in a line."""
    shown = [f"{name} {brief_value(value)}" for name, value in list(values.items())[:most]]
    return ", ".join(shown) + (" …" if len(values) > most else "")


def brief_value(value: object) -> str:
    """Return a value in a few characters."""
    if value is None:
        return words.NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    return words.clip(words.number(value), 40)


def health(status: Status) -> tuple[str, str]:
    """Return the tone and the state of an endpoint's watch in a few words."""
    if status.alerts:
        kinds = sorted({each.kind.value for each in status.alerts})
        return "bad", f"{len(status.alerts)} open: {', '.join(kinds)}"
    judged = last_performance(status.windows)
    if judged and judged.performance:
        return tone_of(judged.performance.verdict), f"performance {judged.performance.verdict}"
    drift = next((each.drift for each in reversed(status.windows) if each.drift), None)
    if drift:
        return tone_of(drift.verdict), f"drift {drift.verdict}"
    return "idle", "nothing judged yet"
