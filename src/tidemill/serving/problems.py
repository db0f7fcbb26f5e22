"""What is wrong with a body, said row by row; the slow way, taken only by requests that will be refused."""

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean, nearest
from tidemill.serving.columns import Column
from tidemill.serving.errors import DuplicateKey, EmptyRequest, InvalidBody, InvalidRows, JsonTooDeep, MalformedJson

MOST = 20
_LONGEST = 1024 * 1024  # A larger body gets the decoder's own first finding: walking it would hold up the others.
_PLACE = re.compile(r"\$\.records\[(\d+)\](?:\.(.*))?$|\$\.columns\.(.*)\[(\d+)\]$")
_EXPECTED = {
    "double": "a number",
    "float": "a number",
    "long": "a whole number",
    "integer": "a whole number of 32 bits",
    "string": "text",
    "boolean": "true or false",
    "datetime": "a time as ISO 8601 text",
    "any": "text, a number, true, false or null",
}
_BITS = {"long": 63, "integer": 31}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong in one cell, or in one row when no field is named."""

    row: int
    field: str
    problem: str


class _Doubled(Exception):  # carries a key out of the JSON reader; never leaves this module
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class _NotFinite(msgspec.Struct, frozen=True):
    """Stands for NaN, Infinity and numbers too large for a double."""

    word: str


def invalid(found: Sequence[Problem]) -> InvalidRows:
    """Return the error that lists these problems."""
    first = found[0]
    place = f"row {first.row}, field {shown(first.field)}" if first.field else f"row {first.row}"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return InvalidRows(
        f"{place[0].upper()}{place[1:]}: {first.problem}{more}",
        hint="Send rows as the model's signature says; GET /v1/endpoints shows it.",
        where=place,
        details={"problems": [msgspec.to_builtins(problem) for problem in found[:MOST]]},
    )


def wrong_type(row: int, field: str, kind: str, value: object) -> Problem:
    """Return the problem of a value that is not of its column's type."""
    return Problem(row=row, field=field, problem=f"expected {_EXPECTED[kind]}, found {_found(value)}")


def explain(raw: bytes, fields: Sequence[Column], cause: Exception | None) -> InvalidInput:
    """Return the error that says best what is wrong with a body.

    Args:
        raw: The body.
        fields: What a row may have.
        cause: What the typed decode found, or None when it passed.
    """
    if len(raw) > _LONGEST:
        return _first_finding(cause)
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_NotFinite,
            parse_float=_float,
            parse_int=_int,
        )
    except RecursionError:
        return JsonTooDeep("The body nests too deep", hint="Send records as flat objects.")
    except _Doubled as doubled:
        return DuplicateKey(f"The key {shown(doubled.key)} stands twice in one object", hint="Give each key once.")
    except UnicodeDecodeError as error:
        return MalformedJson(f"The body is not UTF-8 (byte {error.start})", hint="Encode the JSON as UTF-8.")
    except json.JSONDecodeError as error:
        hint = 'Send a JSON object: {"records": [{"COLUMN": VALUE}]}.' if not raw.strip() else "Check the JSON there."
        return MalformedJson(
            f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})", hint=hint
        )
    error_found = _walk(value, fields)
    return error_found or _first_finding(cause)


def _first_finding(cause: Exception | None) -> InvalidInput:
    message = str(cause) if cause else "The body cannot be read"
    text, _, path = message.partition(" - at ")
    if place := _PLACE.match(path.strip("`")):
        row, field = (place[1], place[2] or "") if place[1] else (place[4], place[3])
        return invalid([Problem(row=int(row), field=field, problem=text[0].lower() + text[1:].replace("`", ""))])
    if isinstance(cause, msgspec.ValidationError):
        return InvalidBody(f"The body is not a prediction request: {message}", hint='Send {"records": [...]}.')
    return MalformedJson(f"The body cannot be read: {message}", hint="Send strict JSON.")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Doubled(key)
            seen.add(key)
    return made


def _float(text: str) -> object:
    value = float(text)
    return value if math.isfinite(value) else _NotFinite(text)


def _int(text: str) -> object:
    return int(text) if len(text) <= 300 else _NotFinite(text)  # digits of the largest double


def _walk(value: object, fields: Sequence[Column]) -> InvalidInput | None:
    hint = 'Send {"records": [{"COLUMN": VALUE}]} or {"columns": {"COLUMN": [VALUE]}}.'
    if not isinstance(value, dict):
        return InvalidBody(f"The body is {_found(value)}, not an object", hint=hint)
    known = ("records", "columns", "ids")
    for key in value:
        if key not in known:
            return InvalidBody(f"The body has the unknown key {shown(key)}", hint=did_you_mean(key, known))
    if ("records" in value) == ("columns" in value):
        return InvalidBody("The body must have either 'records' or 'columns'", hint=hint)
    ids = value.get("ids", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        return InvalidBody("'ids' is not a list of texts", hint="Give one text a row, or leave it out.")
    if "records" in value:
        return _walk_records(value["records"], fields)
    return _walk_columns(value["columns"], fields)


def _walk_records(records: object, fields: Sequence[Column]) -> InvalidInput | None:
    if not isinstance(records, list):
        return InvalidBody(f"'records' is {_found(records)}, not a list", hint="Send a list of objects.")
    if not records:
        return EmptyRequest("The request has no rows", hint="Send at least one record.")
    found: list[Problem] = []
    for at, record in enumerate(records):
        if isinstance(record, dict):
            found += _row_problems(at, record, fields)
        else:
            found.append(Problem(row=at, field="", problem=f"expected an object, found {_found(record)}"))
        if len(found) >= MOST:
            break
    return invalid(found) if found else None


def _row_problems(at: int, record: dict[str, object], fields: Sequence[Column]) -> list[Problem]:
    found = _unknown_problems(at, record, fields)
    for field in fields:
        if field.name not in record:
            if field.required:
                found.append(Problem(row=at, field=field.name, problem="is missing"))
        elif problem := _cell_problem(at, field, record[field.name]):
            found.append(problem)
    return found


def _unknown_problems(at: int, given: dict[str, object], fields: Sequence[Column]) -> list[Problem]:
    names = [field.name for field in fields]
    absent = [field.name for field in fields if field.name not in given]
    found = []
    for key in given:
        if key not in names:
            close = nearest(key, absent) or nearest(key, names)
            meant = f"; did you mean {close!r}?" if close else ""
            found.append(Problem(row=at, field=shown(key)[1:-1], problem=f"unknown column{meant}"))
    return found


def _walk_columns(columns: object, fields: Sequence[Column]) -> InvalidInput | None:
    if not isinstance(columns, dict):
        return InvalidBody(f"'columns' is {_found(columns)}, not an object", hint="Send an object of lists.")
    found = _unknown_problems(0, columns, fields)
    for field in fields:
        cells = columns.get(field.name)
        if field.name not in columns:
            if field.required:
                found.append(Problem(row=0, field=field.name, problem="is missing"))
        elif not isinstance(cells, list):
            found.append(Problem(row=0, field=field.name, problem=f"expected a list, found {_found(cells)}"))
        else:
            checked = (_cell_problem(at, field, cell) for at, cell in enumerate(cells))
            found += [problem for problem in checked if problem][:MOST]
    return invalid(found[:MOST]) if found else None


def _cell_problem(at: int, field: Column, value: object) -> Problem | None:
    if value is None:
        if field.required:
            return Problem(row=at, field=field.name, problem="expected a value, found null")
        return None
    if isinstance(value, str) and (trouble := _text_trouble(value)):
        return Problem(row=at, field=field.name, problem=trouble)
    return None if _fits(field.type, value) else wrong_type(at, field.name, field.type, value)


def _fits(kind: str, value: object) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"double", "float"}:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind in _BITS:
        return (
            isinstance(value, int) and not isinstance(value, bool) and -(2 ** _BITS[kind]) <= value < 2 ** _BITS[kind]
        )
    if kind == "string":
        return isinstance(value, str)
    if kind == "datetime":
        return isinstance(value, str) and _is_time(value)
    return isinstance(value, str | float) or (isinstance(value, int) and -(2**63) <= value < 2**63)


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _text_trouble(value: str) -> str:
    if "\x00" in value:
        return "the text holds the character U+0000"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "the text holds half of a surrogate pair"
    return ""


def _found(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, _NotFinite):
        return f"{shown(value.word, 24)[1:-1]}, which JSON numbers cannot hold (send null for a missing value)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {shown(repr(value), 40)[1:-1]}"
    if isinstance(value, str):
        return f"the text {shown(value, 40)}"
    return "an object" if isinstance(value, dict) else "a list"
