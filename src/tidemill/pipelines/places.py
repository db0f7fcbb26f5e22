"""Where in the project something stands."""

import os
import sys
from pathlib import Path
from types import CodeType

import tidemill

_OURS = f"{Path(tidemill.__file__).parent}{os.sep}"


def is_ours(filename: str) -> bool:
    """Return whether a file belongs to Tidemill itself."""
    return filename.startswith((_OURS, "<frozen "))


def caller_place() -> str:
    """Return file and line of the nearest frame outside of Tidemill."""
    frame = sys._getframe(1)  # noqa: SLF001 - documented, and the only way to name the caller's line cheaply
    while frame.f_back is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"


def code_place(code: CodeType) -> str:
    """Return file and line of a function."""
    return f"{short(code.co_filename)}:{code.co_firstlineno}"


def short(filename: str) -> str:
    """Return a file's name relative to the folder that is worked in, where it lies inside."""
    try:
        return Path(filename).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return filename
