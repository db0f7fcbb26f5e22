"""The hold-out's rows with the truth and the scores of candidate and champion beside them."""

import itertools
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

DAY = "__day__"
_TRUTH, _SCORE, _CHAMPION = "__truth__", "__score__", "__champion__"
_LABEL, _CHAMPION_LABEL = "__label__", "__champion_label__"
_TIMED_ROWS = 2000  # enough for an interval of the 99th percentile
_TIMED_S = 5.0
_WARM_UP_ROWS = 20
_ON_LABELS = ("accuracy", "precision", "recall")

Positive = str | float | bool | None


class HoldoutUnfit(InvalidInput):
    """The rows of a hold-out cannot judge this model."""

    code = "holdout_unfit"


class Scored:
    """A hold-out whose truth is known, scored.

    Args:
        frame: Its rows, with truth and scores in columns of their own.
        predictor: The candidate.
        time: The column that says when a row happened; its day is in a column of its own.
    """

    def __init__(self, frame: "pl.DataFrame", predictor: Predictor, *, time: str | None) -> None:
        self._frame = frame
        self._predictor = predictor
        self.time = time

    @property
    def has_champion(self) -> bool:
        """Whether the champion was scored too."""
        return _CHAMPION in self._frame.columns

    @property
    def rows(self) -> int:
        """How many rows."""
        return self._frame.height

    def inputs(
        self, metric: str, *, training: "pl.DataFrame | None" = None, latencies_ms: Sequence[float] = ()
    ) -> Inputs:
        """Return what a check looks at, with the kind of prediction that a metric judges.

        Args:
            metric: The metric; accuracy, precision and recall judge labels, others scores.
            training: The rows that the candidate learned from.
            latencies_ms: Milliseconds of timed single-row predictions.
        """
        on_labels = metric in _ON_LABELS and METRICS[metric].is_binary and _LABEL in self._frame.columns
        features = tuple(field.name for field in self._predictor.signature.inputs)
        champion = _CHAMPION_LABEL if on_labels else _CHAMPION
        return Inputs(
            current=self._frame,
            reference=training,
            truth=_TRUTH,
            prediction=_LABEL if on_labels else _SCORE,
            champion=champion if champion in self._frame.columns else None,
            time=self.time,
            features=features,
            latencies_ms=tuple(latencies_ms),
        )

    def latencies_ms(self) -> list[float]:
        """Return how long single rows take, after a warm-up, in milliseconds; a slow model gets fewer rows."""
        head = self._frame.head(_TIMED_ROWS)
        rows = list(zip(*(_plain(head[field.name]) for field in self._predictor.signature.inputs), strict=True))
        for row in rows[:_WARM_UP_ROWS]:
            self._predictor.predict_row(row)
        found: list[float] = []
        deadline = clock.monotonic() + _TIMED_S
        for row in itertools.islice(itertools.cycle(rows), _TIMED_ROWS):
            started = clock.perf_counter_ns()
            self._predictor.predict_row(row)
            found.append((clock.perf_counter_ns() - started) / 1e6)
            if clock.monotonic() > deadline:
                break
        return found


def score_rows(
    frame: "pl.DataFrame",
    candidate: Predictor,
    champion: Predictor | None,
    *,
    label: str,
    positive: Positive = None,
    score: str = "",
    time: str | None = None,
) -> Scored:
    """Return the rows whose truth is known, scored by the candidate and the champion.

    Args:
        frame: The hold-out.
        candidate: The model that is judged.
        champion: The model that stands, if it is compared.
        label: The column that holds the truth.
        positive: Which value of it is the positive class; the larger of two values when left out.
        score: Which output of the models is their score; found by itself when empty.
        time: The column that says when a row happened.

    Raises:
        HoldoutUnfit: If the label, the time or a model's input is no column, or no row has a truth.
    """
    _need_columns(frame, [label, *([time] if time else [])])
    known = frame.filter(pl.col(label).is_not_null())
    if known.is_empty():
        raise HoldoutUnfit(f"No row of the hold-out has a value of {shown(label)}", hint="Judge on rows with a truth.")
    is_class = any(field.name == "probability" for field in candidate.signature.outputs)
    wanted = _positive(known, label, positive) if is_class else None
    truth = [_same(value, wanted) for value in known[label]] if is_class else known[label].to_list()
    columns = [_numbers(_TRUTH, truth, f"The label {shown(label)}")]
    for predictor, into, into_label in ((candidate, _SCORE, _LABEL), (champion, _CHAMPION, _CHAMPION_LABEL)):
        if predictor is not None:
            columns += _scores(known, predictor, score, into, into_label, wanted)
    if time:
        columns.append(_days(known[time]))
    return Scored(known.with_columns(columns), candidate, time=time)


def _need_columns(frame: "pl.DataFrame", names: Sequence[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise HoldoutUnfit(
                f"The hold-out has no column {shown(name)}",
                hint=f"Return it from the pipeline too. {did_you_mean(name, frame.columns)}",
            )


def _positive(frame: "pl.DataFrame", label: str, positive: Positive) -> object:
    values = frame[label].unique().sort().to_list()
    if positive is not None:
        if not any(_same(value, positive) for value in values):
            raise HoldoutUnfit(
                f"No row's {shown(label)} is {shown(str(positive))}",
                hint=f"Its values: {', '.join(str(value) for value in values[:10])}.",
            )
        return positive
    if len(values) > 2:
        raise HoldoutUnfit(
            f"{shown(label)} has {len(values)} values", hint="Say which is the positive one: model: {positive: …}."
        )
    return values[-1]


def _scores(
    frame: "pl.DataFrame", predictor: Predictor, score: str, into: str, into_label: str, positive: object
) -> "list[pl.Series]":
    names = [field.name for field in predictor.signature.inputs]
    _need_columns(frame, names)
    answers = predictor.predict_columns({name: _plain(frame[name]) for name in names}, frame.height)
    chosen = score or next((name for name in ("probability", "prediction") if name in answers), next(iter(answers)))
    if chosen not in answers:
        raise HoldoutUnfit(f"The model has no output {shown(chosen)}", hint=did_you_mean(chosen, answers))
    found = [_numbers(into, answers[chosen], f"The output {shown(chosen)}")]
    if positive is not None and "label" in answers:
        found.append(pl.Series(into_label, [1.0 if _same(answer, positive) else 0.0 for answer in answers["label"]]))
    return found


def _numbers(name: str, values: Sequence[object], what: str) -> "pl.Series":
    try:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        raise HoldoutUnfit(f"{what} does not hold numbers", hint="Name a column or output of numbers.") from None


def _days(moments: "pl.Series") -> "pl.Series":
    if moments.dtype == pl.String:
        return moments.str.slice(0, 10).fill_null("").alias(DAY)
    if moments.dtype.is_temporal():
        return moments.dt.date().cast(pl.String).fill_null("").alias(DAY)
    return moments.cast(pl.String).fill_null("").alias(DAY)


def _same(answer: object, positive: object) -> bool:
    return answer == positive or str(answer) == str(positive)


def _plain(series: "pl.Series") -> list[object]:
    if series.dtype in {pl.Datetime, pl.Date}:
        return [value.isoformat() if value is not None else None for value in series.to_list()]
    return series.to_list()
