"""What former processes left in the folder of work goes when the next one starts."""

import os

from tidemill.app import Workspace
from tidemill.app.leftovers import KEPT_COPIES, clear_work
from tidemill.core.settings import Settings


def copies(folder, count):
    """Make read-only copies, the first the oldest."""
    for at in range(count):
        copy = folder / f"{at:064x}"
        copy.mkdir(parents=True)
        (copy / "pipeline.py").write_text("")
        copy.chmod(0o555)
        os.utime(copy, (1000 + at, 1000 + at))


def test_scratch_and_half_written_copies_go_and_the_newest_copies_stay(tmp_path):
    work = tmp_path / "home" / "work"
    copies(work / "source", KEPT_COPIES + 3)
    copies(work / "models", KEPT_COPIES - 1)
    for left in ("scratch/run-1/deep", "source/.ab.cd", "models/.ab.cd", "models/tmpx1y2/model", "source/.trash-1"):
        (work / left).mkdir(parents=True)
        (work / left / "file").write_text("x")

    with Workspace(Settings(home=tmp_path / "home")):
        assert list((work / "scratch").iterdir()) == []
        kept = sorted(path.name for path in (work / "source").iterdir())
        assert kept == [f"{at:064x}" for at in range(3, KEPT_COPIES + 3)]
        assert len(list((work / "models").iterdir())) == KEPT_COPIES - 1


def test_a_folder_without_work_is_left_as_it_is(tmp_path):
    clear_work(tmp_path / "work")

    assert list(tmp_path.iterdir()) == []
