"""What names a dataset version, and what follows from its content; pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.names import check_name, shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidDatasetRef, InvalidOption, SchemaMismatch, UnknownColumn
from tidemill.data.records import Column, OnBadRows, Part
from tidemill.data.types import joined

LATEST = "latest"
TABLE_FORMAT = "tidemill.table.1"
PART_FORMAT = "tidemill.part.1"
LONGEST_DESCRIPTION = 10_000
MOST_KEY_COLUMNS = 16
_NUMBER = re.compile(r"[1-9]\d{0,8}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """Which version is meant: by number, by tag, the latest as of the end of a day, or the latest.

    Args:
        dataset: The dataset's name.
        number: The version's number.
        tag: A tag.
        day: A day, in UTC.
    """

    dataset: str
    number: int | None = None
    tag: str | None = None
    day: date | None = None


def parse_dataset_ref(text: str) -> DatasetRef:
    """Return what `flights`, `flights@3`, `flights@latest`, `flights@2026-01-31` or `flights@gold` names.

    Raises:
        InvalidDatasetRef: If it is none of these.
    """
    name, at, rest = text.partition("@")
    check_name(name, "dataset")
    if not at or rest == LATEST:
        return DatasetRef(name)
    if _NUMBER.fullmatch(rest):
        return DatasetRef(name, number=int(rest))
    if _DAY.fullmatch(rest):
        try:
            return DatasetRef(name, day=date.fromisoformat(rest))
        except ValueError:
            raise InvalidDatasetRef(f"{shown(rest)} is no day", hint="Write it as 2026-01-31.") from None
    return DatasetRef(name, tag=check_tag(rest))


def check_tag(tag: str) -> str:
    """Return a tag if it is fit to be one.

    Raises:
        InvalidDatasetRef: If it looks like a number or a day, or is `latest`.
    """
    check_name(tag, "tag")
    if tag == LATEST or tag.isdecimal() or _DAY.fullmatch(tag):
        raise InvalidDatasetRef(f"{shown(tag)} cannot be a tag", hint="Use a word, such as 'gold'.")
    return tag


def parse_on_bad_rows(word: str) -> OnBadRows:
    """Return what a word orders for bad rows.

    Raises:
        InvalidOption: If it orders nothing.
    """
    try:
        return OnBadRows(word)
    except ValueError:
        raise InvalidOption(f"on_bad_rows is {shown(word)}", hint=did_you_mean(word, list(OnBadRows))) from None


def check_key(key: Sequence[str], time: str | None, columns: Sequence[str]) -> None:
    """Check that a table has the columns of the key and the time.

    Raises:
        UnknownColumn: If it lacks one.
        InvalidOption: If the key has too many columns, or one twice.
    """
    if len(set(key)) != len(key) or len(key) > MOST_KEY_COLUMNS:
        raise InvalidOption(
            "The key names a column twice or has too many", hint=f"Name at most {MOST_KEY_COLUMNS} columns, once each."
        )
    known = set(columns)
    for role, column in [*(("key", column) for column in key), *([("time", time)] if time else [])]:
        if column not in known:
            raise UnknownColumn(
                f"The {role} column {shown(column)} is not in the table", hint=did_you_mean(column, columns)
            )


def join_schemas(parts: Sequence[tuple[str, Sequence[Column]]]) -> tuple[Column, ...]:
    """Return the schema that holds the rows of all parts, in the order of the first one's columns.

    Args:
        parts: The name of each part's source and its columns.

    Raises:
        SchemaMismatch: If their columns differ, or two types have nothing in common.
    """
    first_name, first = parts[0]
    schema = {column.name: column for column in first}
    for name, columns in parts[1:]:
        found = {column.name: column for column in columns}
        for one, other, here, there in ((schema, found, first_name, name), (found, schema, name, first_name)):
            if extra := [column for column in one if column not in other]:
                raise SchemaMismatch(
                    f"{shown(here)} has the column {shown(extra[0])}, and {shown(there)} does not",
                    hint=did_you_mean(extra[0], other),
                    details={"columns": extra[:100]},
                )
        for column in columns:
            schema[column.name] = _join(schema[column.name], column, name)
    return tuple(schema.values())


def _join(held: Column, column: Column, name: str) -> Column:
    word = joined(held.type, column.type)
    if word is None:
        raise SchemaMismatch(
            f"Column {shown(column.name)} is {column.type} in {shown(name)}, and {held.type} before it",
            where=f"{name}, column {column.name}",
            hint=f"Correct the file, or take the column as text everywhere: --type {column.name}=text.",
            details={"column": column.name, "before": held.type, "type": column.type},
        )
    return Column(name=held.name, type=word, nullable=held.nullable or column.nullable)


def choose(held: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the columns that are asked for, each once.

    Raises:
        UnknownColumn: If a table does not hold one.
    """
    present = dict.fromkeys(held)
    chosen = list(dict.fromkeys(wanted))
    for name in chosen:
        if name not in present:
            raise UnknownColumn(f"There is no column {shown(name)}", hint=did_you_mean(name, present))
    return chosen


def manifest(columns: Sequence[Column], key: Sequence[str], time: str | None, parts: Sequence[Part]) -> bytes:
    """Return the bytes whose digest names a table's content."""
    return _canonical(
        {
            "format": TABLE_FORMAT,
            "columns": [{"name": column.name, "type": column.type, "nullable": column.nullable} for column in columns],
            "key": list(key),
            "time": time,
            "segments": [
                {"digest": segment.digest, "rows": segment.rows, "size_bytes": segment.size_bytes}
                for part in parts
                for segment in part.segments
            ],
        }
    )


def recipe(source: Digest, options: Mapping[str, object]) -> bytes:
    """Return the bytes whose digest names how a part is made: from which file, and with which options."""
    return _canonical({"format": PART_FORMAT, "source": source, "options": dict(options)})


def _canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")
