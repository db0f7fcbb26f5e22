import os
import random

import pytest

from tidemill.objects import DamagedObject, ObjectStore
from tidemill.objects.remote import RemoteStore, connect, parse_address, pieces, store
from tidemill.objects.remote.connect import Patience
from tidemill.objects.remote.errors import RemoteDamaged, RemoteObjectMissing, RemoteUnavailable
from tidemill.objects.remote.store import PULLING, Stored, clear_pulling

SOON = Patience(tries=3, first_wait_s=0.001, longest_wait_s=0.002, read_timeout_s=5, timeout_s=20)
PIECE = 64 << 10
LARGE = random.Random(7).randbytes(3 * PIECE + 1234)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    monkeypatch.setattr(store, "PIECE", PIECE)


class Ended(Exception):
    pass


def nothing(count: int) -> None:
    del count


@pytest.fixture
def here(tmp_path):
    return ObjectStore(tmp_path / "here")


@pytest.fixture
def there(tmp_path):
    return ObjectStore(tmp_path / "there")


@pytest.fixture
def remote(s3_proxy, s3):
    with RemoteStore(connect(parse_address(f"s3://{s3}/team"), SOON)) as made:
        yield made


def put(objects: ObjectStore, *contents: bytes) -> list[Stored]:
    return [Stored(objects.put_bytes(content), len(content)) for content in contents]


def damage(bucket, key: str) -> None:
    content = bucket.read(key)
    bucket.put(key, bytes([content[0] ^ 1]) + content[1:])


def test_objects_go_there_and_come_back_whole(remote, here, there):
    stored = put(here, b"", b"small", LARGE)
    told: list[int] = []

    moved = remote.push(here, stored, told.append)

    assert moved == sum(told) == len(LARGE) + 5
    assert remote.missing(stored) == []
    assert remote.pull(there, stored, nothing) == moved
    assert [there.read(one.digest) for one in stored] == [b"", b"small", LARGE]


def test_what_is_there_is_not_moved_again(remote, s3_proxy, here, there):
    stored = put(here, b"small", LARGE)
    remote.push(here, stored, nothing)
    remote.pull(there, stored, nothing)
    s3_proxy.requests.clear()

    assert remote.push(here, stored, nothing) == 0
    assert remote.pull(there, stored, nothing) == 0
    assert set(s3_proxy.counted()) == {"HEAD", "GET"}
    assert all("/pieces/" in asked.path for asked in s3_proxy.requests if asked.method == "GET")


def test_a_piece_that_the_place_lost_is_brought_again(remote, here, there):
    stored = put(here, LARGE)
    remote.push(here, stored, nothing)
    (lost, *_) = (key for key in remote.keys_of(stored) if key.startswith("objects"))
    remote.bucket.delete(lost)

    assert remote.missing(stored) == stored
    assert 0 < remote.push(here, stored, nothing) <= PIECE
    assert remote.missing(stored) == []
    remote.pull(there, stored, nothing)
    assert there.read(stored[0].digest) == LARGE


def test_large_objects_share_the_pieces_that_are_equal(remote, here):
    remote.push(here, put(here, LARGE), nothing)

    assert remote.push(here, put(here, LARGE[: 2 * PIECE] + b"another end"), nothing) == len(b"another end")


def test_a_push_that_was_cut_off_moves_only_the_rest(remote, s3_proxy, here):
    stored = put(here, LARGE)

    def end_early(count: int) -> None:
        raise Ended

    with pytest.raises(Ended):
        remote.push(here, stored, end_early)
    assert not remote.has(stored[0])
    first = sum(len(asked.body) for asked in s3_proxy.requests if asked.method == "PUT")

    rest = remote.push(here, stored, nothing)

    assert rest <= len(LARGE) - PIECE
    assert first > 0
    assert remote.has(stored[0])


def test_a_pull_that_was_cut_off_moves_only_the_rest(remote, s3_proxy, here, there):
    stored = put(here, LARGE)
    remote.push(here, stored, nothing)
    s3_proxy.requests.clear()
    there_bytes = 0

    def end_late(count: int) -> None:
        nonlocal there_bytes
        there_bytes += count
        if there_bytes > PIECE:
            raise Ended

    with pytest.raises(Ended):
        remote.pull(there, stored, end_late)
    assert not there.has(stored[0].digest)

    rest = remote.pull(ObjectStore(there.root), stored, nothing)

    assert rest <= len(LARGE) - PIECE  # pieces that were on their way are written too
    assert there.read(stored[0].digest) == LARGE
    assert list((there.root / PULLING).iterdir()) == []


def test_what_a_crash_of_the_machine_lost_is_fetched_again(remote, here, there):
    stored = put(here, LARGE)
    remote.push(here, stored, nothing)
    (there.root / PULLING).mkdir()
    (there.root / PULLING / stored[0].digest).write_bytes(bytes(PIECE) + LARGE[PIECE : 2 * PIECE])

    assert remote.pull(there, stored, nothing) == len(LARGE) - PIECE
    assert there.read(stored[0].digest) == LARGE


@pytest.mark.parametrize("fault", ["503", "refuse", "cut", "short", "flip", "lost"])
def test_faults_on_the_way_harm_nothing(remote, s3_proxy, here, there, fault):
    stored = put(here, b"small but not empty", LARGE)
    if fault not in {"cut", "short", "flip"}:
        s3_proxy.fail(fault, method="PUT", times=2)
    remote.push(here, stored, nothing)
    s3_proxy.fail(fault, method="GET", path="/objects/", times=2)

    remote.pull(there, stored, nothing)

    assert [there.read(one.digest) for one in stored] == [b"small but not empty", LARGE]


def test_a_place_that_goes_away_ends_a_push_and_nothing_half_done_is_seen(remote, s3_proxy, here):
    stored = put(here, LARGE)
    s3_proxy.fail("503", method="PUT", times=99)

    with pytest.raises(RemoteUnavailable):
        remote.push(here, stored, nothing)

    assert not remote.has(stored[0])


def test_a_damaged_object_is_not_sent(remote, here):
    stored = put(here, b"small", LARGE)
    for one in stored:
        path = here.path(one.digest)
        path.chmod(0o600)
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    for one in stored:
        with pytest.raises(DamagedObject):
            remote.push(here, [one], nothing)
    assert remote.missing(stored) == stored


def test_a_bit_that_flipped_there_is_found_by_every_reader(remote, here, there):
    stored = put(here, b"small", LARGE)
    remote.push(here, stored, nothing)
    for found in list(remote.bucket.list("objects")):
        damage(remote.bucket, found.key)

    for one in stored:
        with pytest.raises(RemoteDamaged, match="are not what was written"):
            remote.pull(there, [one], nothing)
        with pytest.raises(RemoteDamaged):
            remote.piece(one, 0)
        assert not there.has(one.digest)


def test_a_list_of_pieces_that_lies_is_found_out(remote, here, there):
    other = random.Random(8).randbytes(len(LARGE))
    stored, lied = put(here, LARGE, other)
    remote.push(here, [stored, lied], nothing)
    lists = {found.key.replace("/", ""): found.key for found in remote.bucket.list("pieces")}
    ours, theirs = lists[f"pieces{stored.digest}"], lists[f"pieces{lied.digest}"]
    remote.bucket.put(ours, remote.bucket.read(theirs))

    with pytest.raises(RemoteDamaged, match="do not make the object"):
        remote.pull(there, [stored], nothing)
    assert not there.has(stored.digest)

    remote.bucket.put(ours, b"{}")
    with RemoteStore(remote.bucket) as again, pytest.raises(RemoteDamaged, match="not the list"):
        again.pull(there, [stored], nothing)


def test_an_object_that_is_gone_there_is_named(remote, there):
    with pytest.raises(RemoteObjectMissing):
        remote.pull(there, put(ObjectStore(there.root / "x"), b"never pushed"), nothing)


def test_a_torn_object_in_a_folder_is_sent_again(tmp_path, here):
    with RemoteStore(connect(parse_address(f"file://{tmp_path}/share"), SOON)) as remote:
        stored = put(here, b"small")
        remote.push(here, stored, nothing)
        (found,) = remote.bucket.list("objects")
        (tmp_path / "share" / found.key).write_bytes(b"sm")

        assert remote.push(here, stored, nothing) == 5


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (PIECE - 3, PIECE + 3), (5, 3 * PIECE + 9), (len(LARGE) - 1, len(LARGE))]
)
def test_a_range_is_read_across_pieces(remote, here, start, end):
    (stored,) = put(here, LARGE)
    remote.push(here, [stored], nothing)

    assert remote.range(stored, start, end) == LARGE[start:end]


def test_what_waited_too_long_to_go_on_is_removed(here):
    folder = here.root / PULLING
    (folder / "scratch").mkdir(parents=True)
    for name, moment in (("old", 0), ("young", None)):
        (folder / name).write_bytes(b"x")
        if moment is not None:
            os.utime(folder / name, (moment, moment))

    clear_pulling(here)

    assert [left.name for left in folder.iterdir()] == ["young"]
