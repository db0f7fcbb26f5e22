"""`tidemill restore --force` killed at each change of a name: there is always a workspace, the old or the new."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.app.backup import receive, restore
from tidemill.app.fsck import check_folder
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings

CHILD = """
import os, signal, sys
from pathlib import Path
from tidemill.app import backup

passed, at = 0, int(sys.argv[1])
def point():
    global passed
    passed += 1
    if passed == at:
        os.kill(os.getpid(), signal.SIGKILL)

def wrap(owner, name):
    inner = getattr(owner, name)
    def wrapped(*given):
        point()
        value = inner(*given)
        point()
        return value
    setattr(owner, name, wrapped)

wrap(Path, "rename")
backup.restore(Path(sys.argv[2]), Path(sys.argv[3]), force=True)
print(passed)
"""


def child(at, backup, home):
    command = [sys.executable, "-c", CHILD, str(at), str(backup), str(home)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def names(home):
    """Open a workspace as a start does, and return the experiments in it."""
    with Workspace(Settings(home=home)) as workspace:
        return {run.name for run in workspace.tracking.search_runs(OWNER).runs}


def beside(home):
    return sorted(path.name for path in home.parent.iterdir() if path.name not in {home.name, "b.tar"})


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Give a folder with a workspace and a backup of an earlier state of it."""
    folder = tmp_path_factory.mktemp("template")
    with Workspace(Settings(home=folder / "home")) as workspace:
        workspace.tracking.create_run(OWNER, name="kept")
        receive(workspace.maintenance.backup(OWNER), folder / "b.tar")
        workspace.tracking.create_run(OWNER, name="late")
    return folder


@pytest.fixture
def begin(template, tmp_path):
    def fresh(at):
        shutil.copytree(template, tmp_path / str(at))
        return tmp_path / str(at) / "home"

    return fresh


OLD, NEW = {"kept", "late"}, {"kept"}


def kill_at_every_point(begin, template):
    """Yield a home after each death, from the first point to the last."""
    whole = child(0, template / "b.tar", begin(0))
    assert whole.returncode == 0, whole.stderr
    points = int(whole.stdout)
    assert points == 6  # before and after: it is whole, the old one gives way, the new one takes its name
    for at in range(1, points + 1):
        home = begin(at)
        assert child(at, home.parent / "b.tar", home).returncode == -signal.SIGKILL
        yield home
        shutil.rmtree(home.parent)


def test_a_start_after_a_killed_restore_finds_the_old_workspace_or_the_new(begin, template):
    seen, gaps = [], 0
    for home in kill_at_every_point(begin, template):
        gaps += not home.exists()
        found = names(home)
        seen.append(found)
        assert found in (OLD, NEW)
        assert check_folder(home).is_clean
        former = [name for name in beside(home) if name.startswith("home.before-")]
        assert len(former) == (found == NEW)
        if former:
            assert names(home.parent / former[0]) == OLD
    assert gaps > 0  # there is such a moment, and it was met
    assert seen == sorted(seen, key=lambda found: found == NEW)  # once it is the new one it stays that


def test_a_second_restore_after_a_killed_one_completes_and_leaves_nothing_else(begin, template):
    for home in kill_at_every_point(begin, template):
        _, former = restore(home.parent / "b.tar", home, force=True)
        assert former is not None
        assert names(home) == NEW
        formers = [name for name in beside(home) if name.startswith("home.before-")]
        assert beside(home) == formers
        assert [names(home.parent / name) for name in formers].count(OLD) == 1


def test_a_check_after_a_killed_restore_completes_it(begin, template):
    for home in kill_at_every_point(begin, template):
        if not home.exists():
            assert check_folder(home).is_clean
            assert home.is_dir()


def test_a_bad_second_backup_does_not_cost_what_the_first_left(begin, template):
    for home in kill_at_every_point(begin, template):
        if not home.exists():
            (home.parent / "b.tar").write_bytes(b"nothing")
            with pytest.raises(Exception, match=r"b\.tar|no backup|backup"):
                restore(home.parent / "b.tar", home, force=True)
            assert names(home) == NEW
            return
    pytest.fail("no such moment was met")


def test_what_was_put_in_the_gap_by_hand_is_not_replaced(begin, template):
    for home in kill_at_every_point(begin, template):
        if not home.exists():
            [former] = [path for path in home.parent.iterdir() if path.name.startswith("home.before-")]
            former.rename(home)
            assert names(home) == OLD
            return
    pytest.fail("no such moment was met")


def test_a_restore_that_cannot_take_the_place_puts_the_old_workspace_back(begin, monkeypatch):
    home = begin("refused")
    rename = Path.rename

    def refuses(path, target):
        if path.name.startswith(".home.restored-") and Path(target) == home:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuses)
    with pytest.raises(OSError, match="Input/output"):
        restore(home.parent / "b.tar", home, force=True)
    monkeypatch.undo()

    assert beside(home) == []
    assert names(home) == OLD


def test_a_start_waits_for_a_restore_that_still_works(begin, tmp_path):
    """A restore holds its lock until the new workspace has its name, so a start in the gap makes no empty one."""
    home = begin("gap")
    gate, there = tmp_path / "gate", tmp_path / "there"
    os.mkfifo(gate)
    code = f"""
import sys
from pathlib import Path
from tidemill.app import backup
rename = Path.rename
def held(path, target):
    if path.name.startswith(".home.restored-"):
        Path({str(there)!r}).touch()
        open({str(gate)!r}).read()
    return rename(path, target)
Path.rename = held
backup.restore(Path({str(home.parent / "b.tar")!r}), Path({str(home)!r}), force=True)
"""
    first = subprocess.Popen([sys.executable, "-c", code])
    opener = (
        "import json, sys; from pathlib import Path; from tidemill.app import Workspace;"
        "from tidemill.core.settings import Settings; from tidemill.core.access import OWNER;"
        "print('ready', flush=True); w = Workspace(Settings(home=Path(sys.argv[1])), lock_wait_s=10);"
        "print(json.dumps([run.name for run in w.tracking.search_runs(OWNER).runs])); w.close()"
    )
    while not there.exists():
        assert first.poll() is None
    second = subprocess.Popen([sys.executable, "-c", opener, str(home)], stdout=subprocess.PIPE, text=True)
    assert second.stdout is not None
    assert second.stdout.readline() == "ready\n"
    gate.write_text("go")
    assert first.wait(30) == 0
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 0
    assert set(json.loads(said)) == NEW
