"""Which rows are bad, and which rule says so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.checks.quality.marks import Marking, is_long
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import BadRows
from tidemill.data.fresh import Fresh
from tidemill.data.keys import ROW, KeyWatch
from tidemill.data.quoting import personal_kinds, quoted
from tidemill.data.records import RuleCount
from tidemill.data.types import Reading, dtype_of, from_text

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Mask:
    """One rule on one column, as an expression that is true for bad rows.

    Args:
        rule: The rule.
        column: The column.
        bad: The expression.
        marking: What gives it for a long table, where it would hold a column of it in memory.
    """

    rule: str
    column: str
    bad: "pl.Expr"
    marking: Marking | None = None


@dataclass(frozen=True, slots=True)
class Sorted:
    """A table whose rows were judged.

    Args:
        name: How messages call its source.
        marked: All rows with the row number, the values as read, the typed values and a flag a mask.
        columns: The names of its columns.
        masks: The masks that caught a row.
        rows_read: All rows.
        bad: Rows that a mask caught.
    """

    name: str
    marked: "pl.LazyFrame"
    columns: tuple[str, ...]
    masks: tuple[Mask, ...]
    rows_read: int
    bad: int


def typed_schema(frame: "pl.LazyFrame", mixed: "dict[str, Reading]") -> "pl.Schema":
    """Return the columns of a table as they are once its mixed ones are converted."""
    types = {name: dtype_of(reading.type) for name, reading in mixed.items()}
    return pl.Schema({name: types.get(name) or dtype for name, dtype in frame.collect_schema().items()})


def sort_rows(
    frame: "pl.LazyFrame",
    name: str,
    mixed: "dict[str, Reading]",
    rules: "Sequence[Mask]",
    keys: "KeyWatch | None",
    folder: Path,
    fresh: "Fresh | None" = None,
) -> Sorted:
    """Return a table with its bad rows marked.

    Beside the rules, a row is bad under `type` when a value does not fit its column, `finite` when a number is
    infinite or too large for one, `key` when its key is missing or was there before.

    Args:
        frame: The rows, in their order.
        name: How messages call the source.
        mixed: Columns of text that are to be converted, and how.
        rules: The masks of the quality rules.
        keys: The key and the keys of earlier parts.
        folder: Where large files may go.
        fresh: Which rows count at all; None for all.
    """
    schema = frame.collect_schema()
    columns = tuple(schema)
    typed = [from_text(column, reading).alias(column) for column, reading in mixed.items()]
    numbered = frame.with_row_index(ROW, offset=1).with_columns(
        pl.col(ROW).cast(pl.Int64), *(pl.col(column).alias(f"_tidemill_text:{column}") for column in mixed)
    )
    numbered = numbered.with_columns(typed) if typed else numbered
    numbered = fresh.only(numbered, name) if fresh else numbered
    masks = [
        Mask("type", column, pl.col(column).is_null() & pl.col(f"_tidemill_text:{column}").is_not_null())
        for column in mixed
    ]
    masks += [
        Mask("finite", column, pl.col(column).is_infinite())
        for column in columns
        if schema[column].is_float() or (column in mixed and mixed[column].type == "float64")
    ]
    if keys:
        masks += [Mask("key", column, pl.col(column).is_null()) for column in keys.columns]
    masks += _for_length(numbered, rules, folder)
    counts = numbered.select(
        pl.len(), *(mask.bad.fill_null(value=False).sum().alias(f"_bad_{index}") for index, mask in enumerate(masks))
    )
    row = counts.collect(engine="streaming").row(0, named=True)
    caught = [mask for index, mask in enumerate(masks) if row[f"_bad_{index}"]]
    if keys:
        repeated = keys.repeated(_left(numbered, caught))
        if len(repeated):
            caught.append(Mask("key", keys.columns[0], pl.col(ROW).is_in(repeated.implode())))
        for rule, column, rows in keys.others(_left(numbered, caught)):
            if len(rows):
                caught.append(Mask(rule, column, pl.col(ROW).is_in(rows.implode())))
    bad = numbered.select(_any(caught).sum()).collect(engine="streaming").item() if caught else 0
    return Sorted(name, numbered, columns, tuple(caught), row["len"], bad)


def _for_length(numbered: "pl.LazyFrame", rules: Sequence[Mask], folder: Path) -> list[Mask]:
    """Return masks that hold no column of a long table in memory."""
    if not any(rule.marking for rule in rules) or not is_long(numbered):
        return list(rules)
    return [replace(rule, bad=rule.marking(numbered, ROW, folder)) if rule.marking else rule for rule in rules]


def _left(numbered: "pl.LazyFrame", caught: Sequence[Mask]) -> "pl.LazyFrame":
    return numbered.filter(~_any(caught)) if caught else numbered


def _any(masks: Sequence[Mask]) -> "pl.Expr":
    return pl.any_horizontal([mask.bad.fill_null(value=False) for mask in masks])


def good_rows(table: Sorted) -> "pl.LazyFrame":
    """Return the rows that no mask caught, in their order."""
    return (table.marked.filter(~_any(table.masks)) if table.masks else table.marked).select(table.columns)


def bad_rows(table: Sorted) -> "pl.LazyFrame":
    """Return the rows that a mask caught.

    Every column as it was read, then `_rule` and `_column` of the first mask, `_rules` with all of them, and
    `_source_row`, the row's number in the source from 1.
    """
    flags = [f"_tidemill_bad:{place}" for place in range(len(table.masks))]
    flagged = table.marked.with_columns(  # before the filter: a mask may look at other rows
        mask.bad.fill_null(value=False).alias(flag) for mask, flag in zip(table.masks, flags, strict=True)
    )
    present = set(table.marked.collect_schema())
    told = list(zip(table.masks, flags, strict=True))
    return flagged.filter(pl.any_horizontal(flags)).select(
        *(_as_read(name, present) for name in table.columns),
        pl.coalesce(pl.when(flag).then(pl.lit(mask.rule)) for mask, flag in told).alias("_rule"),
        pl.coalesce(pl.when(flag).then(pl.lit(mask.column)) for mask, flag in told).alias("_column"),
        pl.concat_str(
            [pl.when(flag).then(pl.lit(f"{mask.rule}({mask.column})")) for mask, flag in told],
            separator=",",
            ignore_nulls=True,
        ).alias("_rules"),
        pl.col(ROW),
    )


def _as_read(name: str, present: set[str]) -> "pl.Expr":
    text = f"_tidemill_text:{name}"
    return pl.col(text).alias(name) if text in present else pl.col(name)


def count_rules(quarantine: "pl.LazyFrame") -> tuple[RuleCount, ...]:
    """Return how many quarantined rows each rule caught first."""
    counted = quarantine.group_by("_rule", "_column").len().sort("_rule", "_column").collect(engine="streaming")
    return tuple(RuleCount(rule=rule, column=column, rows=rows) for rule, column, rows in counted.iter_rows())


def refuse_bad(table: Sorted) -> None:
    """Raise for the rows that a mask caught, if any.

    Raises:
        BadRows: With the first of them.
    """
    if not table.bad:
        return
    first = bad_rows(table).head(_MOST_EXAMPLES).collect(engine="streaming")
    kinds = personal_kinds(table.marked, set(first["_column"]))
    examples = [
        {
            "row": row[ROW],
            "column": row["_column"],
            "rule": row["_rule"],
            "value": quoted(row[row["_column"]], row["_column"], kinds.get(row["_column"], ())),
        }
        for row in first.iter_rows(named=True)
    ]
    head = examples[0]
    raise BadRows(
        f"{table.bad} of {table.rows_read} rows of {shown(table.name)} break a rule; the first is row {head['row']}: "
        f"{head['column']} is {shown(str(head['value']))}, which breaks {head['rule']!r}",
        where=f"{table.name}, row {head['row']}, column {head['column']}",
        hint="Correct the rows, loosen the rule, or keep them apart with on_bad_rows='quarantine'.",
        details={"rows": examples, "bad": table.bad, "read": table.rows_read},
    )
