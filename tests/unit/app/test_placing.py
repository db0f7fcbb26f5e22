"""One folder takes another's place: names, what is swept, and what is left for the last move."""

import pytest

from tidemill.app import placing
from tidemill.ledger import FolderLock, WorkspaceInUse


@pytest.fixture(params=["home", "a home", "we[i]rd*?"])
def place(request, tmp_path):
    return tmp_path / request.param


def filled(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "note").write_text(text)
    return folder


def beside(home):
    return sorted(path.name for path in home.parent.iterdir() if path != home)


def interrupted(home):
    """Leave what a kill between the last two moves leaves; return where the old one is."""
    whole = filled(home.with_name(f".{home.name}.restored-0123456789ab"), "new")
    former = filled(home.with_name(f"{home.name}.before-20260102-030405-0123456789ab"), "old")
    return whole, former


@pytest.mark.parametrize("is_there", [False, True])
def test_into_a_free_place_nothing_is_moved_aside(place, is_there):
    if is_there:
        place.mkdir()
    assert placing.place(filled(placing.begin(place), "new"), place) is None
    assert ((place / "note").read_text(), beside(place)) == ("new", [])


def test_what_was_there_keeps_its_files_under_a_name_with_the_moment(place):
    filled(place, "old")
    former = placing.place(filled(placing.begin(place), "new"), place)

    assert former is not None
    assert beside(place) == [former.name]
    assert former.name.startswith(f"{place.name}.before-2")
    assert ((place / "note").read_text(), (former / "note").read_text()) == ("new", "old")


def test_a_workspace_in_use_keeps_its_place(place):
    filled(place, "old")
    temporary = filled(placing.begin(place), "new")
    lock = FolderLock(place)
    with pytest.raises(WorkspaceInUse):
        placing.place(temporary, place)
    lock.release()

    assert ((place / "note").read_text(), beside(place)) == ("old", [temporary.name])


def test_the_last_move_is_done_once(place):
    _, former = interrupted(place)
    placing.settle(place)
    placing.settle(place)

    assert ((place / "note").read_text(), beside(place)) == ("new", [former.name])


def test_nothing_takes_the_place_of_what_is_there_or_of_what_never_gave_way(place):
    whole, former = interrupted(place)
    filled(place, "mine")
    placing.settle(place)
    assert (place / "note").read_text() == "mine"

    (place / "note").unlink()
    place.rmdir()
    former.rename(former.with_name("elsewhere"))
    placing.settle(place)
    assert not place.exists()
    assert whole.exists()


def test_a_sweep_takes_what_is_dead_and_spares_what_lives_or_is_needed(place):
    whole, former = interrupted(place)
    dead = filled(place.with_name(f".{place.name}.restoring-1"), "half")
    stray = filled(place.with_name(f".{place.name}.restored-2"), "whole, and nothing gave way to it")
    living = filled(place.with_name(f".{place.name}.restoring-3"), "under way")
    other = filled(place.with_name(f".{place.name}x.restoring-4"), "of another workspace")
    lock = FolderLock(living)

    assert placing.sweep(place) == former
    assert [path.exists() for path in (whole, dead, stray, living, other)] == [True, False, False, True, True]
    filled(place, "mine")
    assert placing.sweep(place) is None
    assert not whole.exists()
    lock.release()


def test_the_last_move_is_not_done_under_a_restore_that_works(place, monkeypatch):
    whole, _ = interrupted(place)
    monkeypatch.setattr(placing, "_WAIT_S", 0.0)
    lock = FolderLock(whole)
    with pytest.raises(WorkspaceInUse):
        placing.settle(place)
    lock.release()
    placing.settle(place)
    assert (place / "note").read_text() == "new"
