"""A collection that is killed anywhere has removed whole things only and nothing needed; the next one goes on."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.app.fsck import check_folder
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.objects.unsynced import Unsynced
from tidemill.tracking.records import Metric
from tidemill.tracking.rules import RunNotFound

RUNS = 6
CHILD = """
import sys
from pathlib import Path
from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
with Workspace(Settings(home=Path(sys.argv[1]))) as workspace:
    print("open", flush=True)
    workspace.maintenance.gc(OWNER, older_than="0s")
print("done")
"""


IN_PIECES = f"""
from tidemill.app import pieces
pieces._FEWEST_ROWS, pieces.MOST_ROWS = 50, 100
{CHILD}"""


def content(number: int) -> bytes:
    return b"file of run %d " % number * 50


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Path:
    """A workspace of some runs, every second one in the trash."""
    home: Path = tmp_path_factory.mktemp("full") / "home"
    with Workspace(Settings(home=home)) as workspace:
        for number in range(RUNS):
            run = workspace.tracking.create_run(OWNER, experiment="e", run_id=f"run{number}")
            points = [Metric(key="loss", value=1.0, step=step) for step in range(50)]
            workspace.tracking.log_batch(OWNER, run_id=run.run_id, metrics=points, params={"n": str(number)})
            workspace.tracking.log_artifact(OWNER, run_id=run.run_id, path="f", content=content(number))
            if number % 2:
                workspace.models.create_version(OWNER, name=f"m{number}", source=f"runs:/{run.run_id}")
                workspace.models.delete(OWNER, name=f"m{number}")
                workspace.tracking.delete_run(OWNER, run_id=run.run_id)
        Unsynced(workspace.ledger, workspace.objects).settle()
        moment = time.time() - 3 * 24 * 3600
        for digest in workspace.objects.digests():
            os.utime(workspace.objects.path(digest), (moment, moment))
    return home


def strace() -> str:
    program = shutil.which("strace")
    if program is None:
        pytest.fail("no strace found; run `.ci/prepare system`, or install it")
    return program


def killed(home: Path, *paths: Path, call: str, when: int, child: str = CHILD) -> bool:
    """Collect in a process that is killed at a system call on some paths; return whether it was killed."""
    watched = [f"--trace-path={path}" for path in paths]
    inject = f"--inject={call}:signal=SIGKILL:when={when}"
    command = [strace(), "--follow-forks", "--output=/dev/null", *watched, inject, sys.executable, "-c", child]
    ran = subprocess.run([*command, str(home)], check=False, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0 or ran.stdout.endswith("done\n"), ran.stderr
    return ran.returncode != 0


def assert_whole(home: Path) -> int:
    """Check that what stays is whole and what goes is gone whole; return how many runs are in the trash still."""
    with Workspace(Settings(home=home)) as workspace:
        left = {run.run_id: run for run in workspace.tracking.search_runs(OWNER, view="all").runs}
        for number in range(RUNS):
            run = left.get(f"run{number}")
            if run is None:
                assert number % 2, "a run that nobody deleted is gone"
                continue
            assert run.params == {"n": str(number)}
            assert len(workspace.tracking.metric_history(OWNER, run_id=run.run_id, key="loss").metrics) == 50
            assert workspace.tracking.read_artifact(OWNER, run_id=run.run_id, path="f") == content(number)
    report = check_folder(home)
    assert report.is_clean, report.findings[:5]
    return sum(run.lifecycle_stage == "deleted" for run in left.values())


@pytest.mark.parametrize(
    ("call", "when"),
    [("fdatasync", each) for each in (1, 4, 9)]
    + [("pwrite64", each) for each in (5, 60)]
    + [("rename", each) for each in (1, 3)]
    + [("unlink", each) for each in (1, 3)],
)
def test_a_kill_at_a_system_call_leaves_whole_things(full, tmp_path, call, when):
    home = tmp_path / "home"
    shutil.copytree(full, home)
    on_ledger = [home / "ledger.sqlite", home / "ledger.sqlite-wal"]
    with Workspace(Settings(home=home)) as workspace:
        found = [workspace.objects.path(digest) for digest in workspace.objects.digests()]
    aside = [home / "leaving" / (path.parent.name + path.name) for path in found]
    paths = {"rename": found, "unlink": aside}.get(call, on_ledger)
    was_killed = killed(home, *paths, call=call, when=when)
    assert_whole(home)

    with Workspace(Settings(home=home)) as workspace:
        workspace.maintenance.gc(OWNER, older_than="0s")
        assert len(list(workspace.objects.digests())) == RUNS / 2, "what the killed one had left is gone too"
        assert list((home / "leaving").iterdir()) == []
    assert assert_whole(home) == 0
    assert was_killed or call in {"fdatasync", "pwrite64"}


@pytest.mark.parametrize("when", [2, 6, 11, 17])
def test_a_run_that_a_kill_left_in_part_is_nowhere_and_the_next_one_ends_it(tmp_path, when):
    home = tmp_path / "home"
    with Workspace(Settings(home=home)) as workspace:
        run_id = workspace.tracking.create_run(OWNER, experiment="e").run_id
        points = [Metric(key=f"m{step % 7}", value=1.0, step=step) for step in range(2000)]
        workspace.tracking.log_batch(OWNER, run_id=run_id, metrics=points, params={"a": "b"})
        workspace.tracking.delete_run(OWNER, run_id=run_id)
    on_ledger = [home / "ledger.sqlite", home / "ledger.sqlite-wal"]
    assert killed(home, *on_ledger, call="fdatasync", when=when, child=IN_PIECES)

    report = check_folder(home)
    assert report.is_clean, report.findings[:5]
    with Workspace(Settings(home=home)) as workspace:
        tracking = workspace.tracking
        if tracking.search_runs(OWNER, view="all").runs:
            found = [tracking.metric_history(OWNER, run_id=run_id, key=f"m{number}").metrics for number in range(7)]
            assert sum(map(len, found)) == 2000, "what is seen is whole"
        else:
            with pytest.raises(RunNotFound):
                tracking.restore_run(OWNER, run_id=run_id)
            with workspace.ledger.read() as connection:
                count = connection.exec_driver_sql("SELECT count(*) FROM metrics").scalar_one()
            assert 0 < count < 2000, "the kill fell between two pieces"
        workspace.maintenance.gc(OWNER, older_than="0s")
        with workspace.ledger.read() as connection:
            for table in ("runs", "metrics", "metric_series", "run_params", "run_tags"):
                assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
    assert check_folder(home).is_clean


def test_a_collection_that_nobody_kills_frees_all(full, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(full, home)
    with Workspace(Settings(home=home)) as workspace:
        made = workspace.maintenance.gc(OWNER, older_than="0s")

    assert made.removed["runs"] == made.removed["models"] == RUNS / 2
    assert made.objects == RUNS, "each run's file and the manifest of its version"
    assert made.size_bytes > sum(len(content(number)) for number in range(1, RUNS, 2))
    assert assert_whole(home) == 0
