"""What checks found, without the personal data among the values that they tell."""

import re
from collections.abc import Sequence

import msgspec

from tidemill.checks.outcome import Outcome
from tidemill.checks.personal.masking import mask, mask_text
from tidemill.data.masking import Kinds

_COLUMNS = ("column", "most unusual in")
_CLASS = "class"
_VALUES = frozenset({"value", "examples", _CLASS})
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")

Cell = str | float | None


def hidden(outcome: Outcome, kinds: Kinds, label: str | None) -> Outcome:
    """Return an outcome whose cells and whose sentence show values of personal columns masked.

    In those of other columns, each proven piece of personal data is.

    Args:
        outcome: What a check found.
        kinds: What each column of the versions holds.
        label: The column of the classes that a check tells.
    """
    named = outcome.table.columns
    rows: list[tuple[Cell, ...]] = []
    replaced: dict[str, str] = {}
    for row in outcome.table.rows:
        column = _column_of(named, row, label)
        cells = [_cell(name, cell, kinds.get(column, ())) for name, cell in zip(named, row, strict=True)]
        replaced |= {old: str(new) for old, new in zip(row, cells, strict=True) if old and isinstance(old, str)}
        rows.append(tuple(cells))
    reason = outcome.reason
    if _CLASS in named and kinds.get(label or ""):
        reason = _pieces(reason, kinds[label or ""])
    for old, new in sorted(replaced.items(), key=lambda pair: -len(pair[0])):
        reason = reason.replace(old, new) if old != new else reason
    table = msgspec.structs.replace(outcome.table, rows=tuple(rows))
    return msgspec.structs.replace(outcome, reason=mask_text(reason), table=table)


def _column_of(named: Sequence[str], row: Sequence[Cell], label: str | None) -> str:
    """Return the column whose values a row tells."""
    told = (cell for name, cell in zip(named, row, strict=True) if name in _COLUMNS and isinstance(cell, str))
    return next(told, (label or "") if _CLASS in named else "")


def _cell(name: str, cell: Cell, kinds: Sequence[str]) -> Cell:
    if not isinstance(cell, str):
        return cell
    if not kinds or name not in _VALUES:
        return mask_text(cell)
    return mask_text(_pieces(cell, kinds) if name == "examples" else _masked(cell, kinds))


def _pieces(text: str, kinds: Sequence[str]) -> str:
    """Return a text with the values masked that stand in it in quotes."""
    return _QUOTED.sub(lambda found: f"{found[0][0]}{_masked(found[0][1:-1], kinds)}{found[0][0]}", text)


def _masked(value: str, kinds: Sequence[str]) -> str:
    return mask([value], kinds)[0] or ""
