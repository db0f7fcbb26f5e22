"""The files of runs and logged models on their way from another tracker, several at a time, verified by their size."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from tidemill.app.trackers.progress import Progress
from tidemill.core.digests import Digest
from tidemill.core.errors import InvalidInput
from tidemill.core.refs import Ref
from tidemill.objects import ObjectStore
from tidemill.tracking import rules
from tidemill.tracking.importing import RunImporter
from tidemill.tracking.ports import CarriedFile, FileRoot, FilesElsewhere, FileUnreadable, TrackerFailed, TrackerSource

_TRIES = 3
_SOME = 32
"""How many files are named in one go: a kill costs at most these, whose bytes are kept in any case."""


class Fetching:
    """Takes files that are not here, or are here with another size.

    Args:
        objects: Where the bytes go.
        importer: Where the names go.
        source: Where they come from.
        progress: Is told what was left out.
    """

    def __init__(self, objects: ObjectStore, importer: RunImporter, source: TrackerSource, progress: Progress) -> None:
        self._objects = objects
        self._importer = importer
        self._source = source
        self._progress = progress
        self._left_out: Counter[str] = Counter()
        progress.join({}, self._left_out)
        self._pool = ThreadPoolExecutor(source.at_once, thread_name_prefix="import-files")

    def fetch(self, owner: Ref, uri: str) -> None:
        """Take the files of a run or a logged model."""
        here = self._importer.files(owner)
        if here is None:
            return
        root = (owner.kind, owner.id, uri)
        some: list[CarriedFile] = []
        try:
            for file in self._fit(root):
                known = here.get(file.path)
                if known and file.size in {known.size, -1}:
                    self._importer.counts["artifacts unchanged"] += 1
                    continue
                some.append(file)
                if len(some) == _SOME:
                    self._take(owner, root, some)
                    some = []
        except FilesElsewhere as elsewhere:
            self._left_out[f"artifacts of runs or logged models: {elsewhere.message} ({elsewhere.hint})"] += 1
        self._take(owner, root, some)

    def _fit(self, root: FileRoot) -> Iterator[CarriedFile]:
        for file in self._source.files(root):
            try:
                rules.check_artifact_path(file.path)
            except InvalidInput:
                self._left_out["artifacts whose path cannot be one here"] += 1
                continue
            yield file

    def _take(self, owner: Ref, root: FileRoot, files: list[CarriedFile]) -> None:
        if not files:
            return
        stored = self._pool.map(lambda file: self._store(root, file), files)
        taken = [(file.path, *found) for file, found in zip(files, stored, strict=True) if found]
        self._left_out["artifacts that the source could not read"] += len(files) - len(taken)
        self._importer.put_files(owner, taken)
        self._progress.step(0)

    def _store(self, root: FileRoot, file: CarriedFile) -> tuple[Digest, int] | None:
        for attempt in range(_TRIES):
            try:
                with self._objects.incoming() as coming:
                    for piece in self._source.read(root, file.path):
                        coming.write(piece)
                    if file.size not in {coming.size, -1}:
                        raise TrackerFailed(  # nothing is stored: `finish` was not reached
                            f"A file has {file.size} bytes and {coming.size} came",
                            hint="Look whether somebody writes it now; give the same command again.",
                            where=file.path,
                        )
                    return coming.finish()
            except FileUnreadable:
                return None
            except TrackerFailed:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError

    def __enter__(self) -> Self:
        """Return this itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what is under way end, and begin nothing more."""
        self._pool.shutdown(cancel_futures=True)
