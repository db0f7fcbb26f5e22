"""Folders are put away so that a kill leaves no half of one under its name."""

from tidemill.objects.trash import clear_leftovers, clear_trash, discard, keep_newest


def test_what_is_discarded_is_gone_also_where_nothing_may_be_written(tmp_path):
    folder = tmp_path / "one" / "deep"
    folder.mkdir(parents=True)
    (folder / "file").write_text("x")
    folder.chmod(0o555)
    folder.parent.chmod(0o555)

    assert discard(folder.parent)
    assert list(tmp_path.iterdir()) == []
    assert not discard(folder.parent)


def test_trash_of_a_killed_process_goes_and_the_rest_stays(tmp_path):
    for name in (".trash-1", ".half", "whole"):
        (tmp_path / name).mkdir()
    clear_trash(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".half", "whole"]

    assert clear_leftovers(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_link_is_removed_and_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "link").symlink_to(tmp_path / "precious")
    keep_newest(tmp_path / "place", 0)

    assert (tmp_path / "precious" / "file").read_text() == "x"
    assert list((tmp_path / "place").iterdir()) == []
