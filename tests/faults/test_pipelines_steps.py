"""Whatever a step does: it fails by itself, with the reason, and the run ends as it should."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.pipelines.errors import ProjectFault
from tidemill.pipelines.execution.logs import HEAD_BYTES, TAIL_BYTES

WaitFor = Callable[..., object]


def is_alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


@pytest.mark.parametrize(
    ("body", "said", "hint"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV", "Native code"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL", "memory"),
        ("import os; os._exit(3)", "status 3", "exit"),
        ("import os, signal; os.killpg(0, signal.SIGTERM)", "SIGTERM", "log"),
    ],
)
def test_a_dying_worker_fails_its_step_with_the_reason_and_its_last_words(house, body, said, hint):
    house.write(f"""
        @step
        def dies():
            print("last words")
            {body}

        @pipeline
        def main(): return dies()
    """)
    run_id, step = house.fail()

    assert step.failure.code == "worker_died"
    assert said in step.failure.message
    assert hint in step.failure.hint
    assert house.service.log(OWNER, run_id=run_id, step="dies").startswith("last words")


def test_a_dying_worker_is_replaced_when_retries_are_left(house):
    house.write(f"""
        import os
        from pathlib import Path

        @step(retries=1, retry_wait_s=0)
        def dies_once():
            marker = Path({str(house.root / "once")!r})
            if not marker.exists():
                marker.touch()
                os._exit(9)
            return os.getpid()

        @pipeline
        def main(): return dies_once()
    """)
    run = house.service.execute(OWNER, house.prepare())

    assert run.status == "done"
    assert house.service.steps(OWNER, run_id=run.run_id)[0].attempt == 2


def test_a_step_over_its_time_is_killed_with_all_that_it_started(house, wait_for: WaitFor):
    children = house.root / "children"
    house.write(f"""
        import subprocess, time

        @step(timeout_s=1)
        def slow():
            child = subprocess.Popen(["sleep", "600"])
            with open({str(children)!r}, "w") as file:
                file.write(str(child.pid))
            time.sleep(600)

        @pipeline
        def main(): return slow()
    """)
    _, step = house.fail()

    assert step.failure.code == "step_timed_out"
    assert step.failure.place.startswith("pipeline.py:")
    wait_for(lambda: not is_alive(int(children.read_text())))


def test_a_flood_of_output_is_bounded_and_says_what_is_left_out(house):
    house.write("""
        import sys

        @step
        def floods():
            sys.stdout.write("begin\\n")
            for _ in range(100):
                sys.stdout.write("x" * 1_000_000)
            sys.stdout.write("\\nend\\n")

        @pipeline
        def main(): return floods()
    """)
    run = house.service.execute(OWNER, house.prepare())
    log = house.service.log(OWNER, run_id=run.run_id, step="floods")

    assert log.startswith("begin\n")
    assert log.endswith("\nend\n")
    assert "bytes left out" in log
    assert len(log) < HEAD_BYTES + 2 * TAIL_BYTES
    events = house.service.events(OWNER, run_id=run.run_id)
    assert sum(len(str(event.body)) for event in events) < 2_000_000


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("object()", "object"),
        ("(x for x in [1])", "generator"),
        ("lambda: 0", "function"),
        ("{'model': {'deep': [open('/dev/null')]}}", "TextIOWrapper"),
        ("'\\ud800'", "surrogate"),
    ],
)
def test_a_result_without_a_safe_form_is_refused_once(house, returned, said):
    house.write(f"""
        @step(retries=3)
        def odd(): return {returned}

        @pipeline
        def main(): return odd()
    """)
    _, step = house.fail()

    assert step.failure.code == "unknown_result"
    assert said in step.failure.message
    assert "Accepted are" in step.failure.hint
    assert step.attempt == 1


@pytest.mark.parametrize(
    ("options", "body", "code"),
    [
        ("(metrics=True)", "return {'a': 'much'}", "invalid_metrics"),
        ("(metrics=True)", "return 3", "invalid_metrics"),
        ("", "log_metric('x' * 300, 1)", "invalid_text"),
        ("", "log_metric('a\\0b', 1)", "invalid_text"),
        ("", "log_artifact('/etc/hostname', '../../escape')", "unsafe_path"),
        ("(outputs=2)", "return 1, 2, 3", "unknown_result"),
        ("", "raise SystemExit('enough')", "step_failed"),
        ("", "raise KeyboardInterrupt", "step_failed"),
        (
            "",
            "class Odd(Exception):\n                def __str__(self): return 1 / 0\n            raise Odd",
            "step_failed",
        ),
        ("", "def again(): again()\n            again()", "step_failed"),
        ("", "raise ValueError('\\ud800' + 'x' * 10**7)", "step_failed"),
    ],
)
def test_bad_behaviour_of_a_step_is_its_failure_and_nothing_more(house, options, body, code):
    house.write(f"""
        @step{options}
        def odd():
            {body}

        @pipeline
        def main(): return odd()
    """)
    run_id, step = house.fail()

    assert step.failure.code == code
    assert len(step.failure.message) < 3000
    assert not (house.root / "escape").exists()
    assert house.tracking.get_run(OWNER, run_id=run_id).metrics == {}


def test_a_huge_constant_is_refused_with_its_line(house):
    house.write("""
        @step
        def takes(x): return len(x)

        @pipeline
        def main():
            return takes("x" * 10_000_000)
    """)

    with pytest.raises(ProjectFault, match="10000005 bytes") as caught:
        house.prepare()

    assert caught.value.where == "pipeline.py:9"


def test_a_large_value_passes_between_steps(house):
    house.write("""
        @step
        def makes(): return "x" * 50_000_000

        @step
        def counts(x): return len(x)

        @pipeline
        def main(): return counts(makes())
    """)

    assert house.service.execute(OWNER, house.prepare()).result.text == "50000000"
