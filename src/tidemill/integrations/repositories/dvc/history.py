"""The files of a Git repository as of each commit, by the command `git`, which runs nothing of the repository's own."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tidemill.core.moments import from_us
from tidemill.core.names import shown
from tidemill.data.repositories import Commit, InvalidRepository

_SAFE = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", "--no-pager"]
_SAFE += ["-c", "log.showSignature=false"]  # it runs the program that the repository names
_ALONE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
"""Objects that a repository lacks are not fetched: it may name any program for that."""

_ASKED = ["*.dvc", "*dvc.lock"]


class Change(NamedTuple):
    """A file of DVC's as a commit left it.

    Args:
        path: Its path in the repository.
        content: What it holds; None when it is gone.
    """

    path: str
    content: bytes | None


def has_history(folder: Path) -> bool:
    """Return whether a folder is the top of a Git repository with a commit."""
    return _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", is_tried=True) is not None


def changes(folder: Path) -> Iterator[tuple[Commit, list[Change]]]:
    """Yield what each commit of the main line did to DVC's files, the oldest first."""
    told = _git(
        folder,
        *("log", "--reverse", "--first-parent", "-m", "--name-only", "--no-renames", "-z", "--no-ext-diff"),
        *("--no-textconv", "--relative", "--format=%x01%H%x02%an%x02%ct%x02%s%x02", "--", *_ASKED),
    )
    for block in (told or b"").split(b"\x01")[1:]:
        name, author, at, message, paths = block.split(b"\x02", 4)
        commit = Commit(
            id=name.decode(),
            author=author.decode(errors="replace"),
            at=from_us(int(at) * 1_000_000),
            message=message.decode(errors="replace"),
        )
        found = []
        for raw in paths.replace(b"\n", b"\0").split(b"\0"):
            if raw:
                path = raw.decode(errors="surrogateescape")
                found.append(Change(path, _git(folder, "show", f"{commit.id}:./{path}", is_tried=True)))
        yield commit, found


def _git(folder: Path, *words: str, is_tried: bool = False) -> bytes | None:
    """Return what git says; None when it fails and that may be."""
    command = ["git", *_SAFE, "-C", str(folder), *words]
    # What the surroundings say of a repository is of another one, such as that whose hook this runs in.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ALONE
    try:
        done = subprocess.run(command, env=env, capture_output=True, check=False)
    except FileNotFoundError:
        raise InvalidRepository(
            "The command `git` is not installed, so the history cannot be read", hint="Install Git and try again."
        ) from None
    if done.returncode == 0:
        return done.stdout
    if is_tried:
        return None
    problem = done.stderr.decode(errors="replace").strip().splitlines()
    raise InvalidRepository(
        f"Git cannot read {shown(str(folder))}: {problem[-1][:200] if problem else 'it does not say why'}",
        hint="Try `git log` there.",
    )
