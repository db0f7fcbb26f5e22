"""Monitoring under kills at every sync, full disks and damaged objects: each prediction is counted exactly once."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.moments import to_ms
from tidemill.delivery import endpoints
from tidemill.ledger import Ledger
from tidemill.monitoring.service import MonitoringService
from tidemill.objects import ObjectStore
from tidemill.serving.capture import CaptureWriter, pack_frame
from tidemill.serving.identifiers import IdMaker

ROWS, FILES = 40, 3

PASS = """
import os, sys
from pathlib import Path
from tidemill.core.access import SYSTEM
from tidemill.ledger import Ledger
from tidemill.monitoring.service import MonitoringService
from tidemill.objects import ObjectStore

home, call, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
done = 0

def counted(real):
    def wrapped(*given, **more):
        global done
        done += 1
        if done == last:
            os.kill(os.getpid(), 9)
        return real(*given, **more)
    return wrapped

ledger = Ledger.open(home / "ledger.sqlite")
objects = ObjectStore(home)
if call == "fsync":
    os.fsync = counted(os.fsync)
elif call == "commit":
    ledger.write = counted(ledger.write)
elif call == "unlink":
    Path.unlink = counted(Path.unlink)
found = MonitoringService(ledger, objects, home / "serving" / "capture").tick(SYSTEM)
ledger.close()
print(done)
"""


def capture(home: Path, files: int = FILES) -> set[str]:
    """Write closed capture files of rows on three days, and return their ids."""
    ids: set[str] = set()
    maker = IdMaker()
    writer = CaptureWriter(home / "serving" / "capture")
    for file in range(files):
        made = maker.make(ROWS)
        ids.update(made)
        frame = {
            "t": to_ms(datetime.now(UTC)),
            "endpoint": "delay",
            "deployment": "d1",
            "model": "delay",
            "version": 1,
            "route": "stable",
            "ids": made,
            "columns": {
                "x": [float(file)] * ROWS,
                "happened": [f"2026-03-{1 + at % 3:02d}T10:00:00Z" for at in range(ROWS)],
            },
            "outputs": {"probability": [0.5] * ROWS},
            "ms": 1.0,
            "status": 200,
            "requests": 1,
        }
        writer.append([pack_frame(frame)])
        writer.close()
    return ids


def open_house(home: Path) -> tuple[Ledger, MonitoringService]:
    ledger = Ledger.open(home / "ledger.sqlite")
    return ledger, MonitoringService(ledger, ObjectStore(home), home / "serving" / "capture")


@pytest.fixture
def home(tmp_path):
    ledger, _ = open_house(tmp_path)
    ledger.write(OWNER, lambda tx: endpoints.create(tx, name="delay", time="happened", passthrough=[], sticky=None))
    ledger.close()
    return tmp_path


def run_pass(home: Path, call: str, last: int, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PASS, str(home), call, str(last)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def assert_each_once(home: Path, ids: set[str]) -> None:
    """A pass finishes what was left, and every prediction is there and counted exactly once."""
    ledger, monitoring = open_house(home)
    found = monitoring.tick(SYSTEM)
    assert found.problems == []
    status = monitoring.status(OWNER, endpoint="delay")
    listed = [one.id for one in monitoring.predictions(OWNER, endpoint="delay", limit=1000)]
    assert sorted(listed) == sorted(ids)
    assert (status.rows, sum(window.rows for window in status.windows)) == (len(ids), len(ids))
    assert list((home / "serving" / "capture").iterdir()) == []
    assert list(ObjectStore(home).fsck()) == []
    ledger.close()


@pytest.mark.parametrize("call", ["fsync", "commit", "unlink"])
def test_a_pass_killed_at_any_point_counts_each_prediction_once(home, call):
    ids, kills = capture(home, files=1), 0
    while (died := run_pass(home, call, 1 + kills)).returncode:
        assert died.returncode == -signal.SIGKILL, died.stderr
        kills += 1
        if kills == 2:
            ids |= capture(home, files=1)
        assert kills < 40
    assert kills >= 1
    assert_each_once(home, ids)


def test_a_full_disk_keeps_the_capture_files_until_there_is_space(home):
    ids = capture(home)

    program = PASS.replace("print(done)", "print([problem.code for problem in found.problems])")
    full = subprocess.run(
        [sys.executable, "-c", _limited(program), str(home), "none", "0"], capture_output=True, text=True, check=False
    )
    assert "out_of_space" in full.stdout, full.stderr
    assert len(list((home / "serving" / "capture").glob("*.done"))) == FILES
    assert_each_once(home, ids)


def _limited(program: str) -> str:
    """Let objects fail as on a full disk, while the ledger still has its space."""
    patch = """
import errno, tidemill.objects.store as store
def full(self, *given):
    raise OSError(errno.ENOSPC, "No space left on device")
store.os = type("Full", (), {"fsync": full, "open": os.open, "close": os.close, "O_RDONLY": os.O_RDONLY})()
"""
    return program.replace("found = Monitoring", patch + "found = Monitoring")


def test_a_damaged_segment_is_told_and_stops_nothing_else(home):
    capture(home, files=1)
    ledger, monitoring = open_house(home)
    monitoring._sealer.seal(SYSTEM, fresh=True)
    with ledger.read() as connection:
        (digest,) = connection.exec_driver_sql("SELECT digest FROM segments").scalars()
    path = ObjectStore(home).path(digest)
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-20] + b"x" * 20)
    ids = capture(home, files=1)
    found = monitoring.tick(SYSTEM)
    assert [problem.code for problem in found.problems] == ["damaged_object"]
    assert sum(window.rows for window in monitoring.status(OWNER, endpoint="delay").windows) == len(ids)
    path.write_bytes(content)
    assert monitoring.tick(SYSTEM).problems == []
    assert sum(window.rows for window in monitoring.status(OWNER, endpoint="delay").windows) == 2 * ROWS
    ledger.close()


def test_a_missing_segment_is_told(home):
    capture(home, files=1)
    ledger, monitoring = open_house(home)
    monitoring._sealer.seal(SYSTEM, fresh=True)
    with ledger.read() as connection:
        (digest,) = connection.exec_driver_sql("SELECT digest FROM segments").scalars()
    ObjectStore(home).path(digest).unlink()
    assert [problem.code for problem in monitoring.tick(SYSTEM).problems] == ["object_missing"]
    ledger.close()


def test_a_capture_file_of_noise_is_put_aside(home):
    folder = home / "serving" / "capture"
    folder.mkdir(parents=True)
    (folder / "1-5.done").write_bytes(os.urandom(5000))
    (folder / "readme.txt").write_text("not ours")
    ledger, monitoring = open_house(home)
    assert monitoring.tick(SYSTEM).problems == []
    assert sorted(path.name for path in folder.iterdir()) == ["1-5.torn", "readme.txt"]
    ledger.close()
