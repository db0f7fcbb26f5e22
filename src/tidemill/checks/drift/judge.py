"""Which columns have drifted, at a rate of false alarms that the user sets."""

from collections.abc import Mapping

import msgspec

from tidemill.checks.drift.cells import Cells, build_cells
from tidemill.checks.drift.jensen_shannon import Effect, measure_effect, to_distance, to_divergence
from tidemill.checks.drift.kolmogorov_smirnov import kolmogorov_smirnov_counts
from tidemill.checks.drift.psi import population_stability_index
from tidemill.checks.drift.reference import ColumnReference, NumericReference, Reference
from tidemill.checks.drift.summary import ColumnSummary, NumericSummary, Summary
from tidemill.checks.drift.wasserstein import wasserstein_counts
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.multiplicity import holm
from tidemill.checks.outcome import Interval, Outcome, Verdict, finite, table, worst

DEFAULT_TOLERANCE = 0.1
_BLIND = 4.0  # a window that cannot tell four tolerances from one has nothing to say
_CONFIDENCE = 0.95
_MOVED_CELLS = 5


class MovedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A range or category whose share of rows changed.

    Args:
        label: What it holds.
        share_then: Its share of rows at training time.
        share_now: Its share of rows now.
    """

    label: str
    share_then: float
    share_now: float


class DriftVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one column.

    Args:
        column: Its name.
        verdict: `fail` when it has drifted beyond the tolerance; `warn` when the estimate is beyond, but not surely;
            `inconclusive` when there are too few rows to see a gross change; `pass` otherwise.
        effect: Jensen-Shannon distance, its noise taken off; 0 to 1.
        interval: Where the true effect lies (of this column alone).
        p_value: Chance of measuring as much within the tolerance, corrected for the number of columns.
        detectable: The true effect that so many rows tell from the tolerance in 4 of 5 cases.
        weight: Importance of the column.
        score: Effect times weight; verdicts are ranked by it.
        rows: Rows now.
        nulls_then: Share of missing values at training time.
        nulls_now: Share of missing values now.
        psi: Population stability index over the same cells, in nats.
        kolmogorov_smirnov: Over up to 256 bins; None for categories.
        wasserstein: In standard deviations of the reference; None for categories and constant columns.
        moved: Where rows went, the largest changes first.
        reason: One sentence for a person.
    """

    column: str
    verdict: Verdict
    effect: float | None = None
    interval: Interval | None = None
    p_value: float = 1.0
    detectable: float | None = None
    weight: float = 1.0
    score: float = 0.0
    rows: int = 0
    nulls_then: float = 0.0
    nulls_now: float = 0.0
    psi: float | None = None
    kolmogorov_smirnov: float | None = None
    wasserstein: float | None = None
    moved: tuple[MovedCell, ...] = ()
    reason: str


class _Measured(msgspec.Struct, frozen=True, kw_only=True):
    reference: ColumnReference
    current: ColumnSummary
    cells: Cells
    effect: Effect
    p_value: float


def judge_drift(
    reference: Reference,
    current: Summary,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
    false_alarm_rate: float = 0.01,
    weights: Mapping[str, float] | None = None,
    design_effect: float = 1.0,
) -> tuple[DriftVerdict, ...]:
    """Return a verdict for each column of the reference, the most important change first.

    The hypothesis under test is that the true effect is within the tolerance, not that it is zero. So the verdict does
    not turn with the number of rows: an effect within the tolerance passes at a thousand rows and at a million, one
    well beyond fails at both, and one just beyond is `warn` until the rows suffice.

    The rate that is controlled: while every column's true effect is within the tolerance, the chance that any
    column of this window gets `fail` is at most `false_alarm_rate` (Holm over the columns). Take it from
    `multiplicity.level_per_window("1 per 90d", window)`. Rows count as independent; give a `design_effect` above 1 if
    they come in clusters.

    Args:
        reference: The training table.
        current: The rows of the window, summarised with this reference.
        tolerance: The largest Jensen-Shannon distance that is fine; 0.1 is a shift of a quarter standard deviation.
        false_alarm_rate: Chance of any false alarm in this window.
        weights: Importance by column, for the ranking alone; 1 where none is given.
        design_effect: How many rows carry what one independent row would.

    Raises:
        InvalidParam: If tolerance, rate or design effect make no sense.
        BinMismatch: If the summary was made with another reference.

    Source:
        Cressie and Read, JRSS B 46 (1984); Wellek, Testing Statistical Hypotheses of Equivalence and
        Noninferiority (2010), chapter 9; Holm (1979).
    """
    _check_params(tolerance, false_alarm_rate, design_effect)
    summaries = {column.name: column for column in current.columns}
    measured: list[_Measured] = []
    verdicts: list[DriftVerdict] = []
    for column in reference.columns:
        weight = (weights or {}).get(column.name, 1.0)
        if column.name not in summaries:
            problem = current.problems.get(column.name, "the column is missing")
            verdicts.append(_undecided(column.name, weight, problem))
            continue
        try:
            measured.append(_measure(column, summaries[column.name], tolerance, design_effect))
        except NotEnough as error:
            verdicts.append(_undecided(column.name, weight, error.message))
    detectable = _detectable(measured, tolerance, false_alarm_rate / max(1, len(measured)))
    for one, p_value in zip(measured, holm([one.p_value for one in measured]), strict=True):
        weight = (weights or {}).get(one.reference.name, 1.0)
        verdicts.append(_verdict(one, p_value, tolerance, false_alarm_rate, weight, detectable[_size(one)]))
    return tuple(sorted(verdicts, key=lambda one: (-one.score, one.column)))


def _size(one: _Measured) -> tuple[float, float]:
    return one.effect.divergence.multiple, one.effect.divergence.df


def _detectable(measured: list[_Measured], tolerance: float, level: float) -> dict[tuple[float, float], float]:
    """Return what shows, once for all columns of one size: it does not depend on what was measured."""
    sizes = {_size(one): one.effect.divergence for one in measured}
    return {size: to_distance(one.detectable(to_divergence(tolerance), level)) for size, one in sizes.items()}


def _check_params(tolerance: float, false_alarm_rate: float, design_effect: float) -> None:
    if not 0 < tolerance < 1:
        raise InvalidParam(f"The tolerance is {tolerance:g}", hint="Give a distance between 0 and 1, such as 0.1.")
    if not 0 < false_alarm_rate < 1:
        raise InvalidParam(f"The false-alarm rate is {false_alarm_rate:g}", hint="Give a chance between 0 and 1.")
    if not 1 <= design_effect < float("inf"):
        raise InvalidParam(f"The design effect is {design_effect:g}", hint="Give 1 or more.")


def _measure(column: ColumnReference, current: ColumnSummary, tolerance: float, design_effect: float) -> _Measured:
    cells = build_cells(column, current)
    effect = measure_effect(cells.reference, cells.current, design_effect=design_effect)
    p_value = effect.divergence.p_value(to_divergence(tolerance))
    return _Measured(reference=column, current=current, cells=cells, effect=effect, p_value=p_value)


def _undecided(column: str, weight: float, problem: str) -> DriftVerdict:
    return DriftVerdict(
        column=column, verdict=Verdict.INCONCLUSIVE, weight=weight, reason=f"{column} could not be compared: {problem}."
    )


def _verdict(
    one: _Measured, p_value: float, tolerance: float, rate: float, weight: float, detectable: float
) -> DriftVerdict:
    name, estimate = one.reference.name, one.effect.estimate
    rows_then, rows_now = sum(one.cells.reference), sum(one.cells.current)
    moved = _moved(one.cells, rows_then, rows_now)
    if p_value <= rate:
        verdict, said = Verdict.FAIL, f"has drifted: {estimate:.3f} is surely over {tolerance:g}"
    elif detectable > min(0.9, _BLIND * tolerance):
        verdict, said = Verdict.INCONCLUSIVE, f"has too few rows ({rows_now}): only over {detectable:.2f} would show"
    elif estimate > tolerance:
        verdict, said = Verdict.WARN, f"may have drifted: {estimate:.3f} is over {tolerance:g}, not surely"
    else:
        verdict, said = Verdict.PASS, f"is stable: {estimate:.3f} is within {tolerance:g}"
    if verdict in (Verdict.FAIL, Verdict.WARN) and moved:
        top = moved[0]
        said += f"; most at {top.label}, {top.share_then:.1%} then and {top.share_now:.1%} now"
    return DriftVerdict(
        column=name,
        verdict=verdict,
        effect=estimate,
        interval=one.effect.interval(_CONFIDENCE),
        p_value=p_value,
        detectable=finite(detectable),
        weight=weight,
        score=estimate * weight,
        rows=rows_now,
        nulls_then=one.reference.nulls / rows_then,
        nulls_now=one.current.nulls / rows_now,
        psi=population_stability_index(one.cells.reference, one.cells.current),
        kolmogorov_smirnov=_kolmogorov_smirnov(one),
        wasserstein=_wasserstein(one),
        moved=moved,
        reason=f"{name} {said}.",
    )


def _kolmogorov_smirnov(one: _Measured) -> float | None:
    if not isinstance(one.reference, NumericReference) or not sum(one.reference.counts) or not sum(one.current.counts):
        return None
    return kolmogorov_smirnov_counts(one.reference.counts, one.current.counts)


def _wasserstein(one: _Measured) -> float | None:
    if not isinstance(one.reference, NumericReference) or not isinstance(one.current, NumericSummary):
        return None
    try:
        return finite(wasserstein_counts(one.reference, one.current))
    except NotEnough:
        return None


def _moved(cells: Cells, rows_then: int, rows_now: int) -> tuple[MovedCell, ...]:
    changes = [
        MovedCell(label=label, share_then=then / rows_then, share_now=now / rows_now)
        for label, then, now in zip(cells.labels, cells.reference, cells.current, strict=True)
    ]
    changes.sort(key=lambda cell: -abs(cell.share_now - cell.share_then))
    return tuple(cell for cell in changes[:_MOVED_CELLS] if cell.share_now != cell.share_then)


def drift_outcome(verdicts: tuple[DriftVerdict, ...], *, tolerance: float, false_alarm_rate: float) -> Outcome:
    """Return the verdicts of a window as one outcome."""
    decided = [one for one in verdicts if one.verdict is not Verdict.INCONCLUSIVE]
    if not decided:
        raise NotEnough("No column could be compared: too few rows, or no column in common", hint="Widen the window.")
    drifted = [one for one in decided if one.verdict is Verdict.FAIL]
    overall = worst(one.verdict for one in decided)
    top = (drifted or decided)[0]
    rows = [
        (
            one.column, str(one.verdict), one.effect, one.interval.low if one.interval else None,
            one.interval.high if one.interval else None, one.p_value, one.score, one.psi, one.kolmogorov_smirnov,
            one.wasserstein, one.nulls_then, one.nulls_now, one.reason,
        )
        for one in verdicts
    ]  # fmt: skip
    header = ("column", "verdict", "effect", "low", "high", "p_value", "score", "psi", "kolmogorov_smirnov")
    return Outcome(
        check="drift",
        verdict=overall,
        value=top.effect,
        interval=top.interval,
        threshold=f"<= {tolerance:g}",
        reason=f"{len(drifted)} of {len(decided)} columns have drifted. {top.reason}",
        error_rate=f"any false alarm in this window: at most {false_alarm_rate:.3g}",
        table=table((*header, "wasserstein", "nulls_then", "nulls_now", "reason"), rows),
    )
