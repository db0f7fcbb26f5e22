"""The typed inputs and outputs of a model, in MLflow's words."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import InvalidText, check_text, shown

FieldType = Literal["double", "float", "long", "integer", "string", "boolean", "datetime"]

_LONGEST_NAME = 500
_MOST_FIELDS = 20_000


class InvalidSignature(InvalidInput):
    """A signature cannot be what it says."""

    code = "invalid_signature"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its name, its type in MLflow's words, and whether a row must have a value for it."""

    name: str
    type: FieldType
    required: bool = True


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes and gives."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]


def check_signature(signature: Signature) -> Signature:
    """Return a signature if its names are texts, each there once, and neither end is empty.

    Raises:
        InvalidSignature: If they are not.
    """
    for side, fields in (("input", signature.inputs), ("output", signature.outputs)):
        if not 1 <= len(fields) <= _MOST_FIELDS:
            raise InvalidSignature(
                f"The model has {len(fields)} {side} columns", hint=f"Give between 1 and {_MOST_FIELDS}."
            )
        seen: set[str] = set()
        for field in fields:
            _check_field_name(field.name, side)
            if field.name in seen:
                raise InvalidSignature(
                    f"The {side} column {shown(field.name)} is there twice", hint="Give each column a name of its own."
                )
            seen.add(field.name)
    return signature


def _check_field_name(name: str, side: str) -> None:
    try:
        check_text(name, f"the {side} column's name", _LONGEST_NAME)
    except InvalidText as error:
        raise InvalidSignature(error.message, hint=error.hint) from None
    if not name:
        raise InvalidSignature(f"An {side} column has no name", hint="Give each column a name.")


def infer_field(name: str, values: Sequence[object]) -> Field:
    """Return the field that a column of an example shows: a null in it makes it not required.

    Args:
        name: The column's name.
        values: Plain Python values; None and NaN are nulls.

    Raises:
        InvalidSignature: If the values are of a kind, or a mixture, that no type covers.
    """
    kinds = {type(value) for value in values if not is_null(value)}
    required = not any(map(is_null, values))
    return Field(name=name, type=_type_of(name, kinds, values), required=required)


def is_null(value: object) -> bool:
    """Return whether a value stands for a missing one: None or NaN."""
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - only NaN differs


def _type_of(name: str, kinds: set[type], values: Sequence[object]) -> FieldType:
    if kinds <= {float}:
        return "double"  # also a column of nulls only
    if kinds == {bool}:
        return "boolean"
    if kinds <= {int, float} and (float in kinds or any(value is not None and is_null(value) for value in values)):
        return "double"
    if kinds == {int}:
        return "long"
    if kinds == {str}:
        return "string"
    if kinds and all(issubclass(kind, date | datetime) for kind in kinds):
        return "datetime"
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise InvalidSignature(
        f"Column {shown(name)} of the example holds values of {found}",
        hint="A column holds numbers, texts, booleans or moments, of one kind.",
    )


def to_mlflow(fields: Sequence[Field], *, named: bool = True) -> str:
    """Return the JSON text that MLflow keeps for one end of a signature.

    Args:
        fields: The columns.
        named: False for a single column without a name, as MLflow writes the answer of an array.
    """
    return json.dumps(
        [
            {"type": field.type, **({"name": field.name} if named else {}), "required": field.required}
            for field in fields
        ]
    )


def from_mlflow(inputs: str, outputs: str | None) -> Signature:
    """Return the signature that MLflow's JSON texts hold; a column without a name gets one.

    Raises:
        InvalidSignature: If a text is not a list of columns, or one has a type that is not a scalar.
    """
    return Signature(inputs=_columns(inputs, "input"), outputs=_columns(outputs or "[]", "prediction"))


_TENSORS: dict[str, FieldType] = {
    "float64": "double",
    "float32": "float",
    "int64": "long",
    "int32": "integer",
    "bool": "boolean",
    "object": "string",
    "str": "string",
}


class _Spec(msgspec.Struct, frozen=True):
    dtype: str
    shape: list[int]


class _Tensor(msgspec.Struct, frozen=True):
    tensor: _Spec = msgspec.field(name="tensor-spec")


def from_foreign(inputs: str | None, outputs: str | None) -> Signature:
    """Return what can be understood of a signature that another's client wrote; an end that cannot be is empty.

    Besides columns these are arrays of one row after the other, whose columns have the names that an array's have here.
    """
    return Signature(inputs=_any_columns(inputs, "input", "x"), outputs=_any_columns(outputs, "prediction"))


def _any_columns(text: str | None, unnamed: str, numbered: str = "prediction_") -> tuple[Field, ...]:
    try:
        return _columns(text or "[]", unnamed)
    except InvalidSignature:
        pass
    try:
        (tensor,) = msgspec.json.decode(text or "[]", type=list[_Tensor])
    except (ValueError, msgspec.DecodeError, RecursionError):
        return ()
    shape, kind = tensor.tensor.shape, _TENSORS.get(tensor.tensor.dtype)
    if kind is None or len(shape) not in {1, 2} or shape[0] != -1:
        return ()
    if len(shape) == 1:
        return (Field(name=unnamed, type=kind),)
    count = shape[1] if 0 < shape[1] <= _MOST_FIELDS else 0
    return tuple(Field(name=f"{numbered}{at}", type=kind) for at in range(count))


class _Column(msgspec.Struct, frozen=True):
    type: str
    name: str | None = None
    required: bool = True


def _columns(text: str, unnamed: str) -> tuple[Field, ...]:
    try:
        columns = msgspec.json.decode(text, type=list[_Column])
        return tuple(
            msgspec.convert(
                {
                    "name": column.name or (unnamed if len(columns) == 1 else f"{unnamed}_{at}"),
                    "type": column.type,
                    "required": column.required,
                },
                Field,
            )
            for at, column in enumerate(columns)
        )
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidSignature(
            f"The signature is not a list of scalar columns: {shown(str(error), 200)}",
            hint="Tensors, arrays and objects are not supported; give one scalar column a feature.",
        ) from None
