"""Answers joined to the rows that they are about, by position or by key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.disk import Scratch, plain_disk
from tidemill.data.labels.deciding import Decided
from tidemill.data.labels.errors import LabelsUnfit
from tidemill.data.labels.making import make_part
from tidemill.data.labels.records import LabelKind, LabelPlan, LabelSource, LabelTask
from tidemill.data.labels.rows import Rows
from tidemill.data.records import Column, DatasetVersion, Part, SourceFile
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_AT, _VALUE, _BY, _AGREEMENT = "__position", "__value", "__by", "__agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a version is to be made of answers.

    Args:
        details: Whether who answered, and how far they agree, stand beside each answer.
        only_labelled: Whether rows without an answer are left out.
    """

    details: bool = False
    only_labelled: bool = False


def labels_frame(plan: LabelPlan, column: Column | None, decided: Sequence[tuple[int, Decided]]) -> "pl.DataFrame":
    """Return the answers as a table, in the type of the column that they go to.

    Args:
        plan: What is asked.
        column: The column, where the version has it.
        decided: Each answer with the position of its row.
    """
    dtype = _dtype(plan, column, decided)
    values = [int(answer.value) if dtype == pl.Int64 else answer.value for _, answer in decided]
    frame = pl.DataFrame(
        {
            _AT: pl.Series([position for position, _ in decided], dtype=pl.get_index_type()),
            _VALUE: pl.Series(values, dtype=dtype),
            _BY: pl.Series([answer.by for _, answer in decided], dtype=pl.String),
            _AGREEMENT: pl.Series([answer.agreement for _, answer in decided], dtype=pl.Float64),
        }
    )
    return frame.sort(_AT)


def _dtype(plan: LabelPlan, column: Column | None, decided: Sequence[tuple[int, Decided]]) -> "pl.DataType":
    if plan.kind is LabelKind.YES_NO:
        return pl.Boolean()
    if plan.kind is not LabelKind.NUMBER:
        return pl.String()
    is_whole = column is not None and column.type.startswith(("int", "uint"))
    # The column's own type only where no answer would lose its fraction in it.
    return pl.Int64() if is_whole and all(float(answer.value).is_integer() for _, answer in decided) else pl.Float64()


def same_rows(base: DatasetVersion, other: DatasetVersion) -> bool:
    """Return whether two versions hold the same rows in the same order, as far as where they came from tells."""
    return [(part.rows, part.source.digest) for part in base.parts] == [
        (part.rows, part.source.digest) for part in other.parts
    ]


def by_key(rows: Rows, base: DatasetVersion, target: DatasetVersion, labels: "pl.DataFrame") -> "pl.DataFrame":
    """Return the answers with the key of their rows instead of the position.

    Raises:
        LabelsUnfit: If the two have no key, or not the same.
    """
    if not base.key or base.key != target.key:
        raise LabelsUnfit(
            f"{base.ref} and {target.ref} have no common key, so that no row of one is known in the other",
            hint="Add the dataset with `--key`, or finish into another one with `--into`.",
        )
    found = rows.reader.scan(base).select(base.key).with_row_index(_AT)
    return found.join(labels.lazy(), on=_AT, how="inner").drop(_AT).collect()


def relabelled(
    objects: ObjectStore, rows: Rows, task: LabelTask, target: DatasetVersion, labels: "pl.DataFrame", wanted: Wanted
) -> list[Part]:
    """Return the parts of a version with the answers in their column; parts in which nothing changes are shared.

    Args:
        objects: Where they go.
        rows: Reads the version.
        task: The task.
        target: The version that the answers are put on.
        labels: The answers, by position or by key.
        wanted: How it is to be made.
    """
    plan = task.plan
    has_column = any(column.name == plan.column for column in target.columns)
    added = [] if has_column else [plan.column]
    added += [f"{plan.column}_by", f"{plan.column}_agreement"] if wanted.details else []
    is_changed = bool(added) or wanted.only_labelled or _widens(target, plan, labels)
    made: list[Part] = []
    start = 0
    with plain_disk(objects.root), Scratch(objects) as scratch:
        for part in target.parts:
            frame = rows.reader.scan_parts([part], target.columns)
            mine = labels
            if _AT in labels.columns:
                mine = labels.filter(pl.col(_AT).is_between(start, start + part.rows, closed="left"))
                frame = frame.with_row_index(_AT, offset=start)
            start += part.rows
            if not is_changed and _AT in labels.columns and mine.is_empty():
                made.append(part)
                continue
            labelled = make_part(objects, _joined(frame, mine, plan, wanted, keep=has_column), scratch, part.source)
            if labelled.rows:
                made.append(labelled)
    return made


def _widens(target: DatasetVersion, plan: LabelPlan, labels: "pl.DataFrame") -> bool:
    """Return whether a column of whole numbers becomes one of numbers with fractions, in every part."""
    held = next((column.type for column in target.columns if column.name == plan.column), "")
    return held.startswith(("int", "uint")) and labels[_VALUE].dtype.is_float()


def _joined(
    frame: "pl.LazyFrame", labels: "pl.DataFrame", plan: LabelPlan, wanted: Wanted, *, keep: bool
) -> "pl.LazyFrame":
    """Return rows with the answers in their column."""
    on = [name for name in labels.columns if name not in {_VALUE, _BY, _AGREEMENT}]
    schema = frame.collect_schema()
    found = frame.join(labels.lazy(), on=on, how="left", maintain_order="left")
    if wanted.only_labelled:
        found = found.filter(pl.col(_VALUE).is_not_null())
    value = pl.col(_VALUE)
    if keep:
        held = pl.col(plan.column)
        kind = schema[plan.column]
        if labels[_VALUE].dtype.is_float() and kind.is_integer():
            held = held.cast(pl.Float64)
        elif kind != pl.Null:
            value = value.cast(kind)
        value = pl.coalesce(value, held)
    found = found.with_columns(value.alias(plan.column))
    if wanted.details:
        details = (pl.col(_BY).alias(f"{plan.column}_by"), pl.col(_AGREEMENT).alias(f"{plan.column}_agreement"))
        found = found.with_columns(details)
    return found.drop([name for name in (_AT, _VALUE, _BY, _AGREEMENT) if name in found.collect_schema()])


def tabled(
    objects: ObjectStore, rows: Rows, task: LabelTask, base: DatasetVersion, labels: "pl.DataFrame", wanted: Wanted
) -> list[Part]:
    """Return the rows of a folder, or those that were put aside, with the answers in a column, as one part."""
    plan = task.plan
    frame = rows.frame(base, plan.source)
    only = wanted
    if plan.source is LabelSource.FILES:
        digests = [file.digest for file in rows.files(base).entries]
        frame = frame.select("path", pl.Series("digest", digests, dtype=pl.String))
        only = Wanted(details=wanted.details, only_labelled=True)
    keep = plan.column in frame.collect_schema()
    joined = _joined(frame.with_row_index(_AT), labels, plan, only, keep=keep)
    source = SourceFile(name=base.ref, size_bytes=base.size_bytes, digest=base.digest, modified_at=base.created_at)
    with plain_disk(objects.root), Scratch(objects) as scratch:
        return [make_part(objects, joined, scratch, source)]


def positions(rows: Rows, digest: str | None, decided: Sequence[Decided]) -> Iterator[tuple[int, Decided]]:
    """Yield each answer with the position of its row."""
    for answer in decided:
        yield rows.position(digest, answer.item), answer


def unlike(plan: LabelPlan, column: Column) -> str:
    """Return why answers of a kind cannot stand in a column, empty where they can."""
    fits = {
        LabelKind.CATEGORY: ("text",),
        LabelKind.TEXT: ("text",),
        LabelKind.YES_NO: ("bool",),
        LabelKind.NUMBER: ("int", "uint", "float"),
    }[plan.kind]
    if column.type.startswith(fits) or column.type == "null":
        return ""
    return f"{shown(column.name)} holds {column.type}, and answers of the kind {plan.kind} do not fit it"
