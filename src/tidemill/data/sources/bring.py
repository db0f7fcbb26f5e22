"""From a piece of a source to a file on this machine, when it is needed and not before."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tidemill.core.digests import Digest
from tidemill.core.lazy import lazy
from tidemill.core.moments import utc_now
from tidemill.core.names import check_text, shown
from tidemill.data.disk import Scratch, sink
from tidemill.data.errors import EmptySource, SourceFailed
from tidemill.data.records import SourceFile
from tidemill.data.sources.locate import Located
from tidemill.data.sources.ports import Piece
from tidemill.objects import digest_file

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LONGEST = 4096
_GATHERED_BYTES = 64 << 20


@dataclass(slots=True, kw_only=True)
class Awaited:
    """A piece that is brought here when its content is asked for.

    Args:
        piece: The piece.
        scratch: Where it is put.
        known: The files that the dataset was made of so far, by name and version.
        cleaned: Lets errors out without credentials.
    """

    piece: Piece
    scratch: Scratch
    known: Mapping[tuple[str, str], SourceFile]
    cleaned: Callable[[], AbstractContextManager[None]]
    _brought: Located | None = field(default=None, init=False)
    _digest: Digest | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.piece.name

    def describe(self) -> SourceFile:
        """Return what it is, with the digest of its bytes; a pinned one that is known is not brought."""
        held = self.known.get(version_key(self.piece.name, self.piece.version)) if self.piece.is_pinned else None
        if held and self._brought is None:
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
        )

    def here(self) -> Located:
        """Return it as a file on this machine."""
        if self._brought is None:
            check_text(self.piece.name, "the name of a piece", _LONGEST)
            path = self.scratch.new(".fetched" if self.piece.fetch else ".parquet")
            with self.cleaned():
                if self.piece.fetch:
                    self.piece.fetch(path)
                elif self.piece.batches:
                    write_batches(self.piece.batches(), path, self.piece.name, self.scratch)
            state = path.stat()
            self._brought = Located(path, self.piece.name, state.st_size, state.st_mtime_ns, state.st_ino)
        return self._brought


def version_key(name: str, version: Mapping[str, str]) -> tuple[str, str]:
    """Return what two states of a piece have in common only if they are the same."""
    return name, "\0".join(f"{fact}\0{value}" for fact, value in sorted(version.items()))


def write_batches(batches: Iterable[object], target: Path, name: str, scratch: Scratch) -> None:
    """Write batches of rows as Parquet, in bounded memory; the same rows give the same bytes however they are cut.

    Raises:
        EmptySource: If there is not a single batch.
        SourceFailed: If the batches differ in their columns.
    """
    pieces = [_written(frame, scratch) for frame in _gathered(batches, name)]
    if not pieces:
        raise EmptySource(f"{shown(name)} has no rows", hint="Look at the query, or at what the source holds.")
    frame = pl.concat([pl.scan_ipc(path) for path in pieces], how="vertical")
    sink(frame, target, len(frame.collect_schema()))
    for path in pieces:
        path.unlink()


def _written(frame: "pl.DataFrame", scratch: Scratch) -> Path:
    path = scratch.new(".arrow")
    frame.write_ipc(path, compression="lz4")
    return path


def _gathered(batches: Iterable[object], name: str) -> "Iterator[pl.DataFrame]":
    waiting: list[pl.DataFrame] = []
    schema: pl.Schema | None = None
    for batch in batches:
        frame = batch if isinstance(batch, pl.DataFrame) else pl.DataFrame(batch)  # type: ignore[arg-type]
        schema = schema or frame.schema
        if frame.schema != schema:
            raise SourceFailed(
                f"The batches of {shown(name)} have unlike columns", hint="This is a fault of the integration."
            )
        waiting.append(frame)
        if sum(each.estimated_size() for each in waiting) >= _GATHERED_BYTES:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)
