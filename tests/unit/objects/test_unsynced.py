"""Small objects are safe with the commit that names them, and become files of their own later."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.objects.unsynced import Unsynced


@pytest.fixture
def ledger(tmp_path: Path):
    opened = Ledger.open(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path):
    return ObjectStore(tmp_path)


def keep(ledger, unsynced, *contents):
    digests = [unsynced.put(content) for content in contents]

    def work(tx):
        for digest, content in zip(digests, contents, strict=True):
            unsynced.keep(tx, digest, content)

    ledger.write(OWNER, work)
    return digests


def test_what_waits_is_read_like_any_object(ledger, store):
    (digest,) = keep(ledger, Unsynced(ledger, store), b"small")
    assert store.read(digest) == b"small"
    assert (store.has(digest), store.size(digest)) == (True, 5)
    with store.open(digest) as file:
        assert file.read() == b"small"
    assert list(store.digests()) == []


def test_a_path_that_somebody_is_given_stays(ledger, store, tmp_path):
    unsynced = Unsynced(ledger, store)
    first, second = keep(ledger, unsynced, b"first", b"second")
    path = store.verify(first)
    store.export(second, tmp_path / "copy")
    unsynced.settle()
    assert (path.read_bytes(), (tmp_path / "copy").read_bytes()) == (b"first", b"second")
    assert sorted(store.digests()) == sorted([first, second])


def test_readers_find_what_moves_meanwhile(ledger, store):
    unsynced = Unsynced(ledger, store)
    digests = keep(ledger, unsynced, *(b"%d" % number for number in range(600)))
    with ThreadPoolExecutor(3) as pool:
        read = [pool.submit(store.read, digest) for _ in range(5) for digest in digests]
        unsynced.settle()
    assert {future.result() for future in read} == {b"%d" % number for number in range(600)}


def test_many_bytes_are_settled_in_the_background(ledger, store):
    unsynced = Unsynced(ledger, store)
    (digest,) = keep(ledger, unsynced, b"x")
    unsynced.kept(1)
    assert list(store.digests()) == []
    unsynced.kept(16 << 20)
    unsynced._background.shutdown()
    assert list(store.digests()) == [digest]


def test_settling_makes_files_of_their_own_and_empties_the_ledger(ledger, store):
    unsynced = Unsynced(ledger, store)
    digests = keep(ledger, unsynced, *(b"%d" % number for number in range(450)))
    assert unsynced.settle() == 450
    assert list(store.digests()) == sorted(digests)
    assert unsynced.settle() == 0
    assert list((store.root / "unsynced").iterdir()) == []
    assert list(store.fsck()) == []


def test_what_the_disk_lost_in_a_crash_comes_back_from_the_ledger(ledger, store):
    lost, torn = keep(ledger, Unsynced(ledger, store), b"lost", b"torn apart")
    (store.root / "unsynced" / lost).unlink()
    (store.root / "unsynced" / torn).write_bytes(b"to")
    Unsynced(ledger, store).recover()
    assert (store.read(lost), store.read(torn)) == (b"lost", b"torn apart")
    assert list(store.digests()) == sorted([lost, torn])


def test_bytes_that_were_never_named_are_forgotten_at_the_next_start(ledger, store):
    digest = Unsynced(ledger, store).put(b"never named")
    Unsynced(ledger, store).recover()
    assert not store.has(digest)


def test_an_object_is_not_taken_for_safe_while_it_waits(ledger, store):
    unsynced = Unsynced(ledger, store)
    digest = unsynced.put(b"the same")
    assert store.put_bytes(b"the same") == digest
    assert list(store.digests()) == [digest]
    unsynced.recover()
    assert store.read(digest) == b"the same"


def test_the_same_bytes_twice_wait_once(ledger, store):
    unsynced = Unsynced(ledger, store)
    keep(ledger, unsynced, b"same", b"same")
    assert unsynced.settle() == 1
    keep(ledger, unsynced, b"same")
    assert unsynced.settle() == 1
    assert len(list(store.digests())) == 1


def test_closing_settles(ledger, store):
    unsynced = Unsynced(ledger, store)
    (digest,) = keep(ledger, unsynced, b"x")
    unsynced.close()
    assert list(store.digests()) == [digest]
