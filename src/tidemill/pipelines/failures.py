"""What went wrong in a project's code, told in the project's own lines."""

import traceback
from collections.abc import Iterator
from pathlib import Path

from tidemill.core.errors import TidemillError
from tidemill.pipelines.errors import InvalidMetrics, InvalidStep, UnknownResult
from tidemill.pipelines.places import is_ours
from tidemill.pipelines.records import StepFailure

_LONGEST_MESSAGE = 2000
_LONGEST_TRACE = 16_000
_FINAL = (UnknownResult, InvalidMetrics, InvalidStep)


def describe(error: BaseException, root: Path, code: str = "step_failed") -> StepFailure:
    """Return what a person needs to know of an exception.

    Args:
        error: The exception.
        root: The folder that the project's code lies in.
        code: The code for what is no error of Tidemill's own.
    """
    if isinstance(error, TidemillError):
        return StepFailure(
            code=error.code,
            message=_clean(error.message)[:_LONGEST_MESSAGE],
            hint=error.hint,
            place=error.where or _place(error, root),
            final=isinstance(error, _FINAL),
        )
    return StepFailure(
        code=code,
        message=_message(error),
        hint="The traceback shows the lines; mend them, or the input that they got.",
        place=_place(error, root),
        traceback=_trace(error, root),
    )


def _message(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - a project's own exception class may fail at this
        said = "(its text cannot be read)"
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return _clean(f"{name}: {said}" if said else name)[:_LONGEST_MESSAGE]


def _place(error: BaseException, root: Path) -> str:
    """Return the innermost line of the project that the error went through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename, root)}:{error.lineno or 1}"
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).is_relative_to(root):
            place = f"{_short(frame.f_code.co_filename, root)}:{line}"
    return place


def _trace(error: BaseException, root: Path) -> str:
    try:
        told = traceback.TracebackException.from_exception(error)
        for part in _chain(told):
            part.stack = traceback.StackSummary.from_list(
                [
                    traceback.FrameSummary(_short(one.filename, root), one.lineno, one.name, line=one.line)
                    for one in part.stack
                    if not is_ours(one.filename)
                ]
            )
        text = "".join(told.format())
    except Exception:  # noqa: BLE001 - a strange exception must not hide that there was one
        text = type(error).__qualname__
    text = _clean(text).rstrip()
    return text if len(text) <= _LONGEST_TRACE else "…" + text[-_LONGEST_TRACE:]


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting = [told]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [one for one in (part.__cause__, part.__context__) if one is not None]
        waiting += part.exceptions or []


def _short(filename: str, root: Path) -> str:
    path = Path(filename)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else filename


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
