"""Datasets from another tool for data versions, and back: what is taken in which order, how far it is."""

import re
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tidemill.app.trackers.progress import Progress
from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.names import check_name
from tidemill.data.records import DatasetVersion
from tidemill.data.repositories import ContentMissing, GivenFile, OpenRepository, Output, Repository, RepositoryTarget
from tidemill.data.service import DataService
from tidemill.data.service.taking import Taken, take
from tidemill.objects import UnsafePath
from tidemill.objects.packs.folder import StoredFiles
from tidemill.objects.trees import check_relative

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_PIECE = 1 << 20


class TakeDatasets:
    """One import of the outputs of a repository; what was taken over before is not taken again.

    Args:
        data: Where they go.
        opened: Where they come from.
        actor: Who imports.
        progress: Is told how far it is.
        kind: The repository's make.
        only: Paths of outputs; all when empty.
    """

    def __init__(
        self,
        data: DataService,
        opened: OpenRepository,
        actor: Actor,
        progress: Progress,
        *,
        kind: str,
        only: Sequence[str] = (),
    ) -> None:
        self._data = data
        self._opened = opened
        self._actor = actor
        self._progress = progress
        self._kind = kind
        self._only = {path.strip("/") for path in only}
        self._versions: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}

    def run(self) -> None:
        """Take over every state of every output, the oldest first."""
        outputs = [each for each in self._opened.outputs() if not self._only or each.path in self._only]
        self._progress.begin("versions", len(outputs))
        for output in outputs:
            self._one(output)
            self._progress.step()
        missing = self._only - {each.path for each in outputs}
        self._progress.notes += [f"nothing is tracked under {path}" for path in sorted(missing)]
        self._progress.notes += [f"{path}: {problem}" for path, problem in dict(self._opened.unread).items()]

    def _one(self, output: Output) -> None:
        name = self._name(output.path)
        uri = f"{self._kind}:{self._opened.place}#{output.path}"
        facts = {"content": output.content, "commit": output.commit.id} | (
            {"author": output.commit.author, "message": output.commit.message} if output.commit.id else {}
        )
        facts |= {"command": output.command} if output.command else {}
        known = self._known(name, uri)
        if (output.content, output.commit.id) in known:
            self._versions[output.path, output.content] = known[output.content, output.commit.id]
            self._progress.skipped["versions that are here already"] += 1
            return
        try:
            files = [
                (check_relative(file.path), self._opened.fetch(file.content)) for file in self._opened.files(output)
            ]
        except (ContentMissing, UnsafePath) as error:
            self._progress.skipped["versions whose content is missing or unfit"] += 1
            self._progress.notes.append(f"{output.path} of {output.commit.id[:10] or 'now'}: {error.message}")
            return
        if not files:
            self._progress.skipped["empty folders"] += 1
            return
        made_from = [self._versions[origin] for origin in output.made_from if origin in self._versions]
        at = output.commit.at
        version = take(self._data.place, self._actor, Taken(name, uri, files, facts, at, made_from))
        self._versions[output.path, output.content] = version.id
        self._progress.counts["versions"] += 1
        self._progress.counts["files"] += len(files)

    def _known(self, name: str, uri: str) -> dict[tuple[str, str], str]:
        """Return the versions that were taken over before, by content and commit."""
        if not any(each.name == name for each in self._data.list(self._actor)):
            return {}
        return {
            (file.version.get("content", ""), file.version.get("commit", "")): version.id
            for version in self._data.versions(self._actor, name)
            for file in version.source.files
            if version.source.uri == uri
        }

    def _name(self, path: str) -> str:
        """Return the name of an output's dataset, another one for each."""
        name = check_name(_UNFIT.sub("-", path).strip("-.")[:120] or "data")
        if self._names.setdefault(name, path) != path:
            name = f"{name[:110]}-{sum(map(ord, path))}"
            self._names[name] = path
        return name


def give_datasets(
    data: DataService, target: RepositoryTarget, versions: Sequence[DatasetVersion], progress: Progress
) -> None:
    """Write versions to a repository, each under its dataset's name."""
    progress.begin("versions", len(versions))
    for version in versions:
        if version.layout_digest is None:
            count, fresh = target.give(version.dataset, _table(data, version), is_folder=True)
        else:
            with data.place.files(version) as stored:
                is_folder = len(stored.entries) != 1
                path = version.dataset if is_folder else stored.entries[0].path.rpartition("/")[2]
                count, fresh = target.give(path, _stored(stored), is_folder=is_folder)
        progress.counts["versions"] += 1
        progress.counts["files"] += count
        progress.counts["files that were not there"] += fresh
        progress.step()


def _stored(stored: StoredFiles) -> Iterator[GivenFile]:
    for number, entry in enumerate(stored.entries):
        yield GivenFile(entry.path, entry.size, partial(stored.pieces, number))


def _table(data: DataService, version: DatasetVersion) -> Iterator[GivenFile]:
    objects = data.place.objects

    def pieces(digest: Digest) -> Iterator[bytes]:
        with objects.verify(digest).open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    number = 0
    for part in version.parts:
        for segment in part.segments:
            yield GivenFile(f"part-{number:05d}.parquet", segment.size_bytes, partial(pieces, segment.digest))
            number += 1


def opened_in(repository: Repository, source: str, remote: str, root: Path) -> tuple[OpenRepository, Path]:
    """Open a repository with an empty folder for what it fetches; the folder is the caller's to remove."""
    scratch = root / "incoming" / new_id()
    scratch.mkdir(parents=True)
    try:
        return repository.open(source, remote=remote, scratch=scratch), scratch
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
