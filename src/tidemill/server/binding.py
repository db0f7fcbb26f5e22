"""From a request to a verb and back: parameters are matched by name and checked against the verb's own types."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeVar, get_type_hints

import msgspec

from tidemill.app.workspace import Workspace
from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.tracking.numbers import heard

T = TypeVar("T")
_ASK_IN_QUERY = {"GET", "DELETE"}


class InvalidRequest(InvalidInput):
    """A request's parameters are not what the verb takes."""

    code = "invalid_request"


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A verb with the shapes of what it takes and gives."""

    service: str
    method: str
    input: type[msgspec.Struct]
    returns: Any
    summary: str
    description: str


def bind(verb: str) -> Bound:
    """Return the shapes of a verb, read from its signature."""
    return _bind(verb)


@cache
def _bind(verb: str) -> Bound:
    service, _, method = verb.partition(".")
    function = getattr(Workspace.service_class(service), method)
    hints = get_type_hints(function)
    fields: list[Any] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in {"self", "actor"}:
            continue
        if parameter.default is inspect.Parameter.empty:
            fields.append((name, hints[name]))
        else:
            default = parameter.default
            fields.append((name, hints[name], msgspec.field(default_factory=partial(_same, default))))
    title = "".join(part.capitalize() for part in f"{service}_{method}".split("_"))
    shape = msgspec.defstruct(f"{title}Input", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)
    documentation = inspect.cleandoc(function.__doc__ or "")
    summary, _, description = documentation.partition("\n")
    return Bound(
        service=service,
        method=method,
        input=shape,
        returns=hints.get("return", type(None)),
        summary=summary,
        description=description.strip(),
    )


def _same(value: T) -> T:
    return value


def arguments(
    bound: Bound, method: str, in_path: Mapping[str, object], query: Iterable[tuple[str, str]], body: bytes
) -> dict[str, Any]:
    """Return what a verb is called with, checked against its types.

    Args:
        bound: The verb.
        method: The HTTP method: what reads and deletes is asked in the query, the rest in the body.
        in_path: Parameters that stand in the path.
        query: Names and values of the query, in their order.
        body: A JSON object.

    Raises:
        InvalidRequest: If one is unknown, missing or of another type.
    """
    shape = bound.input
    strict = method not in _ASK_IN_QUERY
    if strict:
        given = decode_object(body)
        if "metrics" in given:
            given["metrics"] = heard(given["metrics"])
    else:
        given = _from_query(query, shape)
    kinds = {field.name: field.type for field in msgspec.structs.fields(shape)}
    for name, text in in_path.items():
        given[name] = _from_text(name, text, kinds.get(name, str))
    for name in given:
        if name not in shape.__struct_fields__:
            raise InvalidRequest(
                f"There is no parameter {shown(name)} here", hint=did_you_mean(name, shape.__struct_fields__)
            )
    try:
        values = msgspec.convert(given, shape, strict=strict, str_keys=True)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), hint="Look at the parameter's type in the API reference.") from error
    return {name: getattr(values, name) for name in shape.__struct_fields__}


def _from_text(name: str, text: object, kind: Any) -> object:  # noqa: ANN401 - a type is any object
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{shown(str(text))} is not a {name}: {error}", hint="Look at the path.") from error


def decode_object(body: bytes) -> dict[str, object]:
    """Return the JSON object that a request's body holds; an empty body is an empty object.

    Raises:
        InvalidRequest: If the body is not JSON, or not an object.
    """
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}", hint="Send a JSON object in UTF-8.") from error
    if not isinstance(value, dict):
        raise InvalidRequest("The body is JSON, but not an object", hint='Send an object, such as {"name": "delay"}.')
    return value


def _from_query(query: Iterable[tuple[str, str]], shape: type[msgspec.Struct]) -> dict[str, object]:
    lists = {field.name for field in msgspec.structs.fields(shape) if _is_list(field.type)}
    mappings = {field.name for field in msgspec.structs.fields(shape) if _is_mapping(field.type)}
    given: dict[str, list[str]] = {}
    for name, text in query:
        given.setdefault(name, []).append(text)
    return {name: _value(name, texts, lists, mappings) for name, texts in given.items()}


def _value(name: str, texts: list[str], lists: set[str], mappings: set[str]) -> object:
    if name in mappings:
        return dict(text.partition("=")[::2] for text in texts)
    if name in lists:
        return texts
    if len(texts) > 1:
        raise InvalidRequest(f"Parameter {shown(name)} is given {len(texts)} times", hint="Give it once.")
    return texts[0]


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - a type is any object
    return any(getattr(part, "__origin__", part) in {list, Sequence} for part in _parts(kind))


def _is_mapping(kind: Any) -> bool:  # noqa: ANN401 - a type is any object
    return any(getattr(part, "__origin__", part) in {dict, Mapping} for part in _parts(kind))


def _parts(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type is any object
    is_union = getattr(kind, "__origin__", None) is None and hasattr(kind, "__args__")
    return tuple(kind.__args__) if is_union else (kind,)
