"""Values and errors as plain data, and back with their types."""

import importlib
import json
import types
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar, cast, get_type_hints

import msgspec

from tidemill.core.errors import TidemillError
from tidemill.workflows.errors import InvalidWorkflow, NotStorable, StepFailed

T = TypeVar("T")
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

_PLAIN = (type(None), bool, int, float, str, list, dict)
_UNTYPED = (None, object)


def to_plain(value: object, what: str) -> object:
    """Return a value as JSON data.

    Raises:
        NotStorable: If it holds what neither JSON nor msgspec knows.
    """
    try:
        # Through text, so that a value is the same before and after a restart: tuples become lists.
        return load(dump(msgspec.to_builtins(value, str_keys=True)))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NotStorable(
            f"{what} cannot be recorded: {error}",
            hint="Give plain data or a msgspec.Struct, and keep rows and bytes out.",
        ) from error


def from_plain(value: object, kind: object, what: str) -> object:
    """Return plain data as a value of a type; data for no particular type stays as it is.

    Raises:
        NotStorable: If the data do not fit the type.
    """
    if kind in _UNTYPED:
        return value
    try:
        return msgspec.convert(value, cast("type[object]", kind))
    except (msgspec.ValidationError, TypeError) as error:
        raise NotStorable(
            f"{what} does not read back as {kind}: {error}", hint="Change its type only together with the generation."
        ) from error


def dump(value: object) -> str:
    """Return plain data as text that keeps NaN, infinity and lone surrogates."""
    return json.dumps(value, separators=(",", ":"))


def load(text: str) -> object:
    """Return the plain data of a text."""
    return cast("object", json.loads(text))


def returned_type(work: Callable[..., object]) -> object:
    """Return the type that a function says it returns, or None if it says nothing."""
    return _hints(work).get("return")


def input_type(function: Callable[..., object]) -> tuple[bool, object]:
    """Return whether a workflow takes an input, and of which type.

    Raises:
        InvalidWorkflow: If it does not take a flow and at most one input.
    """
    code = getattr(_bare(function), "__code__", None)
    if not isinstance(code, types.CodeType):
        raise InvalidWorkflow(f"{function!r} is not a plain function", hint="Define a workflow with `def`.")
    names = code.co_varnames[: code.co_argcount]
    if isinstance(function, types.MethodType):
        names = names[1:]
    if len(names) not in (1, 2):
        raise InvalidWorkflow(
            f"{code.co_qualname} takes {len(names)} arguments", hint="A workflow takes a flow and at most one input."
        )
    return len(names) == 2, _hints(function).get(names[1]) if len(names) == 2 else None


def _bare(work: Callable[..., object]) -> Callable[..., object]:
    while isinstance(work, partial):
        work = work.func
    if isinstance(work, types.MethodType):
        return cast("Callable[..., object]", work.__func__)
    if isinstance(work, types.FunctionType | types.BuiltinFunctionType | type):
        return work
    return cast("Callable[..., object]", getattr(type(work).__call__, "__func__", type(work).__call__))


def _hints(work: Callable[..., object]) -> dict[str, object]:
    bare = _bare(work)
    if not isinstance(bare, types.FunctionType):
        return {}
    try:
        hints = get_type_hints(bare)
    except NameError as error:
        raise InvalidWorkflow(
            f"The types of {bare.__qualname__} cannot be read: {error}",
            hint="Import the types of a step or workflow at run time, not only under TYPE_CHECKING.",
        ) from error
    return {name: None if kind is type(None) else kind for name, kind in hints.items()}


def pack_value(value: object, kind: object, what: str) -> dict[str, object]:
    """Return the record of a success.

    Raises:
        NotStorable: If the value would not read back as it was.
    """
    if kind in _UNTYPED and not isinstance(value, _PLAIN):
        raise NotStorable(
            f"{what} returned a {type(value).__name__}, and its function does not say so",
            hint="Use a function with a return type in place of a lambda, or return plain data.",
        )
    return {"value": to_plain(value, what)}


def pack_error(error: Exception, what: str) -> dict[str, object]:
    """Return the record of a failure."""
    if not isinstance(error, TidemillError):
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        error = StepFailed(
            f"{what} raised {type(error).__name__}: {error}",
            hint="The server's log has the trace; it is no error that Tidemill knows.",
            details={"type": name},
        )
    kind = type(error)
    return {
        "error": {
            "module": kind.__module__,
            "type": kind.__qualname__,
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "where": error.where,
            "details": _safe_details(error.details),
        }
    }


def _safe_details(details: Mapping[str, object]) -> dict[str, object]:
    safe: dict[str, object] = {}
    for key, value in details.items():
        try:
            safe[key] = msgspec.to_builtins(value, str_keys=True)
        except (TypeError, ValueError, OverflowError, RecursionError):
            safe[key] = repr(value)
    return safe


def unpack(record: object, kind: object, what: str) -> object:
    """Return the value of a record with its type, or raise its error with its class."""
    parts = cast("dict[str, object]", record)
    if "error" in parts:
        raise unpack_error(parts)
    return from_plain(parts["value"], kind, what)


def unpack_error(record: object) -> TidemillError:
    """Return the error of a record, of its own class when that class still exists."""
    facts = cast("dict[str, dict[str, object]]", record)["error"]
    kind = _error_class(str(facts["module"]), str(facts["type"]))
    error = kind.__new__(kind)
    details = cast("dict[str, object]", facts["details"])
    if kind is StepFailed and facts["code"] != StepFailed.code:
        details = details | {"code": facts["code"]}
    TidemillError.__init__(
        error, str(facts["message"]), hint=str(facts["hint"]), where=str(facts["where"]), details=details
    )
    return error


def _error_class(module: str, name: str) -> type[TidemillError]:
    """Return the class that was recorded; classes of other packages only if they are loaded already."""
    if module.partition(".")[0] == "tidemill":
        try:
            importlib.import_module(module)
        except ImportError:
            return StepFailed
    pending = [TidemillError]
    while pending:
        kind = pending.pop()
        if kind.__module__ == module and kind.__qualname__ == name:
            return kind
        pending.extend(kind.__subclasses__())
    return StepFailed
