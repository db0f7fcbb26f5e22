"""Files that come in parts: whole at once at the end, or gone without a trace."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.core.digests import Digest
from tidemill.core.errors import BodyTooLarge, OutOfSpace
from tidemill.objects import ObjectStore, parted
from tidemill.objects.digest import digest_bytes
from tidemill.objects.parted import (
    IDLE_S,
    InvalidPart,
    PartedUploads,
    TooManyUploads,
    Upload,
    UploadIsWhole,
    UploadNotFound,
    UploadTokenRefused,
)


class Clock:
    """A time that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(store: ObjectStore, clock: Clock) -> PartedUploads:
    return PartedUploads(store, clock=clock)


def send(upload: Upload, number: int, content: bytes) -> str:
    with upload.part(number) as coming:
        coming.write(content)
        return coming.finish()[0]


def waiting(store: ObjectStore) -> list[Path]:
    return sorted((store.root / "incoming").rglob("*"))


def test_parts_of_any_order_become_one_object(store, uploads):
    upload = uploads.begin("run:a/x", 3)
    etags = {number: send(upload, number, bytes([number]) * 1000) for number in (3, 1, 2)}
    named: list[Digest] = []

    uploads.complete(upload.id, "run:a/x", etags, named.append)

    assert [store.read(digest) for digest in named] == [b"\1" * 1000 + b"\2" * 1000 + b"\3" * 1000]
    assert list(store.digests()) == named
    assert waiting(store) == []


def test_a_part_may_come_twice_and_the_last_counts(store, uploads):
    upload = uploads.begin("t", 1)
    old = send(upload, 1, b"first")
    new = send(upload, 1, b"second")
    named: list[Digest] = []

    with pytest.raises(InvalidPart, match="etag of part 1"):
        uploads.complete(upload.id, "t", {1: old}, named.append)
    uploads.complete(upload.id, "t", {1: new}, named.append)

    assert [store.read(digest) for digest in named] == [b"second"]


def test_parts_may_come_at_the_same_time(store, uploads):
    upload = uploads.begin("t", 40)
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda number: send(upload, number, b"%d," % number * 5000), [*range(1, 41)] * 2))
    named: list[Digest] = []

    uploads.complete(upload.id, "t", dict(enumerate(sent[:40], start=1)), named.append)

    assert named == [digest_bytes(b"".join(b"%d," % number * 5000 for number in range(1, 41)))]


def test_an_upload_of_no_parts_is_an_empty_file(uploads):
    named: list[Digest] = []
    uploads.complete(uploads.begin("t", 0).id, "t", {}, named.append)
    assert named == [digest_bytes(b"")]


@pytest.mark.parametrize("etags", [{}, {1: "right"}, {1: "right", 2: "0" * 64}, {1: "right", 2: "right", 3: "right"}])
def test_what_is_not_all_there_stays_open(uploads, etags):
    upload = uploads.begin("t", 2)
    right = {number: send(upload, number, b"x") for number in (1, 2)}
    named: list[Digest] = []

    given = {number: right.get(number, "0") if etag == "right" else etag for number, etag in etags.items()}
    with pytest.raises(InvalidPart):
        uploads.complete(upload.id, "t", given, named.append)

    assert named == []
    uploads.complete(upload.id, "t", right, named.append)
    assert len(named) == 1


def test_a_part_that_did_not_come_is_named(uploads):
    upload = uploads.begin("t", 2)
    etag = send(upload, 1, b"x")
    with pytest.raises(InvalidPart, match="Part 2 of 2 did not come"):
        uploads.complete(upload.id, "t", {1: etag, 2: etag}, refuse)


def refuse(digest: Digest) -> None:
    raise AssertionError(digest)


def test_completing_twice_names_once(uploads):
    upload = uploads.begin("t", 1)
    etags = {1: send(upload, 1, b"x")}
    named: list[Digest] = []
    begun, go_on = threading.Event(), threading.Event()

    def slowly(digest: Digest) -> None:
        begun.set()
        assert go_on.wait(10)
        named.append(digest)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(uploads.complete, upload.id, "t", etags, slowly)
        assert begun.wait(10)
        second = pool.submit(uploads.complete, upload.id, "t", etags, named.append)
        with pytest.raises(UploadNotFound):
            send(upload, 1, b"late")
        go_on.set()
        first.result()
        second.result()
    uploads.complete(upload.id, "t", etags, named.append)

    assert named == [digest_bytes(b"x")]
    with pytest.raises(UploadIsWhole):
        uploads.abort(upload.id, "t")


def test_an_abort_frees_the_space_also_of_what_is_coming(store, uploads):
    upload = uploads.begin("t", 2)
    etags = {1: send(upload, 1, b"x" * 1000)}
    with upload.part(2) as coming:
        coming.write(b"half")
        uploads.abort(upload.id, "t")
        with pytest.raises(UploadNotFound):
            coming.finish()
    uploads.abort(upload.id, "t")

    assert waiting(store) == []
    with pytest.raises(UploadNotFound):
        uploads.complete(upload.id, "t", etags, refuse)
    with pytest.raises(UploadNotFound):
        uploads.for_part(upload.id, upload.token)


def test_a_part_that_is_cut_off_is_none(store, uploads):
    upload = uploads.begin("t", 1)

    def cut_off() -> None:
        with upload.part(1) as coming:
            coming.write(b"half")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        cut_off()
    assert len(waiting(store)) == 1
    with pytest.raises(InvalidPart, match="did not come"):
        uploads.complete(upload.id, "t", {1: digest_bytes(b"half")}, refuse)


def test_a_completion_that_fails_leaves_nothing(store, uploads):
    upload = uploads.begin("t", 1)
    etags = {1: send(upload, 1, b"x")}

    def fail(digest: Digest) -> None:
        raise OutOfSpace("full", hint="free some")

    with pytest.raises(OutOfSpace):
        uploads.complete(upload.id, "t", etags, fail)

    assert waiting(store) == []
    uploads.abort(upload.id, "t")  # as clients do after a failure
    with pytest.raises(UploadNotFound):
        uploads.complete(upload.id, "t", etags, refuse)


@pytest.mark.parametrize("number", [0, -1, 3, 10**9])
def test_numbers_that_are_no_part(uploads, number):
    upload = uploads.begin("t", 2)
    with pytest.raises(InvalidPart), upload.part(number):
        pass


def test_limits(uploads, monkeypatch):
    for count in (-1, 10_001):
        with pytest.raises(InvalidPart):
            uploads.begin("t", count)
    monkeypatch.setattr(parted, "MOST_PART_BYTES", 10)
    monkeypatch.setattr(parted, "MOST_UPLOADS", 1)
    upload = uploads.begin("t", 1)
    with pytest.raises(BodyTooLarge), upload.part(1) as coming:
        coming.write(b"12345678901")
    with pytest.raises(TooManyUploads):
        uploads.begin("t", 1)
    uploads.abort(upload.id, "t")
    uploads.begin("t", 1)


def test_what_waits_too_long_is_removed(store, uploads, clock):
    left, busy = uploads.begin("t", 2), uploads.begin("t", 2)
    send(left, 1, b"x")
    clock.now = IDLE_S
    send(busy, 1, b"x")
    clock.now = IDLE_S + 1

    uploads.sweep()

    assert [each.is_open for each in (left, busy)] == [False, True]
    assert len(waiting(store)) == 2
    with pytest.raises(UploadNotFound):
        send(left, 2, b"late")
    clock.now = 3 * IDLE_S
    uploads.sweep()
    with pytest.raises(UploadNotFound):
        uploads.abort(left.id, "t")


def test_what_a_killed_server_left_is_removed_at_start(tmp_path, store, uploads):
    send(uploads.begin("t", 2), 1, b"x")
    again = ObjectStore(tmp_path)
    again.clear_incoming()
    assert waiting(again) == []


def test_only_the_token_and_the_place_let_in(uploads):
    upload, other = uploads.begin("t", 1), uploads.begin("t", 1)
    assert uploads.for_part(upload.id, upload.token) is upload
    for token in ("", "ü", other.token):
        with pytest.raises(UploadTokenRefused):
            uploads.for_part(upload.id, token)
    with pytest.raises(UploadNotFound):
        uploads.for_part("0" * 32, upload.token)
    asked: list[Callable[[], None]] = [
        lambda: uploads.abort(upload.id, "another"),
        lambda: uploads.complete(upload.id, "another", {}, refuse),
    ]
    for ask in asked:
        with pytest.raises(UploadNotFound):
            ask()
    assert upload.token not in repr(upload)
