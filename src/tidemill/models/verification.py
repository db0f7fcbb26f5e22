"""Is the restored model the original? Asked on sample rows and on edge rows, before anything is served."""

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tidemill.core.errors import Conflict, TidemillError
from tidemill.core.names import shown
from tidemill.models.examples import Example, ExampleUnlikeModel
from tidemill.models.manifest import Manifest, PlanReport, Verification
from tidemill.models.ports import Columns, Framework, Predictor
from tidemill.models.signatures import Field

Outputs = dict[str, list[object]]
_Batch = tuple[Columns, int]

_MOST_EDGE_ROWS = 240
_MOST_SINGLE_ROWS = 32
_UNSEEN = "\u2205 a value that training never saw"
_NUMBERS = (0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, 1e-300, 2.0**53, 1.7e9, 1e8 + 0.5)
_WHOLE = (0, 1, -1, 2**31 - 1, 2**53, -(2**53), 2**62)
_MOMENTS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


class ModelDiffers(Conflict):
    """A model read back from its files answers otherwise than the original."""

    code = "model_differs"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a model said of some rows: its outputs, or that it refused."""

    outputs: Outputs | None
    refusal: str = ""


def verify(
    folder: Path,
    manifest: Manifest,
    framework: Framework,
    original: object,
    example: Example,
    *,
    tolerance: float = 0.0,
) -> Verification:
    """Return how each plan of a framework compares with the original model, and which one is to be served.

    Plans are tried fastest first; the first whose answers all agree is chosen, and its single-row path is served
    only if that agrees as well. A row that the original refuses must be refused too.

    Args:
        folder: The model's files.
        manifest: What they are.
        framework: Whose they are.
        original: The model in memory that was written.
        example: Rows to ask about; edge rows are derived from the first.
        tolerance: The largest absolute difference of a number that still counts as equal.

    Raises:
        ExampleUnlikeModel: If the original cannot answer the example's own rows.
        ModelDiffers: If not even the framework's own way agrees with the original.
    """
    edges = edge_rows(manifest.signature.inputs, example)
    batches: list[_Batch] = [(example.columns, example.count)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflows and the like, provoked here on purpose
        wanted = [_ask_original(framework, original, manifest, example.columns, example.count, example.table)]
        if wanted[0].outputs is None:
            raise refused_example(wanted[0].refusal)
        whole = _ask_original(framework, original, manifest, edges, _length(edges))
        if whole.outputs is not None:
            batches.append((edges, _length(edges)))
            wanted.append(whole)
        else:
            singles = [({name: [values[at]] for name, values in edges.items()}, 1) for at in range(_length(edges))]
            batches += singles
            wanted += [_ask_original(framework, original, manifest, columns, 1) for columns, _ in singles]
        rows = [*_single_rows(example.columns, _MOST_SINGLE_ROWS), *_single_rows(edges, 2 * _MOST_SINGLE_ROWS)]
        alone = [_ask_original(framework, original, manifest, row, 1) for row in rows]
        reports: list[PlanReport] = []
        for plan in framework.plans:
            report = _compare(
                framework, folder, manifest, plan, tolerance, batches=(batches, wanted), rows=(rows, alone)
            )
            reports.append(report)
            if report.agrees:
                break
    if not reports[-1].agrees:
        raise ModelDiffers(
            f"The model read back differs from the original: {reports[-1].problem}",
            hint="Report it as a fault of Tidemill, or give a tolerance if the difference is small enough for you.",
        )
    return Verification(
        sample_rows=example.count,
        edge_rows=_length(edges),
        tolerance=tolerance,
        plans=tuple(reports),
        chosen=reports[-1].plan,
        single_row=reports[-1].row_agrees,
    )


def refused_example(why: str) -> ExampleUnlikeModel:
    """Return the error for an example that the model itself cannot answer."""
    return ExampleUnlikeModel(
        f"The model itself fails on the example: {why}",
        hint="Give rows as the model was trained on, without the label.",
    )


def edge_rows(fields: Sequence[Field], example: Example) -> Columns:
    """Return rows at the ends of what the inputs may hold: nulls where allowed, unseen texts, extreme numbers."""
    base = {field.name: example.columns[field.name][0] for field in fields}
    rows: list[dict[str, object]] = []
    optional = {field.name: None for field in fields if not field.required}
    if optional:
        rows.append({**base, **optional})
    texts = {field.name: _UNSEEN for field in fields if field.type == "string"}
    if texts:
        rows.append({**base, **texts})
    rows += [dict(zip(base, values, strict=True)) for values in zip(*map(_edges, fields), strict=False)]
    for field in fields:
        values = (*_edges(field), *(() if field.required else (None,)))
        rows += [{**base, field.name: value} for value in values]
    step = max(1, -(-len(rows) // _MOST_EDGE_ROWS))
    kept = rows[::step]
    return {name: [row[name] for row in kept] for name in base}


def _edges(field: Field) -> tuple[object, ...]:
    if field.type in {"double", "float"}:
        return _NUMBERS if field.type == "double" else (0.0, -0.0, 1.0, 3e38, -3e38, 1e-45, 16777216.0)
    if field.type in {"long", "integer"}:
        return _WHOLE if field.type == "long" else _WHOLE[:4]
    if field.type == "boolean":
        return (False, True)
    return (_UNSEEN, "") if field.type == "string" else _MOMENTS


def _ask_original(
    framework: Framework, original: object, manifest: Manifest, columns: Columns, count: int, table: object = None
) -> _Answer:
    try:
        return _Answer(framework.ask(original, manifest, columns, count, table=table))
    except Exception as error:  # noqa: BLE001 - whatever a model raises at an odd row is its answer
        return _Answer(None, f"{type(error).__name__}: {shown(str(error), 200)}")


def _single_rows(columns: Columns, most: int) -> list[Columns]:
    places = range(0, _length(columns), max(1, -(-_length(columns) // most)))
    return [{name: [values[at]] for name, values in columns.items()} for at in places]


def _compare(
    framework: Framework,
    folder: Path,
    manifest: Manifest,
    plan: str,
    tolerance: float,
    *,
    batches: tuple[Sequence[_Batch], Sequence[_Answer]],
    rows: tuple[Sequence[Columns], Sequence[_Answer]],
) -> PlanReport:
    """Return how a plan does: many rows against the original asked for many, one row against it asked for one.

    The two differ: libraries of linear algebra round in another order for one row than for many.
    """
    try:
        predictor = framework.read(folder, manifest, plan=plan)
    except TidemillError as error:
        return PlanReport(plan=plan, agrees=False, row_agrees=False, problem=error.message)
    largest = 0.0
    for (columns, count), answer in zip(*batches, strict=True):
        difference, problem = _difference(_ask_columns(predictor, columns, count), answer, tolerance)
        largest = max(largest, difference)
        if problem:
            return PlanReport(plan=plan, agrees=False, row_agrees=False, largest_difference=largest, problem=problem)
    row_problem = ""
    for row, answer in zip(*rows, strict=True):
        difference, row_problem = _difference(_ask_row(predictor, row), answer, tolerance)
        largest = max(largest, difference)
        if row_problem:
            break
    return PlanReport(
        plan=plan,
        agrees=True,
        row_agrees=not row_problem,
        largest_difference=largest,
        problem=row_problem,
        row_us=_measure(predictor, batches[0][0][0], batches[0][0][1]),
    )


def _ask_columns(predictor: Predictor, columns: Columns, count: int) -> _Answer:
    try:
        return _Answer(predictor.predict_columns(columns, count))
    except Exception as error:  # noqa: BLE001 - a refusal is an answer, to be compared
        return _Answer(None, f"{type(error).__name__}: {shown(str(error), 200)}")


def _ask_row(predictor: Predictor, columns: Columns) -> _Answer:
    row = [columns[field.name][0] for field in predictor.signature.inputs]
    names = [field.name for field in predictor.signature.outputs]
    try:
        return _Answer({name: [value] for name, value in zip(names, predictor.predict_row(row), strict=True)})
    except Exception as error:  # noqa: BLE001 - a refusal is an answer, to be compared
        return _Answer(None, f"{type(error).__name__}: {shown(str(error), 200)}")


def _difference(found: _Answer, wanted: _Answer, tolerance: float) -> tuple[float, str]:
    if found.outputs is None or wanted.outputs is None:
        if found.outputs is None and wanted.outputs is None:
            return 0.0, ""
        return 0.0, f"one refuses and the other answers: {found.refusal or wanted.refusal}"
    if set(found.outputs) != set(wanted.outputs):
        return 0.0, f"outputs {sorted(found.outputs)} instead of {sorted(wanted.outputs)}"
    largest = 0.0
    for name, values in wanted.outputs.items():
        if len(values) != len(found.outputs[name]):
            return largest, f"{name} has {len(found.outputs[name])} values instead of {len(values)}"
        for at, (one, other) in enumerate(zip(found.outputs[name], values, strict=True)):
            apart = _apart(one, other)
            if apart > tolerance:
                return max(largest, apart), f"{name} of row {at} is {one!r} instead of {other!r}"
            largest = max(largest, apart)
    return largest, ""


def _apart(one: object, other: object) -> float:
    if isinstance(one, bool | str | None) or isinstance(other, bool | str | None):
        return 0.0 if type(one) is type(other) and one == other else math.inf
    if isinstance(one, int | float) and isinstance(other, int | float):
        if one == other or (one != one and other != other):  # noqa: PLR0124 - only NaN differs from itself
            return 0.0
        apart = abs(one - other)
        return math.inf if math.isnan(apart) else float(apart)
    return 0.0 if one == other else math.inf


def _measure(predictor: Predictor, columns: Columns, count: int) -> float:
    inputs = [columns[field.name] for field in predictor.signature.inputs]
    rows = [[values[at] for values in inputs] for at in range(min(count, 20))]
    spent = []
    try:
        for row in (*rows, *rows):
            begun = time.perf_counter_ns()
            predictor.predict_row(row)
            spent.append(time.perf_counter_ns() - begun)
    except Exception:  # noqa: BLE001 - a model that refuses the rows one by one has no such cost
        return 0.0
    return round(median(spent) / 1000, 1)


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))
