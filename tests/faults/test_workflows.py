"""Workflows survive `kill -9` at any line, a full disk and a locked database."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from tidemill.core.errors import OutOfSpace
from tidemill.workflows.durable import DurableWorkflows
from tidemill.workflows.errors import WorkflowStoreUnavailable
from tidemill.workflows.ports import Flow
from tidemill.workflows.records import State

WaitFor = Callable[..., object]

STEPS = 6

CHILD = f"""
import os, signal, sqlite3, sys
from pathlib import Path
from tidemill.workflows.durable import DurableWorkflows

home, die_at = Path(sys.argv[1]), sys.argv[2]
effects = sqlite3.connect(home / "effects.sqlite", check_same_thread=False, isolation_level=None, timeout=30)
effects.execute("CREATE TABLE IF NOT EXISTS effects (key TEXT PRIMARY KEY, number INT)")
effects.execute("CREATE TABLE IF NOT EXISTS tries (key TEXT)")

def die(moment):
    if moment == die_at:
        os.kill(os.getpid(), signal.SIGKILL)

def act(key: str, number: int) -> int:
    die(f"before {{number}}")
    effects.execute("INSERT INTO tries VALUES (?)", (key,))
    effects.execute("INSERT OR IGNORE INTO effects VALUES (?, ?)", (key, number))
    die(f"after {{number}}")
    return number

def chain(flow, count: int) -> int:
    total = 0
    for number in range(count):
        total += flow.step(f"act {{number}}", act, flow.step_key, number)
        die(f"between {{number}}")
        if number == 2:
            flow.sleep(0.05)
        if number == 3:
            assert flow.receive("go", timeout_s=30) == "on"
    return total

workflows = DurableWorkflows(home / "workflows.sqlite")
workflows.define("chain", chain)
workflows.launch()
workflows.start("chain", id="c", input={STEPS})
if not workflows.status("c").state.is_ended:
    workflows.send("c", "go", "on", key="go")
print(workflows.result("c", timeout_s=60))
workflows.close()
"""


def run_child(home: Path, die_at: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(home), die_at]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_each_effect_once(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "effects.sqlite")) as file:
        effects = file.execute("SELECT number FROM effects ORDER BY number").fetchall()
        tries = [row[0] for row in file.execute("SELECT key FROM tries")]
    assert [row[0] for row in effects] == list(range(STEPS))
    return tries


def test_a_chain_killed_at_one_line_after_another_ends_with_each_effect_once(tmp_path: Path) -> None:
    deaths = ["before 0", "after 1", "between 2", "after 3", "before 4", "between 5"]
    for die_at in deaths:
        child = run_child(tmp_path, die_at)
        _, err = child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL, f"{die_at}: {err}"
    last = run_child(tmp_path, "never")
    out, err = last.communicate(timeout=60)
    assert (out.strip(), last.returncode) == (str(sum(range(STEPS))), 0), err
    tries = assert_each_effect_once(tmp_path)
    assert len(tries) == STEPS + sum(die_at.startswith("after") for die_at in deaths)


def test_a_chain_killed_at_random_moments_again_and_again_ends(tmp_path: Path) -> None:
    chance = random.Random(7)
    deaths = 0
    for _ in range(40):
        child = run_child(tmp_path, "never")
        deadline = time.monotonic() + (chance.uniform(0.3, 1.5) if deaths < 6 else 60)
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if child.poll() is None:
            child.kill()
            deaths += 1
        out, err = child.communicate(timeout=60)
        if child.returncode == 0:
            assert out.strip() == str(sum(range(STEPS)))
            break
        assert child.returncode == -signal.SIGKILL, err
    else:
        pytest.fail("the chain did not end")
    assert_each_effect_once(tmp_path)


@pytest.fixture
def workflows(tmp_path: Path) -> Iterator[DurableWorkflows]:
    made = DurableWorkflows(tmp_path / "workflows.sqlite")
    yield made
    made.close()


def test_a_full_disk_puts_a_workflow_aside_and_room_lets_it_end(
    workflows: DurableWorkflows, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    acts: list[str] = []

    def note(key: str) -> str:
        acts.append(key)
        return "x" * 200_000

    def fills(flow: Flow) -> str:
        flow.receive("go")
        flow.step("large", note, flow.step_key)
        return "ended"

    workflows.define("fills", fills)
    workflows.launch()
    workflows.start("fills", id="f")
    engine = workflows._engine
    assert engine is not None

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] + 4
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine, "checkout", limit)
    workflows.send("f", "go")
    wait_for(lambda: "cannot be recorded" in caplog.text)
    assert workflows.status("f").state is State.RUNNING
    with pytest.raises(OutOfSpace):
        workflows.start("fills", id="g", input="y" * 200_000)
    event.remove(engine, "checkout", limit)
    event.listen(engine, "checkout", lambda connection, *_: connection.execute("PRAGMA max_page_count=1000000"))
    for _ in range(2):
        workflows._keep_house(None)  # type: ignore[arg-type]
    assert workflows.result("f", timeout_s=20) == "ended"
    assert acts == ["f/2", "f/2"]


def test_a_locked_database_is_waited_for(workflows: DurableWorkflows, tmp_path: Path, wait_for: WaitFor) -> None:
    def chain(flow: Flow) -> int:
        flow.receive("go")
        return sum(flow.step(f"{number}", int, number) for number in range(4))

    workflows.define("chain", chain)
    workflows.launch()
    workflows.start("chain", id="c")
    workflows.send("c", "go")
    with closing(sqlite3.connect(tmp_path / "workflows.sqlite", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = workflows.status("c").state
        assert not before.is_ended or before is State.DONE
        other.execute("COMMIT")
    assert workflows.result("c", timeout_s=20) == 6


def test_a_read_only_folder_is_refused_with_a_hint(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        target = Path("/proc/nowhere")  # root may write everywhere else
    else:
        target = tmp_path / "locked"
        target.mkdir(mode=0o500)
    made = DurableWorkflows(target / "workflows.sqlite")
    with pytest.raises(WorkflowStoreUnavailable) as caught:
        made.launch()
    assert caught.value.hint


def test_a_process_that_forgets_to_close_still_ends(tmp_path: Path) -> None:
    forgets = (
        "from tidemill.workflows.durable import DurableWorkflows\n"
        f"workflows = DurableWorkflows({str(tmp_path / 'workflows.sqlite')!r})\n"
        "workflows.define('sleeps', lambda flow: flow.sleep(3600))\n"
        "workflows.launch()\n"
        "for number in range(5): workflows.start('sleeps', id=f's{number}')\n"
    )
    done = subprocess.run([sys.executable, "-c", forgets], timeout=30, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
