"""Sources beside files on a full disk, and a watch that is killed: nothing half-visible, twice or lost."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.faults.file_server import FileServer, Served

from tidemill.core.access import OWNER
from tidemill.core.errors import OutOfSpace
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

FILES = 6


def rows_of(folder: Path) -> list[int]:
    ledger = Ledger.open(folder / "ledger.sqlite")
    try:
        numbers: list[int] = DataService(ledger, ObjectStore(folder)).read(OWNER, "t")["n"].to_list()
        return numbers
    finally:
        ledger.close()


def test_a_full_disk_while_fetching_is_told_and_leaves_nothing(tmp_path: Path, small_disk: Path) -> None:
    chance = random.Random(7)
    content = b"n\n" + b"".join(b"%d\n" % chance.getrandbits(60) for _ in range(500_000))
    ledger, objects = Ledger.open(tmp_path / "ledger.sqlite"), ObjectStore(small_disk)
    data = DataService(ledger, objects)
    with FileServer() as server:
        server.files["/t.csv"] = Served(content, '"e"')
        with pytest.raises(OutOfSpace):
            data.ingest(OWNER, "t", f"{server.url}/t.csv")

        assert list((small_disk / "incoming").iterdir()) == []
        assert data.list(OWNER) == []
        server.files["/t.csv"] = Served(b"n\n1\n", '"f"')
        assert data.ingest(OWNER, "t", f"{server.url}/t.csv").rows == 1
    ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 3])
def test_a_watch_that_is_killed_goes_on_where_it_was(tmp_path: Path, after: int) -> None:
    incoming, home = tmp_path / "incoming", tmp_path / "home"
    incoming.mkdir()
    for number in range(FILES):
        path = incoming / f"{number}.csv"
        path.write_text(f"n\n{number}\n")
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    command = [sys.executable, "-m", "tidemill.cli.main", "data", "watch", "t", str(incoming)]
    environment = os.environ | {"TIDEMILL_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as child:
        assert child.stdout
        watchdog = threading.Timer(100, child.kill)
        watchdog.start()
        said = [child.stdout.readline().strip() for _ in range(after)]
        child.kill()
        watchdog.cancel()
    assert said == [f"t@{number + 1}" for number in range(after)]

    subprocess.run([*command, "--once"], env=environment, check=True, cwd=tmp_path, timeout=100)
    assert rows_of(home) == list(range(FILES))
