"""The journal says after a kill what was done, and never promises what a torn line said."""

from pathlib import Path

import pytest

from tidemill.cli.demo.journal import DemoExists, DemoMissing, Journal


def test_what_was_done_is_known_after_a_restart(tmp_path: Path) -> None:
    first = Journal(tmp_path, resume=False)
    first.finish("month-03/back", {"delivery": "a"})
    first.finish("cached")
    first.close()
    again = Journal(tmp_path, resume=True)
    assert again.done("month-03/back") == {"delivery": "a"}
    assert again.done("cached") is True
    assert again.done("never") is None
    assert again.values("/back") == [{"delivery": "a"}]


def test_the_ids_of_a_batch_stay_in_force(tmp_path: Path) -> None:
    first = Journal(tmp_path, resume=False)
    assert first.intend("batch", ["a", "b"]) == ["a", "b"]
    again = Journal(tmp_path, resume=True)
    assert again.was_intended("batch")
    assert again.intend("batch", ["c", "d"]) == ["a", "b"]


def test_a_torn_line_is_cut_off_and_the_next_one_is_whole(tmp_path: Path) -> None:
    Journal(tmp_path, resume=False).finish("one")
    with (tmp_path / "demo.jsonl").open("ab") as handle:
        handle.write(b'{"done":"tw')
    again = Journal(tmp_path, resume=True)
    again.finish("three")
    last = Journal(tmp_path, resume=True)
    assert (last.done("one"), last.done("tw"), last.done("three")) == (True, None, True)


def test_a_demo_is_not_begun_twice_nor_continued_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(DemoMissing):
        Journal(tmp_path, resume=True)
    Journal(tmp_path, resume=False)
    with pytest.raises(DemoExists):
        Journal(tmp_path, resume=False)
