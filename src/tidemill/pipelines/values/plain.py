"""Plain values: None, bool, int, float, str, bytes, moments, and lists, tuples, sets and dicts of them.

MessagePack keeps apart what JSON mixes up: integer keys, NaN, bytes. Tuples, sets, moments and integers over
64 bits travel as extensions, so that a step gets exactly what the other one returned.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import msgspec

_TUPLE, _SET, _FROZENSET, _INTEGER, _DATETIME, _DATE, _TIME, _DURATION = range(1, 9)
_SCALARS = {type(None), bool, float, str, bytes}
_MOMENTS: dict[type, int] = {datetime: _DATETIME, date: _DATE, time: _TIME}
_DEEPEST = 200


class NotPlain(Exception):
    """A value, or something inside it, is not plain.

    Args:
        kind: The type that was found.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def encode_plain(value: object) -> bytes:
    """Return the bytes of a plain value.

    Raises:
        NotPlain: If it, or something inside it, is not plain.
    """
    try:
        return _ENCODER.encode(_reduce(value, 0))
    except UnicodeEncodeError:
        raise NotPlain("a str with half of a surrogate pair") from None


def decode_plain(content: bytes) -> object:
    """Return the value that `encode_plain` wrote.

    Raises:
        msgspec.DecodeError: If the bytes are something else.
    """
    return _DECODER.decode(content)


def show(value: object, longest: int = 120) -> str:
    """Return a plain value as a person reads it, on one line."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= longest else text[: longest - 1] + "…"


def type_name(kind: type) -> str:
    """Return a type as its users name it."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _reduce(value: object, depth: int) -> object:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is int:
        return _integer(value)
    if depth > _DEEPEST:
        raise NotPlain(f"a value nested over {_DEEPEST} deep")
    container = _CONTAINERS.get(kind)
    if container is not None:
        return container(value, depth + 1)
    if kind in _MOMENTS:
        return msgspec.msgpack.Ext(_MOMENTS[kind], value.isoformat().encode())  # type: ignore[attr-defined]  # all have it
    if kind is timedelta:
        return msgspec.msgpack.Ext(_DURATION, str(value // timedelta(microseconds=1)).encode())  # type: ignore[operator]
    if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "shape", None) == ():
        return _reduce(value.item(), depth)
    raise NotPlain(type_name(kind))


def _integer(value: object) -> object:
    if -(2**63) <= value < 2**64:  # type: ignore[operator]  # an int, by its type
        return value
    return msgspec.msgpack.Ext(_INTEGER, hex(value).encode())  # type: ignore[arg-type]  # as above


def _dict(value: object, depth: int) -> object:
    return {_key(key, depth): _reduce(item, depth) for key, item in value.items()}  # type: ignore[attr-defined]


def _key(key: object, depth: int) -> object:
    if type(key) not in {str, int, bool, float, type(None)}:
        raise NotPlain(f"a dict with a key of type {type_name(type(key))}")
    return _reduce(key, depth)


def _list(value: object, depth: int) -> object:
    return [_reduce(item, depth) for item in value]  # type: ignore[attr-defined]


def _extension(code: int, *, ordered: bool) -> Callable[[object, int], object]:
    def reduce(value: object, depth: int) -> object:
        parts = [_ENCODER.encode(_reduce(item, depth)) for item in value]  # type: ignore[attr-defined]
        return msgspec.msgpack.Ext(code, _ENCODER.encode(parts if ordered else sorted(parts)))

    return reduce


_CONTAINERS: dict[type, Callable[[object, int], object]] = {
    dict: _dict,
    list: _list,
    tuple: _extension(_TUPLE, ordered=True),
    set: _extension(_SET, ordered=False),
    frozenset: _extension(_FROZENSET, ordered=False),
}


def _restore(code: int, data: memoryview) -> object:
    content = bytes(data)
    reader = _READERS.get(code)
    if reader is None:
        raise msgspec.DecodeError(f"unknown extension {code}")
    return reader(content)


def _parts(content: bytes) -> list[object]:
    return [_DECODER.decode(part) for part in msgspec.msgpack.decode(content, type=list[bytes])]


_READERS: dict[int, Callable[[bytes], object]] = {
    _TUPLE: lambda content: tuple(_parts(content)),
    _SET: lambda content: set(_parts(content)),
    _FROZENSET: lambda content: frozenset(_parts(content)),
    _INTEGER: lambda content: int(content, 16),
    _DATETIME: lambda content: datetime.fromisoformat(content.decode()),
    _DATE: lambda content: date.fromisoformat(content.decode()),
    _TIME: lambda content: time.fromisoformat(content.decode()),
    _DURATION: lambda content: timedelta(microseconds=int(content)),
}
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ext_hook=_restore)
