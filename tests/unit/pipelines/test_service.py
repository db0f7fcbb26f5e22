import subprocess
import threading
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.core.refs import Ref
from tidemill.ledger.lineage import trace
from tidemill.pipelines.errors import (
    OutputNotFound,
)
from tidemill.pipelines.records import RunEvent

CHAIN = """
    K = 3

    @step(outputs=2)
    def split(n: int):
        print("splitting", n)
        return n * K, n + 1

    @step(metrics=True)
    def add(a, b):
        log_metric("loss", 0.5)
        log_metric("loss", 0.25)
        log_params({"rows": 7})
        return {"total": float(a + b)}

    @pipeline
    def main(n: int = 2):
        a, b = split(n)
        return {"sum": add(a, b), "a": a}
"""


def test_a_run_is_a_tracking_run_with_all_that_it_said(bench):
    bench.write(CHAIN)
    run = bench.run(params={"n": 4})

    assert run.status == "done"
    assert run.result.items["sum"].text == "{'total': 17.0}"
    tracked = bench.tracking.get_run(OWNER, run_id=run.run_id)
    assert tracked.status == "FINISHED"
    assert tracked.params == {"n": "4", "rows": "7"}
    assert tracked.metrics == {"total": 17.0, "loss": 0.25}
    assert tracked.tags["tidemill.source.digest"] == run.source
    points = bench.tracking.metric_points(OWNER, run_id=run.run_id, key="loss")
    assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.25)]
    assert bench.service.log(OWNER, run_id=run.run_id, step="split") == "splitting 4\n"
    assert [one.path for one in bench.tracking.list_artifacts(OWNER, run_id=run.run_id)] == ["logs/split.txt"]
    step = bench.step(run.run_id, "split")
    assert step.worker > 0
    assert step.usage.memory_bytes > 1_000_000


def test_tables_pass_between_steps_and_from_datasets(bench):
    polars = pytest.importorskip("polars")
    bench.tables.add("flights@1", polars.DataFrame({"delay": [1, 2, 60]}), bench.root)
    bench.write("""
        import polars as pl
        from pathlib import Path

        @step
        def late(flights: pl.DataFrame) -> pl.DataFrame:
            return flights.filter(pl.col("delay") > 30)

        @step
        def lazy(flights: pl.LazyFrame):
            return flights.select(pl.len())

        @step
        def file(flights: Path):
            return flights.stat().st_size

        @step
        def count(table, scanned, size):
            return [table.height, scanned.collect().item(), size > 0]

        @pipeline
        def main():
            flights = dataset("flights@1")
            return count(late(flights), lazy(flights), file(flights))
    """)
    run = bench.run()

    assert bench.failure is None
    assert bench.service.log(OWNER, run_id=run.run_id, step="count") == ""
    assert run.result.text == "[1, 3, True]"
    paths = [one.path for one in bench.tracking.list_artifacts(OWNER, run_id=run.run_id)]
    assert paths == ["outputs/late.parquet", "outputs/lazy.parquet"]
    with bench.ledger.read() as connection:
        up = trace(connection, Ref("run", run.run_id), "up")
        down = trace(connection, Ref("run", run.run_id), "down")
    sources = {edge.source.partition(":")[0] for edge in up.edges}
    assert {"dataset_version", "source", "experiment"} <= sources
    assert {edge.target.partition(":")[0] for edge in down.edges} == {"artifact"}


def test_a_failure_names_the_line_and_hides_our_frames(bench):
    bench.write("""
        def deeper(x):
            return x / 0

        @step
        def good():
            return 1

        @step
        def bad(x):
            return deeper(x)

        @step
        def after(x):
            return x

        @pipeline
        def main():
            return after(bad(good()))
    """)
    run = bench.run()

    assert run.status == "failed"
    assert bench.statuses(run.run_id) == {"good": "done", "bad": "failed", "after": "skipped"}
    failure = bench.step(run.run_id, "bad").failure
    assert failure.message == "ZeroDivisionError: division by zero"
    assert failure.place == "pipeline.py:5"
    assert "tidemill" not in failure.traceback
    assert "in deeper" in failure.traceback
    assert bench.failure.where == "pipeline.py:5"
    assert bench.tracking.get_run(OWNER, run_id=run.run_id).status == "FAILED"


def test_retries_wait_and_count_and_log_once(bench):
    marker = bench.root / "tries"
    bench.write(f"""
        from pathlib import Path

        @step(retries=2, retry_wait_s=0.01)
        def flaky():
            log_metric("try", 1.0)
            tries = Path({str(marker)!r})
            with tries.open("a") as file:
                file.write("x")
            if len(tries.read_text()) < 3:
                raise OSError("again")
            return 1

        @pipeline
        def main():
            return flaky()
    """)
    run = bench.run()

    assert run.status == "done"
    assert bench.step(run.run_id, "flaky").attempt == 3
    assert bench.kinds(run.run_id, "flaky").count("retrying") == 2
    assert len(bench.tracking.metric_points(OWNER, run_id=run.run_id, key="try")) == 1


def test_independent_steps_run_at_the_same_time(bench):
    bench.write("""
        import socket, time
        from pathlib import Path

        def meet(mine, other, folder):
            Path(folder, mine).touch()
            deadline = time.monotonic() + 20
            while not Path(folder, other).exists():
                assert time.monotonic() < deadline, "the other step never ran"
                time.sleep(0.005)
            return mine

        @step
        def left(folder): return meet("left", "right", folder)

        @step
        def right(folder): return meet("right", "left", folder)

        @pipeline
        def main(folder: str):
            return [left(folder), right(folder)]
    """)
    run = bench.run(params={"folder": str(bench.root)})

    assert run.status == "done"
    assert len({bench.step(run.run_id, name).worker for name in ("left", "right")}) == 2


def test_workers_share_the_cores(bench):
    bench.write("""
        import os

        @step
        def threads(n): return os.environ["OMP_NUM_THREADS"], os.environ["POLARS_MAX_THREADS"]

        @pipeline
        def main(wide: bool):
            return [threads(1), threads(2)] if wide else threads(1)
    """)

    assert bench.run(params={"wide": False}).result.text == "('2', '2')"
    assert bench.run(params={"wide": True}, use_cache=False).result.items["0"].text == "('1', '1')"


def test_in_process_mode_needs_no_worker(bench, monkeypatch):
    bench.write(CHAIN)
    bench.prepare(params={"n": 2})
    monkeypatch.setattr("subprocess.Popen", None)
    run = bench.run(isolate=False, params={"n": 2})

    assert run.status == "done"
    assert bench.step(run.run_id, "split").worker == 0
    import sys

    assert not any(str(bench.root) in path for path in sys.path)


def test_events_are_told_when_they_happen_and_can_be_read_after(bench):
    bench.write(CHAIN)
    told: list[RunEvent] = []
    run = bench.run(on_event=told.append)

    assert [event.kind for event in told] == bench.kinds(run.run_id)
    assert bench.kinds(run.run_id)[0] == "run_started"
    assert bench.kinds(run.run_id)[-1] == "run_done"
    later = bench.service.events(OWNER, run_id=run.run_id, after=3, limit=2)
    assert [event.seq for event in later] == [4, 5]


def test_the_source_of_a_run_is_kept_with_its_commit(bench):
    bench.write(CHAIN)
    (bench.project / "notes.bin").write_bytes(b"x")
    (bench.project / "query.sql").write_text("select 1")
    (bench.project / ".secret").write_text("token")
    (bench.project / "venv").mkdir()
    (bench.project / "venv" / "lib.py").write_text("x = 1")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", "-b", "trunk"], cwd=bench.project, check=True)
    subprocess.run([*git, "add", "."], cwd=bench.project, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], cwd=bench.project, check=True)

    clean = bench.service.snapshot(OWNER, folder=str(bench.project))
    bench.write(CHAIN + "# more\n")
    dirty = bench.service.snapshot(OWNER, folder=str(bench.project))

    assert clean.git is not None
    assert (clean.git.branch, clean.git.dirty) == ("trunk", False)
    assert dirty.git is not None
    assert dirty.git.dirty
    assert [entry.path for entry in bench.objects.list_tree(clean.digest)] == ["pipeline.py", "query.sql"]
    run_id = bench.service.prepare(OWNER, pipeline="pipeline.py:main", source=clean.digest).run_id
    assert bench.tracking.get_run(OWNER, run_id=run_id).tags["mlflow.source.git.branch"] == "trunk"


def test_a_changed_copy_of_the_source_is_written_again(bench):
    bench.write(CHAIN)
    run = bench.run()
    exported = bench.root / "work" / "source" / run.source / "pipeline.py"
    exported.chmod(0o644)
    exported.write_text("raise SystemExit")

    assert bench.run(use_cache=False).status == "done"


def test_preparing_again_with_a_key_is_the_same_run(bench):
    bench.write(CHAIN)
    key = "a" * 32

    assert bench.prepare(key=key) == key
    assert bench.prepare(key=key) == key
    assert [run.run_id for run in bench.service.list(OWNER)] == [key]


def test_the_outputs_of_a_run_have_names(bench):
    bench.write(CHAIN)
    run = bench.run()

    assert bench.service.output(OWNER, run_id=run.run_id, name="a").text == "6"
    with pytest.raises(OutputNotFound):
        bench.service.output(OWNER, run_id=run.run_id, name="b")


def test_runs_are_listed_newest_first(bench):
    bench.write(CHAIN)
    runs = [bench.run(params={"n": n}).run_id for n in range(3)]

    assert [run.run_id for run in bench.service.list(OWNER, pipeline="main")] == runs[::-1]
    assert [run.run_id for run in bench.service.list(OWNER, status="failed")] == []
    assert [run.run_id for run in bench.service.list(OWNER, before=runs[1])] == runs[:1]


def test_artifacts_that_a_step_logs_are_kept(bench):
    bench.write("""
        from pathlib import Path
        import tempfile

        @step
        def draws():
            folder = Path(tempfile.mkdtemp())
            (folder / "a.txt").write_text("hello")
            log_artifact(folder, "plots")
            log_artifact(folder / "a.txt")
            set_tags({"stage": "drawn"})

        @pipeline
        def main(): draws()
    """)
    run = bench.run()

    paths = [one.path for one in bench.tracking.list_artifacts(OWNER, run_id=run.run_id)]
    assert paths == ["a.txt", "plots/a.txt"]
    assert bench.tracking.get_run(OWNER, run_id=run.run_id).tags["stage"] == "drawn"
    assert run.result is None


def test_a_file_where_another_step_has_a_folder_is_kept_beside(bench):
    bench.write("""
        from pathlib import Path
        import tempfile

        @step
        def first():
            folder = Path(tempfile.mkdtemp())
            (folder / "a.txt").write_text("hello")
            log_artifact(folder, "plots")
            set_tags({"mlflow.runName": "drawn"})
            return 1

        @step
        def second(n):
            file = Path(tempfile.mkdtemp()) / "plots"
            file.write_text("a file")
            log_artifact(file)
            set_tags({"done": "yes"})
            return n

        @pipeline
        def main(): return second(first())
    """)
    run = bench.run()

    files = {one.path: one.digest for one in bench.tracking.list_artifacts(OWNER, run_id=run.run_id)}
    assert set(files) == {"plots/a.txt", "clashes/second/plots"}
    assert bench.objects.read(files["clashes/second/plots"]) == b"a file"
    found = bench.tracking.get_run(OWNER, run_id=run.run_id)
    assert (found.name, found.tags["done"]) == ("drawn", "yes")


def test_two_runs_at_once_do_not_meet(bench):
    bench.write(CHAIN)
    runs = [bench.prepare(params={"n": n}) for n in range(2)]
    threads = [threading.Thread(target=bench.service.execute, args=(OWNER, run_id)) for run_id in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    totals = [bench.tracking.get_run(OWNER, run_id=run_id).metrics["total"] for run_id in runs]
    assert totals == [1.0, 5.0]
    bench.service.close()
    assert not list(Path(bench.root / "work" / "scratch").iterdir())


def test_params_stand_in_the_run_as_a_person_wrote_them(bench):
    bench.write("""
        @step
        def same(x): return x

        @pipeline
        def main(carrier: str, odd: str, rate: float): return same([carrier, odd, rate])
    """)
    run = bench.run(params={"carrier": "UA", "odd": "a\x00b", "rate": 0.1})

    tracked = bench.tracking.get_run(OWNER, run_id=run.run_id)
    assert tracked.params == {"carrier": "UA", "odd": r"'a\x00b'", "rate": "0.1"}
    assert run.result.text == r"['UA', 'a\x00b', 0.1]"
