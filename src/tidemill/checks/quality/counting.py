"""Counting bad rows: every rule in one streaming pass, and where the first of them are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemill.checks.quality.marks import Marking, is_long
from tidemill.core.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_ROW = "__tidemill_row"
_BAD = "__tidemill_bad"
_BY = "__tidemill_by"
_FIRST_ROWS = 20
_NEAR = 100_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is counted for one rule.

    Args:
        bad: Which rows, true or false and never null; None when none are counted.
        facts: Further expressions of one value each.
        sees_other_rows: Whether `bad` looks at rows before, so that it needs them all.
        catches: Whether its rows are put aside.
        marking: What gives `bad` for a long table, where it would hold a column of it in memory.
    """

    bad: "pl.Expr | None"
    facts: "tuple[pl.Expr, ...]" = ()
    sees_other_rows: bool = False
    catches: bool = False
    marking: Marking | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted for one rule.

    Args:
        bad: How many rows.
        caught: How many of them no question before catches.
        first: The numbers of the first of them, from 1.
        facts: What the further expressions gave.
    """

    bad: int = 0
    caught: int = 0
    first: tuple[int, ...] = ()
    facts: tuple[object, ...] = ()


def count(
    frame: "pl.DataFrame | pl.LazyFrame", questions: Sequence[Question], folder: Path | None = None
) -> tuple[int, list[Counted]]:
    """Return the number of rows, and what was counted for each question.

    The counts come from one streaming pass. Only sums and least values stay in memory there; of bad rows, the first
    is known then, and those that follow it are looked up nearby.

    Args:
        frame: The rows.
        questions: What is counted.
        folder: Where large files may go.
    """
    numbered = frame.lazy().with_row_index(_ROW, offset=1)
    if any(one.marking for one in questions) and is_long(frame):
        questions = [
            replace(one, bad=one.marking(numbered, _ROW, folder), sees_other_rows=False)
            if one.marking and one.bad is not None
            else one
            for one in questions
        ]
    masks = {place: one.bad for place, one in enumerate(questions) if one.bad is not None}
    flagged = numbered.with_columns(bad.alias(f"{_BAD} {place}") for place, bad in masks.items())
    asked: list[pl.Expr] = [pl.len().alias("rows")]
    catching = [place for place in masks if questions[place].catches]
    if catching:
        by = pl.coalesce(pl.when(pl.col(f"{_BAD} {place}")).then(pl.lit(place, pl.Int32)) for place in catching)
        flagged = flagged.with_columns(by.alias(_BY))
        asked += [(pl.col(_BY) == place).sum().cast(pl.Int64).alias(f"caught {place}") for place in catching]
    for place, one in enumerate(questions):
        if place in masks:
            bad = pl.col(f"{_BAD} {place}")
            asked.append(bad.sum().cast(pl.Int64).alias(f"bad {place}"))
            asked.append(pl.when(bad).then(pl.col(_ROW)).min().alias(f"first {place}"))
        asked += [fact.alias(f"fact {place} {at}") for at, fact in enumerate(one.facts)]
    answer: dict[str, Any] = flagged.select(asked).collect(engine="streaming").row(0, named=True)
    first = _first_rows(numbered, questions, answer)
    counted = [
        Counted(
            bad=int(answer.get(f"bad {place}") or 0),
            caught=int(answer.get(f"caught {place}") or 0),
            first=first.get(place, ()),
            facts=tuple(answer[f"fact {place} {at}"] for at in range(len(one.facts))),
        )
        for place, one in enumerate(questions)
    ]
    return int(answer["rows"]), counted


def _first_rows(
    numbered: "pl.LazyFrame", questions: Sequence[Question], answer: dict[str, Any]
) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    whole: dict[int, pl.Expr] = {}
    near: dict[int, dict[int, pl.Expr]] = {}
    for place, one in enumerate(questions):
        start = answer.get(f"first {place}")
        if start is None or one.bad is None:
            continue
        if answer[f"bad {place}"] == 1:
            found[place] = (int(start),)
        elif one.sees_other_rows:
            whole[place] = one.bad
        else:
            near.setdefault((int(start) - 1) // _NEAR, {})[place] = one.bad
    if whole:
        found |= _listed(numbered, whole)
    for window, masks in near.items():  # twice as long, so that each first row is followed by as many
        found |= _listed(numbered.slice(window * _NEAR, 2 * _NEAR), masks)
    return found


def _listed(numbered: "pl.LazyFrame", masks: "dict[int, pl.Expr]") -> dict[int, tuple[int, ...]]:
    rows = numbered.select(
        pl.col(_ROW).filter(bad).head(_FIRST_ROWS).implode().alias(str(place)) for place, bad in masks.items()
    )
    (row,) = rows.collect().iter_rows(named=True)
    return {int(place): tuple(listed) for place, listed in row.items()}
