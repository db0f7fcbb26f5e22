"""A Python function that yields frames, run in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import SourceFailed, UnsupportedSource
from tidemill.data.sources.ports import Ask, Piece
from tidemill.data.sources.uri import REFERENCES

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_ADDRESS = re.compile(r"python:((?:[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)", re.ASCII)
_TOLD = 2000
FRAME, ENDED, FAILED = b"F", b"E", b"X"


class Function:
    """Reads `python:module:function`."""

    schemes = ("python",)
    summary = "a Python function that yields frames; of the owner alone"
    library = ""

    @contextmanager
    def open(self, ask: Ask) -> Iterator[Sequence[Piece]]:
        """Check the address; the function runs when its rows are needed."""
        ask.access.check_owner("a Python function")
        match = _ADDRESS.fullmatch(ask.uri.address)
        if not match:
            raise UnsupportedSource(
                f"{shown(ask.uri.address)} names no function",
                hint="Write python:module:function, such as python:jobs.rows:flights.",
            )
        given = {name: value for name, value in ask.uri.options.items() if name != "folder"}
        secrets = {name: ask.secret(name) for name, value in given.items() if value.startswith(REFERENCES)}
        folder = Path(ask.option("folder") or ".")
        if not folder.is_dir():
            raise UnsupportedSource(
                f"{shown(str(folder))} is no folder", hint="Name the folder of the module: #folder=PATH."
            )
        order = {"module": match[1], "function": match[2], "arguments": given | secrets}
        piece = Piece(name=f"{match[1]}:{match[2]}")

        def batches() -> Iterator["pl.DataFrame"]:
            return _run(order, folder, piece)

        piece.batches = batches
        yield [piece]


def _run(order: dict[str, object], folder: Path, piece: Piece) -> Iterator["pl.DataFrame"]:
    command = [sys.executable, "-P", "-m", "tidemill.integrations.sources.function.worker"]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as told,
        subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=told, start_new_session=True) as worker,
    ):
        try:
            if worker.stdin is None or worker.stdout is None:
                raise SourceFailed("The function's process has no pipes", hint="Try again.")
            with suppress(BrokenPipeError):  # it is over; what it said tells why
                worker.stdin.write(msgspec.json.encode(order))
                worker.stdin.close()
            yield from _frames(worker.stdout, told, piece)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)  # with what it started


def _frames(answers: IO[bytes], told: IO[bytes], piece: Piece) -> Iterator["pl.DataFrame"]:
    while True:
        kind, length = answers.read(1), int.from_bytes(answers.read(8), "big")
        content = answers.read(length)
        if kind == FRAME and len(content) == length:
            yield pl.read_ipc(BytesIO(content))
        elif kind == ENDED:
            piece.version.update(msgspec.json.decode(content, type=dict[str, str]))
            return
        else:
            said = content.decode(errors="replace") if kind == FAILED else _last_words(told)
            raise SourceFailed(
                f"The function {piece.name} failed: {said.strip()}"[:_TOLD],
                hint="Call it in Python and look; what it prints goes nowhere.",
            )


def _last_words(told: IO[bytes]) -> str:
    told.seek(max(0, told.seek(0, 2) - _TOLD))
    lines = told.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "its process ended without a word"
