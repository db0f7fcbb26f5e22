"""The process in which the user's function runs: frames go out as Arrow, and everything that it prints elsewhere."""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import IO, TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.integrations.sources.function.source import ENDED, FAILED, FRAME

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_ROWS = 50_000


class _Order(msgspec.Struct):
    module: str
    function: str
    arguments: dict[str, str]


def main() -> None:
    """Run the function that standard input names, and write its frames to standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints is no frame
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_Order)
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - the folder that was named
    try:
        function = getattr(importlib.import_module(order.module), order.function)
        version = {"function": f"{order.module}:{order.function}", **_code(function)}
        for frame in _frames(function(**order.arguments)):
            content = BytesIO()
            frame.write_ipc(content, compression="lz4")
            _send(answers, FRAME, content.getvalue())
        _send(answers, ENDED, msgspec.json.encode(version))
    except BaseException as error:  # noqa: BLE001 - every end of it is told
        place = _place(error, order.module)
        _send(answers, FAILED, f"{type(error).__name__}: {error}{place}".encode(errors="replace"))


def _send(answers: IO[bytes], kind: bytes, content: bytes) -> None:
    answers.write(kind + len(content).to_bytes(8, "big") + content)
    answers.flush()


def _frames(given: object) -> "Iterator[pl.DataFrame]":
    """Yield frames of what a function gives: one table, or an iterator of tables or of rows."""
    if isinstance(given, pl.LazyFrame):
        yield given.collect()
    elif isinstance(given, pl.DataFrame) or hasattr(given, "__arrow_c_stream__"):
        yield pl.DataFrame(given)
    elif isinstance(given, Iterable):
        rows: list[object] = []
        for each in given:
            if isinstance(each, dict):
                rows.append(each)
                if len(rows) == _ROWS:
                    yield pl.DataFrame(rows, infer_schema_length=None)
                    rows = []
            else:
                yield from _frames(each)
        if rows:
            yield pl.DataFrame(rows, infer_schema_length=None)
    else:
        raise TypeError(f"it gave {type(given).__name__}, and frames or rows as dicts are wanted")


def _code(function: object) -> dict[str, str]:
    """Return the digest of the text of the module that the function is in."""
    try:
        text = inspect.getsource(sys.modules[function.__module__])
    except (OSError, TypeError, KeyError, AttributeError):
        return {}
    return {"code": hashlib.sha256(text.encode()).hexdigest()}


def _place(error: BaseException, module: str) -> str:
    trace = error.__traceback__
    found = ""
    while trace:
        if trace.tb_frame.f_globals.get("__name__") == module:
            found = f" ({module}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return found


if __name__ == "__main__":
    main()
