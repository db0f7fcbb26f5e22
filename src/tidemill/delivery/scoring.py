"""The hold-out's rows with the truth and the scores of candidate and champion beside them."""

import time as clock
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.checks.inputs import Inputs
from tidemill.checks.performance.catalogue import METRICS
from tidemill.core.errors import InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.models.ports import Predictor

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_TRUTH, _SCORE, _CHAMPION = "__truth__", "__score__", "__champion__"
_LABEL, _CHAMPION_LABEL = "__label__", "__champion_label__"
_TIMED_ROWS = 500
_ON_LABELS = ("accuracy", "precision", "recall")


class HoldoutUnfit(InvalidInput):
    """The rows of a hold-out cannot judge this model."""

    code = "holdout_unfit"


class Scored:
    """A hold-out whose truth is known, scored.

    Args:
        frame: Its rows, with truth and scores in columns of their own.
        predictor: The candidate.
        has_champion: Whether the champion was scored too.
    """

    def __init__(self, frame: "pl.DataFrame", predictor: Predictor, *, has_champion: bool) -> None:
        self._frame = frame
        self._predictor = predictor
        self.has_champion = has_champion

    @property
    def rows(self) -> int:
        """How many rows."""
        return self._frame.height

    def inputs(
        self,
        metric: str,
        *,
        time: str | None = None,
        reference: "pl.DataFrame | None" = None,
        latencies_ms: Sequence[float] = (),
    ) -> Inputs:
        """Return what a check looks at, with the kind of prediction that a metric judges.

        Args:
            metric: The metric; accuracy, precision and recall judge labels, others scores.
            time: The column that says when a row happened.
            reference: The rows that the candidate learned from.
            latencies_ms: Milliseconds of timed single-row predictions.
        """
        on_labels = metric in _ON_LABELS and METRICS[metric].is_binary and _LABEL in self._frame.columns
        features = tuple(field.name for field in self._predictor.signature.inputs)
        return Inputs(
            current=self._frame,
            reference=reference,
            truth=_TRUTH,
            prediction=_LABEL if on_labels else _SCORE,
            champion=(_CHAMPION_LABEL if on_labels else _CHAMPION) if self.has_champion else None,
            time=time if time in self._frame.columns else None,
            features=features,
            latencies_ms=tuple(latencies_ms),
        )

    def latencies_ms(self) -> list[float]:
        """Return how long single rows take, after a warm-up, in milliseconds."""
        names = [field.name for field in self._predictor.signature.inputs]
        rows = self._frame.select(names).head(_TIMED_ROWS).rows()
        for row in rows[:20]:
            self._predictor.predict_row(row)
        found = []
        for row in rows:
            started = clock.perf_counter_ns()
            self._predictor.predict_row(row)
            found.append((clock.perf_counter_ns() - started) / 1e6)
        return found


def score_rows(
    frame: "pl.DataFrame",
    candidate: Predictor,
    champion: Predictor | None,
    *,
    label: str,
    positive: str | float | bool | None,
    score: str,
) -> Scored:
    """Return the rows whose truth is known, scored by the candidate and the champion.

    Raises:
        HoldoutUnfit: If the label or one of the models' inputs is no column, or no row has a truth.
    """
    if label not in frame.columns:
        raise HoldoutUnfit(f"The hold-out has no column {shown(label)}", hint=did_you_mean(label, frame.columns))
    known = frame.filter(pl.col(label).is_not_null())
    if known.is_empty():
        raise HoldoutUnfit(f"No row of the hold-out has a value of {shown(label)}", hint="Judge on rows with a truth.")
    is_class = any(field.name == "probability" for field in candidate.signature.outputs)
    wanted = _positive(known, label, positive) if is_class else None
    truth = (known[label] == wanted).cast(pl.Float64) if is_class else known[label].cast(pl.Float64)
    columns = [truth.alias(_TRUTH)]
    for predictor, into, into_label in ((candidate, _SCORE, _LABEL), (champion, _CHAMPION, _CHAMPION_LABEL)):
        if predictor is not None:
            columns += _scores(known, predictor, score, into, into_label, wanted if is_class else None)
    return Scored(known.with_columns(columns), candidate, has_champion=champion is not None)


def _positive(frame: "pl.DataFrame", label: str, positive: str | float | bool | None) -> object:
    if positive is not None:
        return positive
    values = frame[label].unique().sort().to_list()
    if len(values) > 2:
        raise HoldoutUnfit(
            f"{shown(label)} has {len(values)} values", hint="Say which is the positive one: model: {positive: …}."
        )
    return values[-1]


def _scores(
    frame: "pl.DataFrame", predictor: Predictor, score: str, into: str, into_label: str, positive: object
) -> "list[pl.Series]":
    names = [field.name for field in predictor.signature.inputs]
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise HoldoutUnfit(
            f"The hold-out lacks {', '.join(missing)}, which the model needs", hint="Return them from the pipeline too."
        )
    given = {name: _plain(frame[name]) for name in names}
    answers = predictor.predict_columns(given, frame.height)
    chosen = score or next((name for name in ("probability", "prediction") if name in answers), "")
    if chosen not in answers:
        raise HoldoutUnfit(f"The model has no output {shown(chosen)}", hint=did_you_mean(chosen, answers))
    found = [pl.Series(into, answers[chosen], dtype=pl.Float64, strict=False)]
    if positive is not None and "label" in answers:
        said = [1.0 if _same(answer, positive) else 0.0 for answer in answers["label"]]
        found.append(pl.Series(into_label, said))
    return found


def _same(answer: object, positive: object) -> bool:
    return answer == positive or str(answer) == str(positive)


def _plain(series: "pl.Series") -> list[object]:
    if series.dtype == pl.Datetime or series.dtype == pl.Date:
        return [value.isoformat() if value is not None else None for value in series.to_list()]
    return series.to_list()
