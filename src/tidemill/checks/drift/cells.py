"""The cells that a verdict is reached on: about twenty, decided by the reference alone.

Few enough that 1,000 rows fill them, and never dependent on the new rows, so that the effect means the same at every
number of rows. Missing values are a cell of their own, and so is what lies outside everything that training saw.
"""

from collections.abc import Sequence

import msgspec

from tidemill.checks.drift.reference import CategoryReference, ColumnReference, NumericReference
from tidemill.checks.drift.summary import CategorySummary, ColumnSummary, NumericSummary
from tidemill.checks.errors import BinMismatch

_CELLS = 20
_SMALLEST_CATEGORY = 0.005


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """Two samples counted over the same cells.

    Args:
        labels: What each cell holds.
        reference: Rows per cell at training time.
        current: Rows per cell now.
    """

    labels: tuple[str, ...]
    reference: tuple[int, ...]
    current: tuple[int, ...]


def build_cells(reference: ColumnReference, summary: ColumnSummary) -> Cells:
    """Return both samples over the cells of the reference.

    Raises:
        BinMismatch: If the summary was made with another reference.
    """
    if len(reference.counts) != len(summary.counts):
        raise BinMismatch(
            f"The summary of {reference.name!r} has other bins than its reference",
            hint="Summarise the rows with this reference.",
        )
    if isinstance(reference, NumericReference) and isinstance(summary, NumericSummary):
        return _numeric_cells(reference, summary)
    if isinstance(reference, CategoryReference) and isinstance(summary, CategorySummary):
        return _category_cells(reference, summary)
    raise BinMismatch(f"{reference.name!r} is numeric on one side only", hint="Summarise the rows with this reference.")


def _numeric_cells(reference: NumericReference, summary: NumericSummary) -> Cells:
    groups = group_bins(reference.counts) if reference.edges else [(0, 1)]
    labels = [_range_label(reference, start, end) for start, end in groups]
    return Cells(
        labels=(*labels, "missing"),
        reference=(*(sum(reference.counts[start:end]) for start, end in groups), reference.nulls),
        current=(*(sum(summary.counts[start:end]) for start, end in groups), summary.nulls),
    )


def group_bins(counts: Sequence[int], cells: int = _CELLS) -> list[tuple[int, int]]:
    """Return runs of bins that hold about as many rows each, as (first, end); the two outer bins stay alone.

    Args:
        counts: Rows per bin of the reference.
        cells: About how many runs.
    """
    target = max(1.0, sum(counts) / cells)
    last = len(counts) - 1
    groups, start, held = [(0, 1)], 1, 0
    for position in range(1, last):
        if held and held + counts[position] > 1.25 * target:
            groups.append((start, position))
            start, held = position, 0
        held += counts[position]
        if held >= target:
            groups.append((start, position + 1))
            start, held = position + 1, 0
    if start < last:
        groups.append((start, last))
    return [*groups, (last, last + 1)] if last else [(0, 1)]


def _range_label(reference: NumericReference, start: int, end: int) -> str:
    edges = reference.edges
    if reference.low is None or reference.high is None:
        return "any number"
    if start == 0:
        return f"below {reference.low:.6g}"
    if end > len(edges):
        return f"above {reference.high:.6g}"
    high = edges[end - 1]
    if start == 1:
        return f"{reference.low:.6g} to {high:.6g}"
    return f"over {edges[start - 1]:.6g} to {high:.6g}"


def _category_cells(reference: CategoryReference, summary: CategorySummary) -> Cells:
    total = sum(reference.counts) + reference.other + reference.nulls
    large = [count >= _SMALLEST_CATEGORY * total for count in reference.counts]
    kept = [index for index, is_large in enumerate(large) if is_large][: 2 * _CELLS]
    rest = sorted(set(range(len(large))) - set(kept))
    return Cells(
        labels=(*(reference.values[index] for index in kept), "rarer categories", "other categories", "missing"),
        reference=(
            *(reference.counts[index] for index in kept),
            sum(reference.counts[index] for index in rest),
            reference.other,
            reference.nulls,
        ),
        current=(
            *(summary.counts[index] for index in kept),
            sum(summary.counts[index] for index in rest),
            summary.other,
            summary.nulls,
        ),
    )
