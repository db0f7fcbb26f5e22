import msgspec
import pytest

from tidemill.core.access import OWNER
from tidemill.pipelines import rules, store

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


def test_a_second_run_starts_no_process_and_logs_the_same(bench, monkeypatch):
    bench.write(CHAIN)
    first = bench.run()
    monkeypatch.setattr("subprocess.Popen", None)
    second = bench.run()

    assert bench.statuses(second.run_id) == {"split": "cached", "add": "cached"}
    assert second.result == first.result
    assert bench.step(second.run_id, "add").cached_from == first.run_id
    tracked = bench.tracking.get_run(OWNER, run_id=second.run_id)
    assert tracked.metrics == {"total": 9.0, "loss": 0.25}


def test_told_not_to_use_the_cache_everything_runs(bench):
    bench.write(CHAIN)
    bench.run()

    again = bench.run(use_cache=False)

    assert bench.statuses(again.run_id) == {"split": "done", "add": "done"}
    assert "told not to" in bench.service.why(OWNER, run_id=again.run_id, step="add").text


@pytest.mark.parametrize(
    ("old", "new", "params", "text"),
    [
        ("K = 3", "K = 4", {}, "code of pipeline.py:K changed"),
        ("n * K", "n + K", {}, "code of pipeline.py:split changed"),
        ("K = 3", "K = 3", {"n": 9}, "param n: 2 -> 9"),
    ],
)
def test_why_names_what_changed(bench, old, new, params, text):
    bench.write(CHAIN)
    first = bench.run(params={"n": 2})
    bench.write(CHAIN.replace(old, new))
    second = bench.run(params=params or {"n": 2})

    reason = bench.service.why(OWNER, run_id=second.run_id, step="split")
    assert reason.hit is False
    assert reason.run_id == first.run_id
    assert text in reason.text
    assert "input a changed" in bench.service.why(OWNER, run_id=second.run_id, step="add").text
    assert "never executed" in bench.service.why(OWNER, run_id=first.run_id, step="split").text


def test_a_comment_changes_nothing(bench):
    bench.write(CHAIN)
    bench.run()
    bench.write(CHAIN.replace("K = 3", "K = 3  # three\n\n\n    UNUSED = 5"))

    assert set(bench.statuses(bench.run().run_id).values()) == {"cached"}


def test_why_names_an_environment_that_changed(bench):
    bench.write(CHAIN)
    run = bench.run()
    with bench.ledger.read() as connection:
        graph = store.graph_of(connection, run.run_id)
    execution = bench.step(run.run_id, "split")
    old = msgspec.structs.replace(graph.steps[0], environment={"python": "3.10", "polars": "1.0"})
    changes = rules.changes_between(old, execution.inputs, graph.steps[0], execution.inputs)
    assert [(change.name, change.old) for change in changes] == [("polars", "1.0"), ("python", "3.10")]


def test_a_plan_says_what_would_run(bench):
    bench.write(CHAIN)
    bench.run()

    hit = bench.service.plan(OWNER, pipeline="pipeline.py:main", folder=str(bench.project))
    miss = bench.service.plan(OWNER, pipeline="pipeline.py:main", folder=str(bench.project), params={"n": 5})

    assert [step.hit for step in hit.steps] == [True, True]
    assert [step.hit for step in miss.steps] == [False, None]
    assert "param n: 2 -> 5" in miss.steps[0].reason.text
    assert miss.steps[1].needs == ["split"]


def test_equal_steps_of_one_run_run_once(bench):
    bench.write("""
        @step
        def same(x): return x

        @pipeline
        def main():
            return [same(1), same(1), same(2)]
    """)
    run = bench.run()

    counts = sorted(bench.statuses(run.run_id).values())
    assert counts == ["cached", "done", "done"]


def test_cache_false_runs_every_time(bench):
    bench.write("""
        @step(cache=False)
        def now(): return 1

        @pipeline
        def main(): return now()
    """)
    bench.run()
    run = bench.run()

    assert bench.statuses(run.run_id) == {"now": "done"}
    assert "cache=False" in bench.service.why(OWNER, run_id=run.run_id, step="now").text


def test_a_missing_object_is_computed_again(bench):
    bench.write("""
        @step
        def large(): return "x" * 10_000

        @pipeline
        def main(): return large()
    """)
    first = bench.run()
    bench.objects.path(first.result.object).unlink()
    second = bench.run()

    assert bench.statuses(second.run_id) == {"large": "done"}
    assert bench.objects.has(second.result.object)
