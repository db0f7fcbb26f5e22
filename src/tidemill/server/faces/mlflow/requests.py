"""From a request to the fields that a route takes, with MLflow's words for what is wrong with them.

Fields that a route does not know are ignored, a null is a field left out, and whole numbers may come as text: so does
the JSON form of protocol buffers, which the clients speak.
"""

import re
from typing import TypeVar

import msgspec
from starlette.datastructures import QueryParams

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown

T = TypeVar("T", bound=msgspec.Struct)
_MISSING = re.compile(r"missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_FIRST_NAME = re.compile(r"[^.\[\]]+")
_SEE = "See the API docs for more information about request parameters"


class InvalidParameter(InvalidInput):
    """A field is missing, or is not what it must be."""

    code = "invalid_parameter"


class NotJson(InvalidInput):
    """A body is no JSON object, or is said to be something else."""

    code = "not_json"


class LengthMissing(InvalidInput):
    """Nothing says where an upload ends."""

    code = "length_missing"


def check_type(kind: str) -> None:
    """Let the type of a body pass that is JSON or left out: other pages of a browser may send every simple type.

    Raises:
        NotJson: If it is another one.
    """
    if kind and kind.split(";", maxsplit=1)[0].strip().lower() != "application/json":
        raise NotJson(f"Bad request: the Content-Type is {shown(kind)}", hint="Send application/json")


def from_body(body: bytes, shape: type[T]) -> T:
    """Return the fields in a JSON body.

    Raises:
        NotJson: If it is not JSON, or not an object.
        InvalidParameter: If a field is unfit.
    """
    try:
        return checked(msgspec.json.decode(body, type=shape, strict=False))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return from_values(decoded(body), shape)


def from_query(query: QueryParams, shape: type[T]) -> T:
    """Return the fields in a query.

    Raises:
        InvalidParameter: If a field is unfit.
    """
    return from_values(query_values(query, shape), shape)


def query_values(query: QueryParams, shape: type[msgspec.Struct]) -> dict[str, object]:
    """Return what a query gives of the fields of a shape, as text."""
    given: dict[str, object] = {}
    for field in msgspec.structs.fields(shape):
        texts = query.getlist(field.encode_name)
        if texts:
            is_list = getattr(field.type, "__origin__", None) is list
            given[field.encode_name] = texts if is_list else texts[-1]
    return given


def from_values(given: dict[str, object], shape: type[T]) -> T:
    """Return the fields among values that are decoded already."""
    present = {name: value for name, value in given.items() if value is not None}
    try:
        return checked(msgspec.convert(present, shape, strict=False))
    except msgspec.ValidationError as error:
        raise _said(error, present) from error


def checked(value: T) -> T:
    """Return what was read if no required text is empty: protocol buffers cannot tell the two apart."""
    for name in value.__struct_fields__:
        if getattr(value, name) == "" and name in _required(type(value)):
            raise missing(name)
    return value


_REQUIRED: dict[type[msgspec.Struct], frozenset[str]] = {}


def _required(shape: type[msgspec.Struct]) -> frozenset[str]:
    if shape not in _REQUIRED:
        _REQUIRED[shape] = frozenset(field.name for field in msgspec.structs.fields(shape) if field.required)
    return _REQUIRED[shape]


def decoded(body: bytes) -> dict[str, object]:
    """Return the JSON object in a body, an empty one if there is none.

    Raises:
        NotJson: If it is not JSON, or not an object.
    """
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise NotJson(f"The body is not JSON: {error}", hint="Send a JSON object in UTF-8") from error
    if not isinstance(value, dict):
        raise NotJson("The body is JSON, but not an object", hint=_SEE)
    return value


def missing(name: str) -> InvalidParameter:
    """Return what to say of a field that is not there."""
    return InvalidParameter(f"Missing value for required parameter '{name}'", hint=_SEE)


def _said(error: msgspec.ValidationError, given: dict[str, object]) -> InvalidParameter:
    text = str(error)
    place = _PLACE.search(text)
    path = place.group(1) if place else ""
    absent = _MISSING.search(text)
    if absent:
        return missing(f"{path}.{absent.group(1)}" if path else absent.group(1))
    name = _FIRST_NAME.match(path)
    value = given.get(name.group()) if name else None
    if name and name.group() == path:
        found = shown(value) if isinstance(value, str) else shown(str(value)).strip("'")
        return InvalidParameter(
            f"Invalid value {found} for parameter '{path}' supplied. Hint: Value was of type '{type(value).__name__}'",
            hint=_SEE,
        )
    return InvalidParameter(f"Invalid value for parameter '{path}' supplied: {_PLACE.sub('', text)}", hint=_SEE)
