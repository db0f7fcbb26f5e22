from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.pipelines.errors import (
    RunBusy,
    RunEnded,
)

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


def test_a_failed_run_goes_on_where_it_failed(bench, wait_for):
    marker = bench.root / "mended"
    bench.write(f"""
        from pathlib import Path

        @step
        def first():
            log_metric("seen", 1)
            return 1

        @step
        def fragile(x):
            if not Path({str(marker)!r}).exists():
                raise OSError("not yet")
            return x + 1

        @pipeline
        def main():
            return fragile(first())
    """)
    failed = bench.run()
    before = bench.step(failed.run_id, "first")
    marker.touch()
    bench.service.resume(OWNER, run_id=failed.run_id)
    wait_for(lambda: bench.service.get(OWNER, run_id=failed.run_id).status == "done")

    assert bench.step(failed.run_id, "first") == before
    assert bench.statuses(failed.run_id) == {"first": "done", "fragile": "done"}
    assert bench.tracking.get_run(OWNER, run_id=failed.run_id).status == "FINISHED"
    assert len(bench.tracking.metric_points(OWNER, run_id=failed.run_id, key="seen")) == 1
    with pytest.raises(RunEnded):
        bench.service.resume(OWNER, run_id=failed.run_id)


def test_a_run_can_be_cancelled(bench, wait_for):
    bench.write("""
        import time

        @step
        def endless():
            print("here", flush=True)
            time.sleep(600)

        @step
        def after(x): return x

        @pipeline
        def main(): return after(endless())
    """)
    run = bench.service.start(OWNER, pipeline="pipeline.py:main", folder=str(bench.project))
    wait_for(lambda: bench.statuses(run.run_id)["endless"] == "running")
    with pytest.raises(RunBusy):
        bench.service.execute(OWNER, run.run_id)
    with pytest.raises(RunBusy):
        bench.service.resume(OWNER, run_id=run.run_id)
    bench.service.cancel(OWNER, run_id=run.run_id)
    wait_for(lambda: bench.service.get(OWNER, run_id=run.run_id).status == "cancelled")

    assert set(bench.statuses(run.run_id).values()) == {"skipped"}
    assert bench.tracking.get_run(OWNER, run_id=run.run_id).status == "KILLED"
    with pytest.raises(RunEnded):
        bench.service.cancel(OWNER, run_id=run.run_id)


def test_closing_leaves_a_run_to_the_next_process(bench, wait_for):
    marker = bench.root / "go"
    bench.write(f"""
        import time
        from pathlib import Path

        @step
        def first(): return 1

        @step
        def waits(x):
            while not Path({str(marker)!r}).exists():
                time.sleep(0.01)
            return x

        @pipeline
        def main(): return waits(first())
    """)
    run = bench.service.start(OWNER, pipeline="pipeline.py:main", folder=str(bench.project))
    wait_for(lambda: bench.statuses(run.run_id)["waits"] == "running")
    bench.close()
    marker.touch()
    bench.open()

    assert bench.service.recover(OWNER) == [run.run_id]
    wait_for(lambda: bench.service.get(OWNER, run_id=run.run_id).status == "done")
    assert bench.statuses(run.run_id) == {"first": "done", "waits": "done"}


def test_workers_stay_warm_for_the_next_run_of_the_same_code(bench, monkeypatch, wait_for):
    bench.write(CHAIN)
    first = bench.step(bench.run(params={"n": 1}).run_id, "add").worker
    second = bench.step(bench.run(params={"n": 2}).run_id, "add").worker
    bench.write(CHAIN + "\n    OTHER = 1\n")
    other = bench.step(bench.run(params={"n": 3}).run_id, "add").worker

    assert first == second != other
    assert not Path(f"/proc/{first}").exists()
    monkeypatch.setattr("tidemill.pipelines.execution.shelf.KEPT_S", 0.01)
    bench.run(params={"n": 4})
    wait_for(lambda: not Path(f"/proc/{other}").exists())


def test_a_run_that_nobody_executes_is_cancelled_at_once(bench):
    bench.write(CHAIN)
    run_id = bench.prepare()

    assert bench.service.cancel(OWNER, run_id=run_id).status == "cancelled"
    assert set(bench.statuses(run_id).values()) == {"skipped"}
    assert bench.tracking.get_run(OWNER, run_id=run_id).status == "KILLED"
    assert bench.service.execute(OWNER, run_id).status == "cancelled"
