"""A page of the docs, followed word for word in an empty folder."""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"
_BLOCK = re.compile(r"^```(python|console|sh|yaml)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*Z?|\b[0-9a-f]{32}\b|\b[0-9a-f]{6}…")
"""Moments and identifiers."""


class Ran(Protocol):
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command that a page shows.

    Args:
        line: The command, as it is typed.
        said: The lines that stand below it.
    """

    line: str
    said: list[str]

    @property
    def words(self) -> list[str]:
        """Return the words of the command, its variables read."""
        words = shlex.split(re.sub(r"( > [\w.]+|  +# [^']*)$", "", self.line))
        return [re.sub(r"\$(\w+)", lambda name: os.environ[name[1]], word) for word in words]

    @property
    def verb(self) -> str:
        """Return which command it is, such as `data add`."""
        return " ".join(word for word in self.line.split()[1:3])


def blocks(page: str, kind: str) -> list[str]:
    """Return the blocks of one kind."""
    return [text for name, text in _BLOCK.findall((DOCS / page).read_text()) if name == kind]


def steps(page: str) -> list[Step]:
    """Return the commands of a page, in order."""
    texts = [text for name, text in _BLOCK.findall((DOCS / page).read_text()) if name in {"console", "sh"}]
    return [step for text in texts for step in _steps(text)]


def follow(
    page: str,
    bare: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    *,
    passes: Callable[[Step], bool] = lambda _: False,
    fails: tuple[str, ...] = (),
    done: Callable[[Step, Ran], None] = lambda *_: None,
) -> list[str]:
    """Do what a page says in the current folder: its Python and its commands, in order; hold what they say against it.

    Args:
        page: The page, below `docs`.
        bare: Runs `tidemill`.
        monkeypatch: Sets the variables that the page sets.
        passes: Which commands cannot be done here.
        fails: Commands that end with exit code 1, by their verb.
        done: Hears of each command that was done, and what it said.

    Returns:
        The commands that were done.
    """
    followed = []
    for kind, text in _BLOCK.findall((DOCS / page).read_text()):
        if kind == "python":
            exec(text, {})
        for step in _steps(text) if kind in {"console", "sh"} else ():
            _do_by_hand(step, monkeypatch)
            if not step.line.startswith("tidemill ") or passes(step):
                continue
            ran = bare(*step.words[1:])
            if into := re.search(r" > ([\w.]+)$", step.line):
                Path(into[1]).write_text(ran.out)
            told = _plain(ran.out + ran.err)
            missing = [each for each in step.said if _plain(each).partition("…")[0].strip(".") not in told]
            code = 3 if any(each.startswith("error [") for each in step.said) else int(step.verb in fails)
            assert (missing, ran.code) == ([], code), f"{step.line}\n{ran.out}{ran.err}"
            done(step, ran)
            followed.append(step.line)
    return followed


def _steps(text: str) -> Iterator[Step]:
    for shown in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = shown.splitlines()
        line = lines.pop(0)
        while lines and (line.endswith("\\") or not _is_closed(line)):
            line = line.removesuffix("\\") + ("" if line.endswith("\\") else "\n") + lines.pop(0)
        yield Step(line=line, said=lines)


def _is_closed(line: str) -> bool:
    with suppress(ValueError):
        return bool(shlex.split(line))
    return False


def _do_by_hand(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what is no command of ours: variables, and a line more in a file."""
    if named := re.match(r"(?:export )?(\w+)=(.*)", step.line):
        monkeypatch.setenv(named[1], shlex.split(named[2])[0])
    if more := re.match(r"echo (\w+) >> (.+)", step.line):
        with Path(more[2]).open("a") as file:
            file.write(f"{more[1]}\n")


def _plain(text: str) -> str:
    return " ".join(_VARIES.sub("T", text).split())
