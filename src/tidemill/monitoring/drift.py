"""Which columns of a window have drifted beyond what the training data did by itself."""

from collections.abc import Sequence
from datetime import timedelta

from tidemill.checks.drift.judge import DriftVerdict, judge_drift
from tidemill.checks.drift.reference import CategoryReference, ColumnReference, NumericReference, Reference
from tidemill.checks.drift.summary import CategorySummary, NumericSummary, Summary
from tidemill.checks.multiplicity import level_per_window
from tidemill.checks.outcome import Verdict
from tidemill.core.moments import format_duration
from tidemill.monitoring.records import ColumnDrift
from tidemill.monitoring.reference import MonitorReference, Variation, variation_of
from tidemill.monitoring.settings import DriftSettings

_SHOWN = 3
_FEWEST_ROWS = 50
"""About twenty cells are compared: with fewer rows a divergence does not follow the distribution it is held against."""


def judge_window(
    found: MonitorReference, summary: Summary, settings: DriftSettings, window: timedelta
) -> tuple[list[ColumnDrift], str, str, float]:
    """Return the columns of a window with the most important change first, the verdict, its reason and its error rate.

    Each column is held against the larger of the stated tolerance and its own natural variation, at a level that all
    columns share (Bonferroni): if windows vary as the time blocks of the training data do, the chance of any false
    alarm in this window is at most what `false_alarms` allows it.

    Args:
        found: The training data.
        summary: The rows of the window, counted over its bins.
        settings: What is worth a word.
        window: The length of a window.
    """
    level = level_per_window(settings.false_alarms, window)
    chosen = [column for column in found.reference.columns if not settings.columns or column.name in settings.columns]
    share = level / max(1, len(chosen))
    natural = variation_of(found, window, share)
    mean = sum(found.weights.values()) / len(found.weights) if found.weights else 0.0
    columns = []
    for column in chosen:
        variation = natural.get(column.name, Variation())
        tolerance = max(settings.tolerance, variation.limit)
        weight = found.weights.get(column.name, 0.0) / mean if mean > 0 and column.name in found.weights else 1.0
        one = Reference(rows=found.reference.rows, columns=(column,))
        if summary.rows < _FEWEST_ROWS:
            reason = f"{column.name} has too few rows ({summary.rows})."
            blank = DriftVerdict(column=column.name, verdict=Verdict.INCONCLUSIVE, reason=reason)
            columns.append(_column(column, summary, blank, tolerance, variation, weight))
            continue
        (verdict,) = judge_drift(one, summary, tolerance=tolerance, false_alarm_rate=share)
        columns.append(_column(column, summary, verdict, tolerance, variation, weight))
    columns.sort(key=lambda one: (one.verdict != Verdict.FAIL, -one.score, one.column))
    worst = _worst(columns)
    return columns, worst, _reason(columns, worst, settings, window), level


def _column(
    column: ColumnReference,
    summary: Summary,
    verdict: DriftVerdict,
    tolerance: float,
    variation: Variation,
    weight: float,
) -> ColumnDrift:
    effect = verdict.effect
    outside = share_outside(column, summary)
    reason = verdict.reason
    if outside > 0.01:
        reason = f"{reason[:-1]}; {outside:.0%} of the rows are of a kind that training never saw."
    return ColumnDrift(
        column=column.name,
        verdict=verdict.verdict.value,
        effect=effect,
        low=verdict.interval.low if verdict.interval else None,
        high=verdict.interval.high if verdict.interval else None,
        tolerance=tolerance,
        natural=variation.largest,
        outside=outside,
        psi=verdict.psi,
        weight=weight,
        score=(effect or 0.0) * weight,
        reason=reason,
    )


def share_outside(column: ColumnReference, summary: Summary) -> float:
    """Return the share of a window's rows whose value training never saw; rows without a value do not count."""
    found = next((one for one in summary.columns if one.name == column.name), None)
    if isinstance(column, NumericReference) and isinstance(found, NumericSummary) and column.edges:
        known, strange = sum(found.counts), found.counts[0] + found.counts[-1]
    elif isinstance(column, CategoryReference) and isinstance(found, CategorySummary):
        known, strange = sum(found.counts) + found.other, 0 if column.other else found.other
    else:
        return 0.0
    return strange / known if known else 0.0


def _worst(columns: Sequence[ColumnDrift]) -> str:
    decided = {one.verdict for one in columns} - {Verdict.INCONCLUSIVE}
    for verdict in (Verdict.FAIL, Verdict.WARN, Verdict.PASS):
        if verdict in decided:
            return verdict.value
    return Verdict.INCONCLUSIVE.value


def _reason(columns: Sequence[ColumnDrift], worst: str, settings: DriftSettings, window: timedelta) -> str:
    if worst == Verdict.INCONCLUSIVE:
        return "No column could be compared: too few rows, or none in common with the training data."
    drifted = [one for one in columns if one.verdict == Verdict.FAIL]
    decided = sum(one.verdict != Verdict.INCONCLUSIVE for one in columns)
    stated = f"false alarms: {settings.false_alarms}, windows of {format_duration(window)}"
    if not drifted:
        return f"None of {decided} columns is surely beyond its tolerance ({stated})."
    told = "; ".join(
        f"{one.column} at {one.effect or 0:.2f} over {one.tolerance:.2f}"
        + (f" with {one.outside:.0%} outside the training data" if one.outside > 0.01 else "")
        for one in drifted[:_SHOWN]
    )
    more = f" and {len(drifted) - _SHOWN} more" if len(drifted) > _SHOWN else ""
    return f"{len(drifted)} of {decided} columns drifted: {told}{more} ({stated})."
