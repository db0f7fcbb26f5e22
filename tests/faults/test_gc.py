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


def killed(home: Path, *paths: Path, call: str, when: int) -> bool:
    """Collect in a process that is killed at a system call on some paths; return whether it was killed."""
    watched = [f"--trace-path={path}" for path in paths]
    inject = f"--inject={call}:signal=SIGKILL:when={when}"
    command = [strace(), "--follow-forks", "--output=/dev/null", *watched, inject, sys.executable, "-c", CHILD]
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


def test_a_collection_that_nobody_kills_frees_all(full, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(full, home)
    with Workspace(Settings(home=home)) as workspace:
        made = workspace.maintenance.gc(OWNER, older_than="0s")

    assert made.removed["runs"] == made.removed["models"] == RUNS / 2
    assert made.objects == RUNS, "each run's file and the manifest of its version"
    assert made.size_bytes > sum(len(content(number)) for number in range(1, RUNS, 2))
    assert assert_whole(home) == 0
