"""The example rows of a model that MLflow's client logged: its input example, else rows that its signature allows."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.models.manifest import JsonValue
from tidemill.models.mlmodel import MLmodel
from tidemill.models.signatures import Field, FieldType, InvalidSignature, infer_field

_LARGEST_BYTES = 64 << 20
_AGAIN = "Log the model again with `input_example=` a few rows as it was trained on, or with `signature=`."
_VALUES: dict[FieldType, tuple[object, ...]] = {
    "double": (0.0, 1.0, -1.0, 0.5, 100.0),
    "float": (0.0, 1.0, -1.0, 0.5, 100.0),
    "long": (0, 1, 2, 3, 100),
    "integer": (0, 1, 2, 3, 100),
    "boolean": (False, True, False, True, True),
    "string": ("", "a", "b", "0", "x"),
    "datetime": tuple(datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 2000, 2020, 2026, 2030)),
}


class InputsUnknown(InvalidInput):
    """Nothing that was logged with a model says what it takes."""

    code = "inputs_unknown"


class Rows(NamedTuple):
    """Rows as plain values, and what their columns are.

    `is_made` says that nobody logged them: they are what the signature allows.
    """

    fields: tuple[Field, ...]
    columns: dict[str, list[object]]
    is_made: bool = False


class _Split(msgspec.Struct, frozen=True):
    columns: list[str | int]
    data: list[list[JsonValue]]


_WORDS: dict[str, float | None] = {"NaN": None, "Infinity": float("inf"), "-Infinity": float("-inf")}
"""What Python's own writer of JSON, which MLflow's client uses, says of numbers that JSON does not have."""


def rows_of(folder: Path, about: MLmodel) -> Rows:
    """Return example rows of a model that MLflow's client logged.

    Raises:
        InputsUnknown: If neither an example nor a signature of columns was logged with it.
        InvalidSignature: If the example is not what it is said to be.
    """
    wanted = about.signature.inputs if about.signature else ()
    found = _logged(folder, about.example, wanted)
    if found is None and wanted:
        made = {field.name: list(_VALUES[field.type]) for field in wanted}
        found = Rows(wanted, made, is_made=True)
    if found is None:
        raise InputsUnknown("Nothing that was logged with this model says which columns it takes", hint=_AGAIN)
    # A column that may be missing shows that by a null, whatever the few rows of an example happen to hold.
    if any(not field.required for field in wanted):
        for field in found.fields:
            values = found.columns[field.name]
            values.append(values[0] if field.required else None)
    return found


def _logged(folder: Path, info: Mapping[str, JsonValue], wanted: Sequence[Field]) -> Rows | None:
    """Return the rows of the input example; None if there is none that is a table."""
    name, kind = info.get("artifact_path"), info.get("type")
    path = folder / name if isinstance(name, str) and "/" not in name and ".." not in name else None
    if kind not in {"dataframe", "ndarray"} or path is None or not path.is_file() or path.is_symlink():
        return None
    if path.stat().st_size > _LARGEST_BYTES:
        return None
    try:
        return _frame(path.read_bytes(), wanted) if kind == "dataframe" else _array(path.read_bytes(), wanted)
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        raise InvalidSignature(
            f"The logged input example cannot be read: {shown(str(error), 200)}", hint=_AGAIN, where=path.name
        ) from None


def _frame(content: bytes, wanted: Sequence[Field]) -> Rows | None:
    split = msgspec.convert(_plain(content), type=_Split)
    names = [str(name) for name in split.columns]
    if not split.data or not names:
        return None
    if any(len(row) != len(names) for row in split.data) or len(set(names)) != len(names):
        raise ValueError("its rows do not fit its columns")
    given: dict[str, list[object]] = {name: [row[at] for row in split.data] for at, name in enumerate(names)}
    types = {field.name: field for field in wanted}
    if types and set(types) <= set(given):
        return _shown({name: given[name] for name in types}, wanted)
    return Rows(tuple(infer_field(name, values) for name, values in given.items()), given)


def _array(content: bytes, wanted: Sequence[Field]) -> Rows | None:
    rows = _plain(content)
    widths = {len(row) if isinstance(row, list) else 0 for row in rows} if isinstance(rows, list) else set()
    if len(widths) != 1 or 0 in widths:
        return None  # one row, or more dimensions than a table has
    width = widths.pop()
    if any(isinstance(value, list | dict) for row in rows for value in row):
        return None
    given = {f"x{at}": [row[at] for row in rows] for at in range(width)}
    if [field.name for field in wanted] == list(given):
        return _shown(given, wanted)
    return Rows(tuple(infer_field(name, values) for name, values in given.items()), given)


def _plain(content: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(content, parse_constant=_WORDS.__getitem__)


def _shown(given: Mapping[str, list[object]], wanted: Sequence[Field]) -> Rows:
    """Return rows as the signature has them; a gap shows that a column may lack a value, whatever the signature says.

    MLflow infers a signature from whatever rows it is given, and asks for a value only of columns that are no numbers.
    """
    columns = {field.name: _typed(given[field.name], field.type) for field in wanted}
    fields = [
        msgspec.structs.replace(field, required=field.required and None not in columns[field.name]) for field in wanted
    ]
    return Rows(tuple(fields), columns)


def _typed(values: Sequence[object], kind: FieldType) -> list[object]:
    """Return values as JSON gives them in the type of their column: JSON knows neither moments nor 1.0 besides 1."""
    return [None if value is None else _one(value, kind) for value in values]


def _one(value: object, kind: FieldType) -> object:
    if kind in {"double", "float"} and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in {"long", "integer"} and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "datetime" and isinstance(value, str):
        found = datetime.fromisoformat(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return value
