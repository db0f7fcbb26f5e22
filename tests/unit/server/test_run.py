"""A server starts beside commands on its folder, and ends by one signal without a word too many."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tidemill.core.settings import Settings
from tidemill.ledger import FolderLock, WorkspaceInUse
from tidemill.server.run import serve

UP = [sys.executable, "-m", "tidemill.cli.main", "up", "--port", "0", "--serving-port", "0", "--json"]


def started(home: Path) -> subprocess.Popen[str]:
    """Start a server in a process group of its own, as a terminal does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup, which a server heeds
    try:
        return subprocess.Popen(
            UP,
            env={**os.environ, "TIDEMILL_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGHUP, before)


def line_of(stream: IO[str] | None) -> str:
    """Return the next line that a process writes."""
    assert stream is not None
    return stream.readline()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_keys_that_reach_the_whole_group_end_it_in_good_order(tmp_path, number):
    server = started(tmp_path / "home")
    assert json.loads(line_of(server.stdout))["pid"] == server.pid

    os.killpg(server.pid, number)

    _, said = server.communicate(timeout=30)
    assert (server.returncode, said) == (0, "")


def test_it_waits_for_a_command_that_works_in_the_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    command = FolderLock(home)
    server = started(home)
    assert f"waiting for process {os.getpid()}" in line_of(server.stderr)

    command.release()

    assert json.loads(line_of(server.stdout))["pid"] == server.pid
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)
    assert server.returncode == 0


def test_a_second_server_is_told_where_the_first_is(tmp_path):
    lock = FolderLock(tmp_path)
    lock.describe(url="http://127.0.0.1:9")

    with pytest.raises(WorkspaceInUse, match=r"http://127\.0\.0\.1:9"):
        serve(Settings(home=tmp_path, port=0), lambda _: None)
    lock.release()
