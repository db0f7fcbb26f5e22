"""Files come several at a time, whole or not at all, and what could not come is counted."""

from collections import Counter
from collections.abc import Mapping

import pytest

from tidemill.app.trackers import fetching
from tidemill.app.trackers.fetching import Fetching
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.tracking.importing import RunImporter
from tidemill.tracking.ports import CarriedFile, FilesElsewhere, FileUnreadable, TrackerFailed


class Source:
    """Has files; a text in place of bytes is why one cannot be read."""

    at_once = 3

    def __init__(self, files: Mapping[str, bytes | Exception], sizes: dict[str, int] | None = None) -> None:
        self._files, self._sizes = files, sizes or {}
        self.elsewhere_after: int | None = None
        self.asked: Counter[str] = Counter()
        self.fails_first = 0

    def files(self, root):
        for number, (path, content) in enumerate(self._files.items()):
            if number == self.elsewhere_after:
                raise FilesElsewhere("They are in S3", hint="Copy them.")
            size = len(content) if isinstance(content, bytes) else 3
            yield CarriedFile(path, self._sizes.get(path, size))

    def read(self, root, path):
        self.asked[path] += 1
        content = self._files[path]
        if isinstance(content, Exception):
            raise content
        if self.asked[path] <= self.fails_first:
            yield content[:1]
            raise TrackerFailed("It broke off", hint="Look at it.")
        yield from (content[at : at + 2] for at in range(0, len(content), 2))


@pytest.fixture
def run_id(workspace):
    return workspace.tracking.create_run(OWNER, experiment="e").run_id


@pytest.fixture
def fetch(workspace, run_id):
    """Give a function that takes the files of a source for a run and returns the report."""

    def fetched(source, owner=run_id):
        importer, progress = RunImporter(workspace.ledger, OWNER, "there"), Progress()
        progress.join(importer.counts, importer.skipped)
        with Fetching(workspace.objects, importer, source, progress) as fetching:
            fetching.fetch(Ref("run", owner), "there:/")
        return progress.report()

    return fetched


def content(workspace, run_id) -> dict[str, bytes]:
    tracking = workspace.tracking
    return {
        file.path: tracking.read_artifact(OWNER, run_id=run_id, path=file.path)
        for file in tracking.list_artifacts(OWNER, run_id=run_id)
    }


def test_all_files_come_whatever_their_number_and_once(workspace, run_id, fetch, monkeypatch):
    monkeypatch.setattr(fetching, "_SOME", 4)
    files = {f"f/{number}": f"content {number}".encode() for number in range(11)} | {"empty": b""}
    source = Source(files)
    report = fetch(source)

    assert content(workspace, run_id) == files
    assert report.counts == {"artifacts": 12, "artifact bytes": sum(map(len, files.values()))}
    assert fetch(source).counts == {"artifacts unchanged": 12}
    assert set(source.asked.values()) == {1}


def test_one_of_another_size_comes_again_and_one_of_unknown_size_does_not(workspace, run_id, fetch):
    fetch(Source({"a": b"one", "b": b"two"}))
    report = fetch(Source({"a": b"longer", "b": b"changed"}, sizes={"b": -1}))

    assert content(workspace, run_id) == {"a": b"longer", "b": b"two"}
    assert (report.counts["artifacts"], report.counts["artifacts unchanged"]) == (1, 1)


def test_one_of_unknown_size_comes_as_it_is(workspace, run_id, fetch):
    fetch(Source({"a": b"of some size"}, sizes={"a": -1}))

    assert content(workspace, run_id) == {"a": b"of some size"}


def test_what_cannot_come_is_counted_by_its_reason_and_the_others_come(workspace, run_id, fetch):
    unreadable = FileUnreadable("It may not be read", hint="none")
    report = fetch(Source({"a": b"1", "locked": unreadable, "../up": b"2", "b": b"3"}))

    assert content(workspace, run_id) == {"a": b"1", "b": b"3"}
    assert report.skipped == {
        "artifacts whose path cannot be one here": 1,
        "artifacts that the source could not read": 1,
    }


def test_files_that_are_elsewhere_are_named_and_those_before_them_come(workspace, run_id, fetch):
    source = Source({"a": b"1", "b": b"2"})
    source.elsewhere_after = 1
    report = fetch(source)

    assert content(workspace, run_id) == {"a": b"1"}
    assert report.skipped == {"artifacts of runs or logged models: They are in S3 (Copy them.)": 1}


@pytest.mark.parametrize(("failures", "comes"), [(1, True), (2, True), (3, False)])
def test_one_that_breaks_off_is_asked_for_three_times(workspace, run_id, fetch, failures, comes):
    source = Source({"a": b"whole"})
    source.fails_first = failures
    if comes:
        fetch(source)
    else:
        with pytest.raises(TrackerFailed, match="It broke off"):
            fetch(source)

    assert content(workspace, run_id) == ({"a": b"whole"} if comes else {})
    assert source.asked["a"] == min(failures + 1, 3)


@pytest.mark.parametrize("size", [4, 6])
def test_one_that_is_not_as_long_as_was_said_is_nowhere(workspace, run_id, fetch, size):
    with pytest.raises(TrackerFailed, match=f"{size} bytes and 5 came"):
        fetch(Source({"a": b"whole"}, sizes={"a": size}))

    assert content(workspace, run_id) == {}
    assert list(workspace.objects.digests()) == []
    assert [each for each in (workspace.settings.home / "incoming").iterdir() if each.is_file()] == []


def test_nothing_is_asked_for_a_run_that_is_not_here(fetch):
    source = Source({"a": b"1"})

    assert fetch(source, "none").counts == {}
    assert source.asked == {}
