"""A version is removed at a place with what nothing else there needs; pushes and removals never work there together."""

import os
import time

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import NotFound
from tidemill.data.errors import DatasetNotFound, DatasetVersionNotFound, InvalidDatasetRef
from tidemill.data.rules import DatasetRef
from tidemill.data.service import DataService
from tidemill.data.sharing import needs, presence, removal
from tidemill.data.sharing.errors import DamagedRecord, RemoteBusy
from tidemill.data.sharing.presence import present
from tidemill.data.sharing.push import Push
from tidemill.data.sharing.removal import Removal
from tidemill.data.sharing.shelf import Shelf
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.objects.remote import RemoteStore, connect, parse_address
from tidemill.objects.remote.pieces import PIECE
from tidemill.objects.remote.store import Stored


class Quiet:
    """Is told how far it is, and may stop it."""

    def __init__(self, stop_after: int = -1) -> None:
        self.left = stop_after

    def begin(self, doing: str, total: int = 0) -> None:
        self.doing = doing

    def step(self, count: int = 1) -> None:
        if self.doing == "remove":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


@pytest.fixture
def bucket(tmp_path):
    return connect(parse_address(f"file://{tmp_path}/share"))


@pytest.fixture
def remote(bucket):
    with RemoteStore(bucket) as opened:
        yield opened


@pytest.fixture
def data(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    yield DataService(ledger, ObjectStore(tmp_path / "home"), root=tmp_path)
    ledger.close()


@pytest.fixture
def push(data, remote):
    def pushed(ref: str):
        place = data.place
        moving = Push(place.ledger, place.objects, remote, Quiet(), atomic=True)
        return moving.run(OWNER, data.get(OWNER, ref))

    return pushed


@pytest.fixture
def three(data, push, tmp_path):
    """Three versions of a folder, of which neighbours share most, and a table with the rows of another one."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    large = os.urandom(2 * PIECE + 999)
    for number in range(3):
        (folder / "large").write_bytes(large if number < 2 else os.urandom(PIECE + 1))
        (folder / f"{number}").write_bytes(os.urandom(20_000))
        data.ingest(OWNER, "pictures", "pictures")
        push(f"pictures@{number + 1}")
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    for name in ("a", "b"):
        data.ingest(OWNER, name, "t.csv")
        push(f"{name}@1")
    return tmp_path / "share"


def remove(remote, ref: str, watcher: Quiet | None = None):
    name, _, number = ref.partition("@")
    return Removal(remote, watcher or Quiet()).run("anna", DatasetRef(name, number=int(number)))


def names(share, folder: str) -> set[str]:
    return {str(path.relative_to(share)) for path in (share / folder).rglob("*") if path.is_file()}


def assert_whole(remote, *refs: str) -> None:
    """Every byte of these versions is there, and nothing besides."""
    shelf = Shelf(remote.bucket)
    found = [(each.name, number) for each in shelf.list() for number in each.numbers]
    assert sorted(f"{name}@{number}" for name, number in found) == sorted(refs)
    needed = set()
    for name, number in found:
        shared = shelf.read(name, number)
        assert shared is not None
        for each in shared.objects:
            remote.read_all(Stored(each.digest, each.size))
            needed |= remote.keys_of([Stored(each.digest, each.size)]).keys()
    assert {each.key for each in [*remote.bucket.list("objects"), *remote.bucket.list("pieces")]} == needed
    assert list(remote.bucket.list("working")) == []


def test_what_nothing_else_needs_goes_and_the_rest_stays(remote, three):
    before = names(three, "objects")
    done = remove(remote, "pictures@1")

    assert 0 < done.objects < len(before) / 2
    assert_whole(remote, "pictures@2", "pictures@3", "a@1", "b@1")
    assert remove(remote, "pictures@3").size_bytes > PIECE
    assert_whole(remote, "pictures@2", "a@1", "b@1")
    remove(remote, "a@1")
    assert_whole(remote, "pictures@2", "b@1")
    for ref in ("pictures@2", "b@1"):
        remove(remote, ref)
    assert_whole(remote)


def test_tags_that_point_to_it_go_and_others_stay(data, push, remote, three):
    data.tag(OWNER, "pictures@1", "old")
    data.tag(OWNER, "pictures@2", "gold")
    for ref in ("pictures@1", "pictures@2"):
        push(ref)

    assert Removal(remote, Quiet()).run("anna", DatasetRef("pictures", tag="old")).tags == ("old",)
    assert Shelf(remote.bucket).list("pictures")[0].tags == {"gold": 2}


def test_it_can_be_pushed_again(push, remote, three):
    remove(remote, "pictures@1")

    assert push("pictures@1").is_new
    assert_whole(remote, "pictures@1", "pictures@2", "pictures@3", "a@1", "b@1")


def test_what_is_not_there_or_not_said_is_refused(remote, three):
    with pytest.raises(DatasetVersionNotFound):
        remove(remote, "pictures@9")
    with pytest.raises(DatasetNotFound):
        remove(remote, "nothing@1")
    with pytest.raises(InvalidDatasetRef):
        Removal(remote, Quiet()).run("anna", DatasetRef("pictures"))
    assert_whole(remote, "pictures@1", "pictures@2", "pictures@3", "a@1", "b@1")


def test_nothing_goes_when_it_is_not_known_what_is_needed(remote, three):
    (three / "datasets/a/1.json").write_text("{}")
    before = names(three, "objects")

    with pytest.raises(DamagedRecord):
        remove(remote, "pictures@1")
    assert names(three, "objects") == before


def test_a_push_keeps_a_removal_out_and_a_removal_a_push(push, remote, bucket, three):
    with present(bucket, "push", "flights@1", "ben"), pytest.raises(RemoteBusy, match="ben pushes flights@1"):
        remove(remote, "pictures@1")
    with present(bucket, "remove", "flights@1", "ben"), pytest.raises(RemoteBusy, match="ben removes flights@1"):
        push("pictures@1")
    with present(bucket, "push", "flights@1", "ben"):
        push("pictures@1")
    with present(bucket, "remove", "flights@1", "ben"):
        remove(remote, "pictures@1")
    assert_whole(remote, "pictures@2", "pictures@3", "a@1", "b@1")


def left_dead(share, key: str = "working/now") -> None:
    """Let every mark be as old as one of somebody who was killed."""
    old = presence.FORGOTTEN_AFTER if key.endswith("taken") else presence.DEAD_AFTER
    moment = time.time() - old.total_seconds() - 10
    for path in (share / key).iterdir():
        os.utime(path, (moment, moment))


@pytest.mark.parametrize("stop", [1, 3])
def test_a_removal_that_is_cancelled_is_ended_by_the_next_one(push, remote, three, stop):
    with pytest.raises(KeyboardInterrupt):
        remove(remote, "pictures@3", Quiet(stop_after=stop))

    with pytest.raises(NotFound):
        Shelf(remote.bucket).find(DatasetRef("pictures", number=3))
    push("pictures@2")
    remove(remote, "pictures@1")
    assert_whole(remote, "pictures@2", "a@1", "b@1")


def test_the_same_again_ends_one_that_was_killed(push, remote, three, monkeypatch):
    monkeypatch.setattr(presence.Presence, "end", lambda self, **_: self._over.set())
    with pytest.raises(KeyboardInterrupt):
        remove(remote, "pictures@3", Quiet(stop_after=2))
    monkeypatch.undo()

    with pytest.raises(RemoteBusy):
        push("pictures@2")
    with pytest.raises(RemoteBusy, match="anna removes pictures@3"):
        remove(remote, "pictures@3")
    left_dead(three)
    with pytest.raises(RemoteBusy, match="since"):
        push("pictures@2")
    assert remove(remote, "pictures@3").ref == "pictures@3"
    left_dead(three, "working/taken")
    remove(remote, "a@1")
    assert_whole(remote, "pictures@1", "pictures@2", "b@1")


def test_a_push_that_was_held_for_dead_brings_again_what_went(data, remote, three, monkeypatch):
    """It relied on objects of a version that was removed while it stood still."""
    place = data.place
    data.ingest(OWNER, "c", "t.csv")
    real = Push._record

    def slept(self, *given):
        left_dead(three)
        for ref in ("a@1", "b@1"):
            remove(remote, ref)
        return real(self, *given)

    monkeypatch.setattr(Push, "_record", slept)
    Push(place.ledger, place.objects, remote, Quiet(), atomic=True).run(OWNER, data.get(OWNER, "c"))

    assert_whole(remote, "pictures@1", "pictures@2", "pictures@3", "c@1")


def test_a_removal_that_was_held_for_dead_stops(remote, three, monkeypatch):
    real = needs.delete_there

    def slept(*given):
        monkeypatch.undo()
        left_dead(three)
        remove(remote, "pictures@2")
        return real(*given)

    monkeypatch.setattr(removal, "delete_there", slept)
    with pytest.raises(RemoteBusy, match="Somebody else ended"):
        remove(remote, "pictures@1")
    remove(remote, "a@1")
    assert_whole(remote, "pictures@3", "b@1")


def test_a_mark_is_renewed_while_its_owner_lives(bucket, monkeypatch, wait_for, tmp_path):
    monkeypatch.setattr(presence, "RENEWED_S", 0.01)
    with present(bucket, "push", "flights@1", "ben"):
        (mark,) = (tmp_path / "share/working/now").iterdir()
        os.utime(mark, (0, 0))
        wait_for(lambda: mark.stat().st_mtime > 0)
    assert list(bucket.list("working")) == []


def interrupted(data, remote, ref: str, monkeypatch) -> None:
    """Push a version that is killed when all but its record is there."""

    def killed(self, *given):
        raise KeyboardInterrupt

    monkeypatch.setattr(Push, "_record", killed)
    with pytest.raises(KeyboardInterrupt):
        Push(data.place.ledger, data.place.objects, remote, Quiet(), atomic=True).run(OWNER, data.get(OWNER, ref))
    monkeypatch.undo()


def test_a_push_that_goes_on_finds_what_a_removal_took_of_it(data, push, remote, tmp_path, monkeypatch):
    """Two workspaces have a file each that begin alike: their pieces are shared, also by a push that is not over."""
    ledger = Ledger.open(tmp_path / "other.sqlite")
    other = DataService(ledger, ObjectStore(tmp_path / "other"), root=tmp_path)
    large = os.urandom(2 * PIECE)
    for service, end in ((data, b"one"), (other, b"two")):
        (tmp_path / "large").write_bytes(large + end)
        service.ingest(OWNER, end.decode(), "large", as_files=True)
    push("one@1")
    interrupted(other, remote, "two@1", monkeypatch)
    remove(remote, "one@1")
    Push(ledger, other.place.objects, remote, Quiet(), atomic=True).run(OWNER, other.get(OWNER, "two@1"))

    assert_whole(remote, "two@1")
    ledger.close()
