"""An example of a model's input: polars, pandas, numpy or plain columns, told apart without importing any of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from tidemill.core.errors import InvalidInput
from tidemill.models.signatures import Field, FieldType, InvalidSignature, infer_field, is_null

SAMPLE_ROWS = 256

Shape = Literal["polars", "pandas", "array", "columns"]

_NUMPY_TYPES: dict[str, FieldType] = {
    "bool": "boolean",
    "boolean": "boolean",
    "float64": "double",
    "float32": "float",
    "float16": "float",
    "int64": "long",
    "uint32": "long",
    "uint64": "long",
    "int32": "integer",
    "int16": "integer",
    "int8": "integer",
    "uint16": "integer",
    "uint8": "integer",
}


class InvalidExample(InvalidInput):
    """An example input is not a table with rows and columns."""

    code = "invalid_example"


class ExampleUnlikeModel(InvalidInput):
    """An example is not of the kind that the model was trained on."""

    code = "example_unlike_model"


@dataclass(frozen=True, slots=True)
class Example:
    """What an example says of a model's input.

    Args:
        shape: What kind of table it is.
        fields: Its columns, in order; nulls anywhere in the table make one not required.
        columns: Some of its rows as plain Python values, None for a missing one.
        count: How many rows that are.
        table: The same rows as they were given; None for plain columns.
    """

    shape: Shape
    fields: tuple[Field, ...]
    columns: dict[str, list[object]]
    count: int
    table: object = None


def shape_of(table: object) -> Shape:
    """Return what kind of table an object is.

    Raises:
        InvalidExample: If it is none of those known.
    """
    package = type(table).__module__.partition(".")[0]
    if package in {"polars", "pandas"} and type(table).__name__ == "DataFrame":
        return "polars" if package == "polars" else "pandas"
    if package == "numpy" and len(getattr(table, "shape", ())) == 2:
        return "array"
    if isinstance(table, Mapping):
        return "columns"
    raise InvalidExample(
        f"An example of type {type(table).__name__} is not a table",
        hint="Give a polars or pandas DataFrame, a two-dimensional numpy array, or a dict of columns.",
    )


def read_example(table: Any, names: Sequence[str] = ()) -> Example:  # noqa: ANN401 - told apart by `shape_of`
    """Return what an example shows.

    Args:
        table: A polars or pandas DataFrame, a two-dimensional numpy array, or a mapping of columns.
        names: What to call the columns of an array; `x0`, `x1` and so on when left out. Of a table that has columns of
            all these names, only they are read: a step's training table holds its label too.

    Raises:
        InvalidExample: If it is not a table, has no rows, or its columns differ in length.
        InvalidSignature: If a column holds what no type covers.
    """
    shape = shape_of(table)
    table = _only(table, shape, names)
    rows: object = None
    if shape == "polars":
        fields, sample = _read_polars(table)
        rows = table.gather_every(_step(table.height))
    elif shape == "pandas":
        fields, sample = _read_pandas(table)
        rows = table.iloc[:: _step(len(table))]
    elif shape == "array":
        fields, sample = _read_array(table, names)
        rows = table[:: _step(len(table))]
    else:
        sample = {str(name): [plain(value) for value in values] for name, values in table.items()}
        fields = tuple(infer_field(name, values) for name, values in sample.items())
        sample = {name: values[:: _step(len(values))] for name, values in sample.items()}
    lengths = {len(values) for values in sample.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InvalidExample(
            "The example has no rows" if len(lengths) < 2 else "The example's columns differ in length",
            hint="Give a few rows as the model was trained on.",
        )
    return Example(shape, fields, sample, lengths.pop(), rows)


def columns_of(table: Any) -> list[str]:  # noqa: ANN401 - told apart by `shape_of`
    """Return the names of a table's columns; nothing for an array."""
    shape = shape_of(table)
    if shape == "array":
        return []
    return [str(name) for name in (table if shape == "columns" else table.columns)]


def _only(table: Any, shape: Shape, names: Sequence[str]) -> Any:  # noqa: ANN401 - the same kind of table
    if not names or shape == "array" or not set(names) <= set(columns_of(table)):
        return table
    if shape == "columns":
        return {name: table[name] for name in names}
    return table[list(names)]


def plain(value: Any) -> object:  # noqa: ANN401 - anything a table can hold
    """Return a value as plain Python: None for every kind of missing, aware moments, no numpy scalars."""
    if is_null(value) or type(value).__name__ in {"NaTType", "NAType"}:
        return None
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str | float):
        return str(value) if isinstance(value, str) else float(value)  # numpy has kinds of its own
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    elif hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _step(rows: int) -> int:
    return max(1, -(-rows // SAMPLE_ROWS))


def _read_polars(table: Any) -> tuple[tuple[Field, ...], dict[str, list[object]]]:  # noqa: ANN401 - a polars frame
    sample = {
        name: [plain(value) for value in table[name].gather_every(_step(table.height)).to_list()]
        for name in table.columns
    }
    fields = []
    for name in table.columns:
        column = table[name]
        dtype = str(column.dtype)
        nulls = column.null_count() > 0 or (dtype.startswith("Float") and bool(column.is_nan().any()))
        fields.append(Field(name=name, type=_polars_type(name, dtype), required=not nulls))
    return tuple(fields), sample


def _polars_type(name: str, dtype: str) -> FieldType:
    known = _NUMPY_TYPES.get(dtype.lower())
    if known:
        return known
    if dtype in {"String", "Categorical"} or dtype.startswith(("Enum", "Categorical")):
        return "string"
    if dtype == "Date" or dtype.startswith("Datetime"):
        return "datetime"
    if dtype == "Null":
        return "double"
    if dtype.startswith("Decimal"):
        return "double"
    raise InvalidSignature(
        f"Column {name!r} of the example is of type {dtype}", hint="Give numbers, texts, booleans or moments."
    )


def _read_pandas(table: Any) -> tuple[tuple[Field, ...], dict[str, list[object]]]:  # noqa: ANN401 - a pandas frame
    fields, sample = [], {}
    for at, label in enumerate(table.columns):
        name, column = str(label), table.iloc[:, at]
        if name in sample:
            raise InvalidSignature(f"Column {name!r} of the example is there twice", hint="Rename one of them.")
        sample[name] = [plain(value) for value in column.iloc[:: _step(len(column))].tolist()]
        dtype = str(column.dtype)
        if known := _NUMPY_TYPES.get(dtype.lower()):
            fields.append(Field(name=name, type=known, required=not bool(column.isna().any())))
        elif dtype == "category":
            of = infer_field(name, [plain(value) for value in column.cat.categories.tolist()])
            fields.append(Field(name=name, type=of.type, required=not bool(column.isna().any())))
        else:
            fields.append(infer_field(name, [plain(value) for value in column.tolist()]))
    return tuple(fields), sample


def _read_array(table: Any, names: Sequence[str]) -> tuple[tuple[Field, ...], dict[str, list[object]]]:  # noqa: ANN401
    width = table.shape[1]
    names = names if len(names) == width else [f"x{at}" for at in range(width)]
    known = _NUMPY_TYPES.get(str(table.dtype))
    fields, sample = [], {}
    for at, name in enumerate(names):
        column = table[:, at]
        sample[name] = [plain(value) for value in column[:: _step(len(column))].tolist()]
        if known in {"double", "float"}:
            fields.append(Field(name=name, type=known, required=not bool((column != column).any())))  # noqa: PLR0124
        elif known:
            fields.append(Field(name=name, type=known))
        else:
            fields.append(infer_field(name, [plain(value) for value in column.tolist()]))
    return tuple(fields), sample
