"""What unfinished pushes left at a place goes when it is old; nothing that a version or a later push needs does."""

import os
import time
from datetime import timedelta

import pytest
from tests.unit.data.sharing.test_removal import (
    Quiet,
    assert_whole,
    bucket,
    data,
    interrupted,
    left_dead,
    names,
    push,
    remote,
    remove,
    three,
)

from tidemill.core.access import OWNER
from tidemill.data.service import DataService
from tidemill.data.sharing import needs, presence, sweep
from tidemill.data.sharing.errors import DamagedRecord, RemoteBusy
from tidemill.data.sharing.presence import present
from tidemill.data.sharing.push import Push
from tidemill.data.sharing.sweep import Sweep
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.objects.remote.errors import RemoteObjectMissing
from tidemill.objects.remote.pieces import PIECE

__all__ = ["bucket", "data", "push", "remote", "three"]
WEEK = timedelta(days=7)
NOW = timedelta()
REFS = ("pictures@1", "pictures@2", "pictures@3", "a@1", "b@1")


def swept(remote, older_than: timedelta = NOW, watcher: Quiet | None = None):
    return Sweep(remote, watcher or Quiet()).run("anna", older_than)


@pytest.fixture
def other(tmp_path):
    """Another workspace, with a large file and a small one that nobody has pushed yet."""
    ledger = Ledger.open(tmp_path / "other.sqlite")
    service = DataService(ledger, ObjectStore(tmp_path / "other"), root=tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "large").write_bytes(os.urandom(2 * PIECE + 77))
    (tmp_path / "new" / "small").write_bytes(os.urandom(3000))
    service.ingest(OWNER, "new", "new")
    yield service
    ledger.close()


@pytest.fixture
def leftovers(three, other, remote, monkeypatch):
    """What a push that was killed before its end left; returns the names."""
    before = names(three, "objects") | names(three, "pieces")
    interrupted(other, remote, "new@1", monkeypatch)
    return (names(three, "objects") | names(three, "pieces")) - before


def push_new(other, remote):
    return Push(other.place.ledger, other.place.objects, remote, Quiet(), atomic=True).run(
        OWNER, other.get(OWNER, "new@1")
    )


def aged(share, keys, days: float = 8) -> None:
    moment = time.time() - days * 86400
    for key in keys:
        os.utime(share / key, (moment, moment))


def test_what_is_young_stays_and_what_is_old_goes(three, leftovers, remote):
    assert swept(remote, WEEK).objects == 0
    aged(three, leftovers)
    looked = Sweep(remote, Quiet()).look(WEEK)
    assert leftovers <= names(three, "objects") | names(three, "pieces")

    assert swept(remote, WEEK) == looked
    assert looked.objects == len(leftovers)
    assert looked.size_bytes > 2 * PIECE
    assert_whole(remote, *REFS)


def test_a_place_where_nothing_was_left_is_left_alone(three, remote):
    before = names(three, "objects")

    assert swept(remote).objects == 0
    assert names(three, "objects") == before


def test_the_pieces_of_a_young_list_stay_however_old_they_are(three, leftovers, other, remote):
    """A push that goes on finds the list, and holds the object for being there."""
    aged(three, [key for key in leftovers if key.startswith("objects")])
    swept(remote, WEEK)
    push_new(other, remote)

    assert_whole(remote, *REFS, "new@1")


def test_what_a_push_left_is_brought_again_after_a_sweep(three, leftovers, other, remote):
    swept(remote)

    assert push_new(other, remote).moved_bytes > 2 * PIECE
    assert_whole(remote, *REFS, "new@1")


def test_a_list_that_names_what_is_gone_is_not_believed(three, leftovers, other, remote):
    """Such as a push writes that was held for dead, woke, and was killed then."""
    pieces = [key for key in leftovers if (three / key).stat().st_size == PIECE]
    (three / pieces[0]).unlink()
    push_new(other, remote)

    assert_whole(remote, *REFS, "new@1")


def test_a_push_and_a_sweep_keep_out_of_one_anothers_way(three, leftovers, other, remote, bucket):
    with present(bucket, "push", "flights@1", "ben"), pytest.raises(RemoteBusy, match="ben pushes flights@1"):
        swept(remote)
    with (
        present(bucket, "remove", sweep.LEFT, "ben"),
        pytest.raises(RemoteBusy, match="ben removes what unfinished pushes left"),
    ):
        push_new(other, remote)
    with present(bucket, "remove", sweep.LEFT, "ben"), pytest.raises(RemoteBusy):
        swept(remote)
    assert leftovers <= names(three, "objects") | names(three, "pieces")


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 6])
def test_a_sweep_that_was_killed_at_any_step_is_ended_by_the_next(three, leftovers, other, remote, monkeypatch, stop):
    monkeypatch.setattr(presence.Presence, "end", lambda self, **_: self._over.set())
    with pytest.raises(KeyboardInterrupt):
        swept(remote, watcher=Quiet(stop_after=stop))
    monkeypatch.undo()

    with pytest.raises(RemoteBusy, match="anna removes what unfinished pushes left"):
        push_new(other, remote)
    left_dead(three)
    swept(remote)
    left_dead(three, "working/taken")
    swept(remote)
    assert_whole(remote, *REFS)
    push_new(other, remote)
    assert_whole(remote, *REFS, "new@1")


@pytest.mark.parametrize("stop", [2])
def test_a_sweep_that_is_cancelled_leaves_a_place_that_can_be_pushed_to(three, leftovers, other, remote, stop):
    with pytest.raises(KeyboardInterrupt):
        swept(remote, watcher=Quiet(stop_after=stop))

    push_new(other, remote)
    assert_whole(remote, *REFS, "new@1")


@pytest.mark.parametrize("step", ["_plain", "_bring_files", "_record"])
def test_a_push_that_was_held_for_dead_loses_nothing_to_a_sweep(three, leftovers, other, remote, monkeypatch, step):
    """It stood still, relied on what had been left there, and woke after all of that was swept."""
    from tidemill.data.sharing import push as pushing

    place = pushing if step == "_plain" else Push
    real = getattr(place, step)

    def slept(*given):
        monkeypatch.setattr(place, step, real)
        left_dead(three)
        swept(remote)
        return real(*given)

    monkeypatch.setattr(place, step, slept)
    push_new(other, remote)

    assert_whole(remote, *REFS, "new@1")


def test_a_sweep_that_was_held_for_dead_stops(three, leftovers, other, remote, monkeypatch):
    real = needs.delete_there

    def slept(*given):
        monkeypatch.undo()
        left_dead(three)
        swept(remote)
        push_new(other, remote)
        return real(*given)

    monkeypatch.setattr(sweep, "delete_there", slept)
    with pytest.raises(RemoteBusy, match="Somebody else ended"):
        swept(remote)
    left_dead(three, "working/taken")
    swept(remote)
    assert_whole(remote, *REFS, "new@1")


def test_it_ends_a_removal_that_was_killed(three, remote, push, monkeypatch):
    monkeypatch.setattr(presence.Presence, "end", lambda self, **_: self._over.set())
    with pytest.raises(KeyboardInterrupt):
        remove(remote, "pictures@3", Quiet(stop_after=2))
    monkeypatch.undo()
    left_dead(three)
    swept(remote, WEEK)
    left_dead(three, "working/taken")
    swept(remote, WEEK)

    assert_whole(remote, "pictures@1", "pictures@2", "a@1", "b@1")


def test_nothing_goes_when_it_is_not_known_what_is_needed(three, leftovers, remote):
    everything = names(three, "objects") | names(three, "pieces")
    (three / "datasets/a/1.json").write_text("{}")
    with pytest.raises(DamagedRecord):
        swept(remote)
    (three / "datasets/a/1.json").unlink()
    lists = names(three, "pieces") - leftovers
    (three / lists.pop()).unlink()
    with pytest.raises(RemoteObjectMissing):
        swept(remote)
    assert len(everything) == len(names(three, "objects") | names(three, "pieces")) + 1


def test_what_is_not_of_ours_stays_and_a_write_that_was_cut_off_goes(three, remote):
    (three / "objects" / "ab").mkdir(exist_ok=True)
    for name in ("objects/ab/readme.txt", "objects/notes.md"):
        (three / name).write_text("mine")
    torn = three / "objects" / "ab" / ("c" * 62 + "#1")
    torn.write_bytes(bytes(100))
    (three / "probe").mkdir(exist_ok=True)
    (three / "probe" / ("0" * 32)).write_bytes(b"first")

    assert (swept(remote).objects, torn.exists()) == (2, False)
    assert {"objects/ab/readme.txt", "objects/notes.md"} <= names(three, "objects")
