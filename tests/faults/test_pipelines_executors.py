"""Whenever an executor dies, or two want the same run: nothing recorded is lost, and nothing is doubled."""

import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER
from tidemill.ledger.writer import Writer
from tidemill.pipelines import store
from tidemill.pipelines.claims import Claim
from tidemill.pipelines.errors import ClaimLost, RunBusy

WaitFor = Callable[..., object]


def is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import House
from tidemill.core.access import OWNER
house = House(Path(sys.argv[1]))
house.service.execute(OWNER, sys.argv[3])
"""

STEPS = """
    from pathlib import Path

    def note(folder, name):
        with Path(folder, "trace").open("a") as file:
            file.write(name + "\\n")

    @step
    def one(folder):
        note(folder, "one")
        log_metric("points", 1.0)
        log_metric("points", 2.0)
        return "x" * 9000

    @step(metrics=True)
    def two(folder, text):
        note(folder, "two")
        print("two prints")
        return {"length": float(len(text))}

    @step
    def three(folder, text, length):
        note(folder, "three")
        log_params({"made": "yes"})
        return [text[:5], length["length"]]

    @pipeline
    def main(folder: str):
        text = one(folder)
        return three(folder, text, two(folder, text))
"""


def check_whole(house, run_id: str) -> None:
    """Everything about the run is there once."""
    run = house.service.get(OWNER, run_id=run_id)
    assert run.status == "done"
    assert run.result is not None
    assert run.result.text == "['xxxxx', 9000.0]"
    steps = house.service.steps(OWNER, run_id=run_id)
    assert [(step.step, step.position) for step in steps] == [("one", 0), ("two", 1), ("three", 2)]
    assert {step.status.value for step in steps} <= {"done", "cached"}
    tracked = house.tracking.get_run(OWNER, run_id=run_id)
    assert tracked.status == "FINISHED"
    assert tracked.metrics == {"points": 2.0, "length": 9000.0}
    assert tracked.params["made"] == "yes"
    points = house.tracking.metric_points(OWNER, run_id=run_id, key="points")
    assert [point.value for point in points] == [1.0, 2.0]
    for artifact in house.tracking.list_artifacts(OWNER, run_id=run_id):
        house.objects.verify(artifact.digest)
    events = house.service.events(OWNER, run_id=run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    kinds = [(event.kind, event.step) for event in events if event.kind in {"done", "cached"}]
    assert sorted(step for _, step in kinds) == ["one", "three", "two"]
    with house.ledger.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(store.step_cache)).scalar() == 3
        assert connection.execute(sa.select(sa.func.count()).select_from(store.run_claims)).scalar() == 0
        assert connection.execute(sa.select(sa.func.count()).select_from(store.pipeline_runs)).scalar() == 1
    assert list(house.objects.fsck()) == []


def test_a_run_whose_executor_is_killed_goes_on_at_the_missing_step(house, open_house, tmp_path, wait_for: WaitFor):
    marker, pids = tmp_path / "go", tmp_path / "pids"
    house.write(f"""
        import os, subprocess, time
        from pathlib import Path

        @step
        def first():
            log_metric("seen", 1.0)
            return os.getpid()

        @step
        def waits(x):
            if not Path({str(marker)!r}).exists():
                child = subprocess.Popen(["sleep", "600"])
                Path({str(pids)!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
                time.sleep(600)
            return x

        @pipeline
        def main(): return waits(first())
    """)
    run_id = house.prepare()
    house.close()
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(Path(__file__).parent), run_id]
    executor = subprocess.Popen(command)
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2, within_s=30)
    wait_for(lambda: _status(tmp_path, run_id, "first") == "done", what="the first outcome on disk")
    executor.send_signal(signal.SIGKILL)
    executor.wait()
    for number in pids.read_text().split():
        wait_for(lambda number=number: not is_alive(int(number)), what="the end of what it started")
    marker.touch()
    again = open_house(tmp_path)

    before = again.service.steps(OWNER, run_id=run_id)[0]
    assert again.service.execute(OWNER, run_id).status == "done"
    assert again.service.steps(OWNER, run_id=run_id)[0] == before
    assert len(again.tracking.metric_points(OWNER, run_id=run_id, key="seen")) == 1
    again.close()


def _status(root: Path, run_id: str, step: str) -> str:
    engine = sa.create_engine(f"sqlite:///{root / 'ledger.sqlite'}")
    with engine.connect() as connection:
        where = (store.step_executions.c.run_id == run_id, store.step_executions.c.step == step)
        found = connection.execute(sa.select(store.step_executions.c.status).where(*where)).scalar() or ""
    engine.dispose()
    return found


def _die_at(open_house, root: Path, point: int, work: Callable[..., object]) -> bool:
    """Do some work in a child that is killed at its n-th commit or sync; return whether it was."""
    child = os.fork()
    if child == 0:
        passed = 0

        def pass_point():
            nonlocal passed
            passed += 1
            if passed == point:
                os.kill(os.getpid(), signal.SIGKILL)

        def around(function):
            def call(*arguments):
                pass_point()
                result = function(*arguments)
                pass_point()
                return result

            return call

        try:
            Writer._commit = around(Writer._commit)  # type: ignore[method-assign]
            os.fsync = around(os.fsync)
            house = open_house(root)
            work(house)
            house.close()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a child of the test must not go on with the test
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_killed_at_any_commit_or_sync_of_a_run_nothing_is_lost_or_doubled(open_house, tmp_path):
    template = tmp_path / "template"
    house = open_house(template)
    house.write(STEPS)
    folder = tmp_path / "shared"
    folder.mkdir()
    run_id = house.prepare(folder=str(folder))
    house.close()
    point, was_killed, trace = 0, True, [""]
    while was_killed:
        point += 1
        (folder / "trace").unlink(missing_ok=True)
        root = tmp_path / f"at-{point}"
        shutil.copytree(template, root)
        was_killed = _die_at(open_house, root, point, lambda house: house.service.execute(OWNER, run_id, isolate=False))
        house = open_house(root)
        house.service.execute(OWNER, run_id, isolate=False)
        check_whole(house, run_id)
        house.close()
        trace = (folder / "trace").read_text().split()
        assert set(trace) == {"one", "two", "three"}
        assert max(map(trace.count, trace)) <= 2
        shutil.rmtree(root)
    assert point > 10
    assert trace == ["one", "two", "three"]


def test_killed_at_any_commit_or_sync_of_a_preparation_it_is_prepared_whole_or_not_at_all(open_house, tmp_path):
    template = tmp_path / "template"
    house = open_house(template)
    house.write(STEPS)
    house.prepare(folder="/")  # so that the graph is known, and no worker is needed
    house.close()
    key, point, was_killed = "a" * 32, 0, True
    while was_killed:
        point += 1
        root = tmp_path / f"at-{point}"
        shutil.copytree(template, root)

        def prepare(house):
            folder = str(house.root / "project")
            house.service.prepare(OWNER, pipeline="pipeline.py:main", folder=folder, params={"folder": "/"}, key=key)

        was_killed = _die_at(open_house, root, point, prepare)
        house = open_house(root)
        there = [run.run_id for run in house.service.list(OWNER) if run.run_id == key]
        tracked = [run.run_id for run in house.tracking.search_runs(OWNER).runs if run.run_id == key]
        assert there == tracked
        assert [len(house.service.steps(OWNER, run_id=key)) for _ in there] == [3 for _ in there]
        prepare(house)
        assert len(house.service.steps(OWNER, run_id=key)) == 3
        house.close()
        shutil.rmtree(root)
    assert point > 4


def test_two_processes_cannot_execute_one_run(house):
    house.write(STEPS)
    run_id = house.prepare(folder=str(house.root))
    claim = Claim(house.ledger, run_id)

    with pytest.raises(RunBusy, match=str(os.getpid())):
        house.service.execute(OWNER, run_id)

    claim.release()
    assert house.service.execute(OWNER, run_id).status == "done"


@pytest.mark.parametrize("process", ["999999999:1", "own:1", "1:dead"])
def test_the_claim_of_a_process_that_is_gone_is_taken_over_at_once(house, process):
    house.write(STEPS)
    run_id = house.prepare(folder=str(house.root))
    lost = Claim(house.ledger, run_id)
    gone = process.replace("own", str(os.getpid()))
    house.ledger.write(OWNER, lambda tx: tx.execute(sa.update(store.run_claims).values(process=gone)).rowcount)

    assert house.service.execute(OWNER, run_id).status == "done"
    with pytest.raises(ClaimLost):
        house.ledger.write(OWNER, lost.check)


def test_a_claim_of_another_machine_lapses(house):
    house.write(STEPS)
    run_id = house.prepare(folder=str(house.root))
    Claim(house.ledger, run_id)
    house.ledger.write(OWNER, lambda tx: tx.execute(sa.update(store.run_claims).values(host="elsewhere")).rowcount)
    with pytest.raises(RunBusy):
        house.service.execute(OWNER, run_id)
    house.ledger.write(OWNER, lambda tx: tx.execute(sa.update(store.run_claims).values(expires_at=tx.now)).rowcount)

    assert house.service.execute(OWNER, run_id).status == "done"


def test_an_executor_that_lost_its_claim_writes_nothing_more(house):
    house.write("""
        import time

        @step
        def one(): return 1

        @step
        def slow(x):
            time.sleep(600)

        @pipeline
        def main(): return slow(one())
    """)
    run_id = house.prepare()

    def rob(event):
        if event.kind == "started" and event.step == "slow":
            change = sa.update(store.run_claims).values(owner="somebody else")
            house.ledger.submit(OWNER, lambda tx: tx.execute(change).rowcount)

    with pytest.raises(ClaimLost):
        house.service.execute(OWNER, run_id, on_event=rob)

    assert house.service.get(OWNER, run_id=run_id).status == "running"
    assert [step.status.value for step in house.service.steps(OWNER, run_id=run_id)][1] in {"pending", "running"}
