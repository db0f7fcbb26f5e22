"""Where the model is worst: a metric by group."""

from typing import TYPE_CHECKING, ClassVar

import msgspec

from tidemill.checks.bounds import Bound, parse_bound
from tidemill.checks.check import Check
from tidemill.checks.errors import InvalidParam, NotEnough
from tidemill.checks.inputs import Inputs, collect
from tidemill.checks.outcome import Interval, Outcome, Verdict, table, worst
from tidemill.checks.performance.catalogue import find_metric
from tidemill.checks.performance.judged import verdict_of
from tidemill.checks.performance.metric import Estimate, estimate
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
else:
    np = lazy("numpy")
    pl = lazy("polars")

_MOST_GROUPS = 1000


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One group of rows.

    Args:
        label: Such as `carrier=UA, origin=JFK`.
        found: The metric on it, its interval widened for the number of groups.
    """

    label: str
    found: Estimate


class Slices(Check, frozen=True, kw_only=True):
    """Is a metric good enough in every group of rows, not only on average.

    Args:
        by: Columns; their combinations are the groups.
        apart: Group by each column alone instead.
        metric: Which metric.
        worst: The bound that every group must meet, such as `>= 0.6`; only told when left out.
        rows_needed: Smaller groups are left out and counted.
        confidence: That all groups' intervals hold at once (Bonferroni).

    `fail` when some group surely misses the bound, `warn` when one misses it, not surely.

    Error rate: of failing though every group truly meets the bound at most half of `1 - confidence`.

    Source:
        Dunn, Multiple comparisons among means, JASA 56 (1961); the metric's own source.
    """

    name: ClassVar[str] = "slices"

    by: tuple[str, ...]
    apart: bool = False
    metric: str = "roc_auc"
    worst: str | None = None
    rows_needed: int = 100
    confidence: float = 0.95

    def judge(self, inputs: Inputs) -> Outcome:
        """Return the worst group and whether it meets the bound.

        Raises:
            UnknownMetric: If there is no such metric.
            InvalidParam: If there are no columns, or the bound points the wrong way.
            NotEnough: If no group could be measured.
        """
        bound = self._bound()
        truth, prediction = inputs.need("truth"), inputs.need("prediction")
        frame = collect(inputs.current, (truth, prediction, *self.by))
        members = self._members(frame)
        truths, scores = frame[truth], frame[prediction]
        metric, confidence = find_metric(self.metric), 1 - (1 - self.confidence) / max(1, len(members))
        groups: list[Group] = []
        for label, rows in members:
            try:
                found = estimate(metric, truths.gather(rows), scores.gather(rows), confidence=confidence)
            except NotEnough:
                continue
            if found.rows >= self.rows_needed:
                groups.append(Group(label=label, found=found))
        if not groups:
            raise NotEnough(
                f"No group has {self.rows_needed} known rows on which {self.metric} is defined", hint="Group by less."
            )
        groups.sort(key=lambda one: one.found.value if metric.higher_is_better else -one.found.value)
        return self._outcome(groups, len(members) - len(groups), bound)

    def _bound(self) -> Bound | None:
        higher_is_better = find_metric(self.metric).higher_is_better
        if not self.by:
            raise InvalidParam("There is nothing to group by", hint="Give `by`, a list of columns.")
        if self.worst is None:
            return None
        bound = parse_bound(self.worst, what="The bound of the worst group")
        if bound.is_floor != higher_is_better:
            better = "higher" if higher_is_better else "lower"
            raise InvalidParam(
                f"{self.metric} is better when {better}, and the bound is {bound}",
                hint=f"Write '{'>=' if higher_is_better else '<='} {bound.value:g}'.",
            )
        return bound

    def _members(self, frame: "pl.DataFrame") -> "list[tuple[str, pl.Series]]":
        """Return label and row numbers of each group with enough rows, largest first."""
        found: list[tuple[str, pl.Series]] = []
        index = frame.select(self.by).with_row_index("__row")
        for by in [[column] for column in self.by] if self.apart else [list(self.by)]:
            grouped = index.group_by(by, maintain_order=True).agg(pl.col("__row"))
            grouped = grouped.filter(pl.col("__row").list.len() >= self.rows_needed)
            for values in grouped.iter_rows():
                label = ", ".join(f"{column}={value}" for column, value in zip(by, values[:-1], strict=True))
                found.append((label, pl.Series(values[-1], dtype=pl.UInt32)))
        return sorted(found, key=lambda one: (-len(one[1]), one[0]))[:_MOST_GROUPS]

    def _outcome(self, groups: list[Group], left_out: int, bound: Bound | None) -> Outcome:
        told = []
        for one in groups:
            verdict = (
                Verdict.PASS if bound is None else verdict_of(one.found.value, one.found.low, one.found.high, bound)
            )
            told.append({Verdict.WARN: Verdict.PASS, Verdict.INCONCLUSIVE: Verdict.WARN}.get(verdict, verdict))
        overall, bottom = worst(told), groups[0]
        misses = sum(verdict is not Verdict.PASS for verdict in told)
        reason = f"{self.metric} is worst at {bottom.label}: {bottom.found.value:.4f} on {bottom.found.rows} rows"
        reason += (
            f"; {misses} of {len(groups)} groups miss {bound}" if bound else f"; {len(groups)} groups were measured"
        )
        reason += f", {left_out} could not be measured." if left_out else "."
        rows = [
            (one.label, one.found.value, one.found.low, one.found.high, one.found.rows, str(verdict))
            for one, verdict in zip(groups, told, strict=True)
        ]
        return Outcome(
            check=self.name,
            verdict=overall,
            value=bottom.found.value,
            interval=Interval(low=bottom.found.low, high=bottom.found.high, confidence=bottom.found.confidence),
            threshold=str(bound or ""),
            reason=reason,
            error_rate=f"a false fail of any group: at most {(1 - self.confidence) / 2:.3g}",
            table=table(("group", "value", "low", "high", "rows", "verdict"), rows),
        )
