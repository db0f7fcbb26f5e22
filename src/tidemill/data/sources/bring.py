"""From a piece of a source to a file on this machine, when it is needed and not before."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tidemill.core.digests import Digest
from tidemill.core.moments import utc_now
from tidemill.core.names import check_text
from tidemill.data.disk import Scratch
from tidemill.data.records import SourceFile
from tidemill.data.sources.frames import write_frames
from tidemill.data.sources.locate import Located
from tidemill.data.sources.ports import Piece
from tidemill.objects import digest_file

_LONGEST = 4096


@dataclass(slots=True, kw_only=True)
class Awaited:
    """A piece that is brought here when its content is asked for.

    Args:
        piece: The piece.
        scratch: Where it is put.
        uri: The address of the source, without credentials.
        known: The files that the dataset was made of so far from this address, by name and version.
        cleaned: Lets errors out without credentials.
    """

    piece: Piece
    scratch: Scratch
    uri: str
    known: Mapping[tuple[str, str], SourceFile]
    cleaned: Callable[[], AbstractContextManager[None]]
    _path: Path | None = field(default=None, init=False)
    _brought: Located | None = field(default=None, init=False)
    _digest: Digest | None = field(default=None, init=False)
    _rows: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.piece.name

    @property
    def here_bytes(self) -> int:
        """How many of its bytes are on this machine."""
        try:
            return self._path.stat().st_size if self._path else 0
        except OSError:
            return 0

    @property
    def here_rows(self) -> int:
        """How many of its rows came so far; 0 for a file."""
        return self._rows

    def describe(self) -> SourceFile:
        """Return what it is, with the digest of its bytes; a pinned one that is known is not brought."""
        held = self.known.get(version_key(self.piece.name, self.piece.version))
        if held and self.piece.is_pinned and self._brought is None:
            return held
        located = self.here()
        if self._digest is None:
            self._digest = digest_file(located.path)
        return SourceFile(
            name=self.piece.name,
            size_bytes=located.size_bytes,
            digest=self._digest,
            modified_at=self.piece.modified_at or utc_now(),
            version=dict(self.piece.version),
            uri=self.uri,
        )

    def here(self) -> Located:
        """Return it as a file on this machine."""
        if self._brought is None:
            check_text(self.piece.name, "the name of a piece", _LONGEST)
            path = self._path = self.scratch.new(".fetched" if self.piece.fetch else ".parquet")
            with self.cleaned():
                if self.piece.fetch:
                    self.piece.fetch(path)
                elif self.piece.batches:
                    write_frames(self.piece.batches(), path, self.piece.name, self.scratch, self._count)
            state = path.stat()
            self._brought = Located(path, self.piece.name, state.st_size, state.st_mtime_ns, state.st_ino)
        return self._brought

    def _count(self, rows: int) -> None:
        self._rows = rows


def version_key(name: str, version: Mapping[str, str]) -> tuple[str, str]:
    """Return what two states of a piece have in common only if they are the same."""
    return name, "\0".join(f"{fact}\0{value}" for fact, value in sorted(version.items()))
