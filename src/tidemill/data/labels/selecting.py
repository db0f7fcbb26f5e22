"""Which rows of a version a task is about, and in which order; positions, not rows."""

import random
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.checks.quality.expression.parse import parse_expression
from tidemill.checks.quality.expression.translate import translate
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.labels.errors import InvalidLabelTask, NoRowsToLabel
from tidemill.data.labels.records import LabelKind, LabelPlan, LabelSource
from tidemill.data.profile.records import ColumnProfile

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

MOST_INFERRED = 20
_AT = "__position"


def select(frame: "pl.LazyFrame", rows: int, plan: LabelPlan) -> tuple[int, bytes | None]:
    """Return how many rows a task has, and their positions as 64-bit numbers; None where they are all in order.

    Args:
        frame: All rows that it can be about.
        rows: How many these are.
        plan: What is asked.

    Raises:
        InvalidExpression: If the condition cannot be read, or does not fit the columns.
        InvalidLabelTask: If the scores are no numbers.
        NoRowsToLabel: If none is left.
    """
    if not (plan.where or plan.least_certain or plan.sample):
        if not rows:
            none = "No row was put aside" if plan.source is LabelSource.QUARANTINE else "There are no rows to label"
            raise NoRowsToLabel(none, hint="Look at the version with `tidemill data show`.")
        return rows, None
    found: Sequence[int] = _chosen(frame, plan) if plan.where or plan.least_certain else range(rows)
    if not found:
        raise NoRowsToLabel("No row fulfils the filter", hint="Loosen it; `tidemill data sample` shows rows.")
    if plan.sample and not plan.least_certain:
        chance = random.Random(plan.seed)  # noqa: S311 - a sample that can be drawn again, not a secret
        found = chance.sample(found, min(plan.sample, len(found)))
    return len(found), array("Q", found).tobytes()


def _chosen(frame: "pl.LazyFrame", plan: LabelPlan) -> list[int]:
    schema = frame.collect_schema()
    numbered = frame.with_row_index(_AT)
    if plan.where:
        numbered = numbered.filter(translate(parse_expression(plan.where), plan.where, schema))
    if score := plan.least_certain:
        if not schema[score].is_numeric():
            raise InvalidLabelTask(f"{shown(score)} holds no numbers", hint="Name a column of scores.")
        numbered = numbered.select(_AT, score).sort(score, nulls_last=False, maintain_order=True)
        numbered = numbered.head(plan.sample) if plan.sample else numbered
    found: list[int] = numbered.select(_AT).collect().to_series().to_list()
    return found


def inferred_kind(type_word: str, choices: Sequence[str]) -> LabelKind:
    """Return the kind of answers that a column of a type asks for.

    Args:
        type_word: The type's word.
        choices: Its values, where these are few.
    """
    if type_word == "bool":
        return LabelKind.YES_NO
    if type_word.startswith(("int", "uint", "float", "decimal")):
        return LabelKind.NUMBER
    return LabelKind.CATEGORY if 2 <= len(choices) <= MOST_INFERRED else LabelKind.TEXT


def values_of(frame: "pl.LazyFrame", column: ColumnProfile | None, name: str) -> list[str]:
    """Return the values of a column of text where these are few, the most frequent first; else none."""
    if column is None or column.type != "text" or column.distinct is None or column.distinct > MOST_INFERRED:
        return []
    counted = frame.select(pl.col(name).alias("value")).drop_nulls().group_by("value").len("rows").collect()
    rows = sorted(counted.iter_rows(), key=lambda row: (-row[1], row[0]))
    return [str(value) for value, _ in rows if str(value).strip()]
