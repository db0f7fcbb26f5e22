"""What other tools for data versions hold: filled by integrations, which know no table here."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.moments import Moment
from tidemill.core.names import shown

GROUP = "tidemill.repositories"
"""The entry-point group of integrations with other tools for data versions."""


class InvalidRepository(InvalidInput):
    """A folder is not a repository that can be read or written."""

    code = "invalid_repository"


class RepositoryNotFound(NotFound):
    """No integration with such a repository is installed."""

    code = "repository_not_found"


class ContentMissing(NotFound):
    """The bytes of a tracked file are nowhere that can be reached, or are not what was tracked."""

    code = "content_missing"


class TrackedFile(NamedTuple):
    """A file of a tracked output.

    Args:
        path: Its path in the output; its own name, where the output is a file.
        content: What the repository calls its content.
    """

    path: str
    content: str


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """A moment in a repository's history.

    Args:
        id: Its id; empty for a folder without a history.
        author: Who made it.
        at: When.
        message: Its first line.
    """

    id: str = ""
    author: str = ""
    at: Moment | None = None
    message: str = ""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository tracks under a path, as of one commit.

    Args:
        path: The path in the repository.
        content: What the repository calls its content.
        is_folder: Whether it is a folder.
        commit: Where it came to be this.
        command: What made it; empty when nobody said.
        made_from: Paths and contents of tracked outputs that it was made from.
    """

    path: str
    content: str
    is_folder: bool
    commit: Commit
    command: str = ""
    made_from: tuple[tuple[str, str], ...] = ()


class OpenRepository(Protocol):
    """A repository that is read."""

    place: str
    """Where it is, as people write it."""
    unread: list[tuple[str, str]]
    """Paths of what `outputs` found tracked and could not tell, and why."""

    def outputs(self) -> Iterator[Output]:
        """Yield every state of every output, the oldest first."""
        ...

    def files(self, output: Output) -> list[TrackedFile]:
        """Return the files of an output, by path.

        Raises:
            ContentMissing: If the list of a folder is nowhere.
        """
        ...

    def fetch(self, content: str) -> Path:
        """Return a file on this disk that holds a content, verified; it stays until `close`.

        Raises:
            ContentMissing: If it is nowhere, or is not what its name says.
        """
        ...

    def close(self) -> None:
        """Let go of everything, and remove what was fetched."""
        ...


class GivenFile(NamedTuple):
    """A file to write to a repository.

    Args:
        path: Its path in the output.
        size: Its size in bytes.
        pieces: Yields its content; may be called twice.
    """

    path: str
    size: int
    pieces: "Pieces"


class Pieces(Protocol):
    """Yields a content, each time from its start."""

    def __call__(self) -> Iterator[bytes]:
        """Yield it."""
        ...


class RepositoryTarget(Protocol):
    """A repository that is written."""

    place: str
    """Where it is, as people write it."""

    def give(self, path: str, files: Iterator[GivenFile], *, is_folder: bool) -> tuple[int, int]:
        """Write an output, and return how many files it has and how many were not there yet."""
        ...


class Repository(Protocol):
    """A tool for data versions."""

    def open(self, source: str, *, remote: str, scratch: Path) -> OpenRepository:
        """Open a repository for reading.

        Args:
            source: Its folder.
            remote: The name or address of a remote; what the repository says when empty.
            scratch: An empty folder for what is fetched.

        Raises:
            InvalidRepository: If it is none.
        """
        ...

    def target(self, remote: str, folder: str) -> RepositoryTarget:
        """Open a remote, and the folder of a repository beside it, for writing.

        Raises:
            InvalidRepository: If they cannot be written.
        """
        ...


def find_repository(name: str) -> Repository:
    """Return the integration of a name.

    Raises:
        RepositoryNotFound: If there is none.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise RepositoryNotFound(
            f"There is no integration with a repository {shown(name)}", hint=f"There is: {', '.join(sorted(found))}."
        )
    made: Repository = found[name].load()()
    return made
