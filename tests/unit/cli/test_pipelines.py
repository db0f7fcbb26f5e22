"""Pipelines and their runs as a person types them."""

import signal
import subprocess
import sys
import time
from textwrap import dedent

import pytest

CODE = """
    from pathlib import Path

    from tidemill import pipeline, step

    @step
    def double(n: int):
        print("doubling", n)
        return n * 2

    @step
    def check(x, wall: str):
        if wall and Path(wall).exists():
            raise ValueError("a wall")
        return x + 1

    @pipeline
    def main(n: int = 2, wall: str = ""):
        x = double(n)
        return {"checked": check(x, wall), "x": x}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pipeline.py").write_text(dedent(CODE))
    monkeypatch.chdir(folder)
    return folder


def test_a_pipeline_runs_and_tells_of_each_step(tidemill, project):
    (project / "tidemill.yaml").write_text(
        "project: p\npipeline: {run: 'pipeline.py:main', params: {n: 4}, experiment: e}\n"
    )
    ran = tidemill("run")
    assert ran.code == 0, ran.err
    told = [line.split() for line in ran.err.splitlines()[1:3]]
    assert [(words[0], words[-1]) for words in told] == [("done", "double"), ("done", "check")]
    run = ran.out.strip()
    assert tidemill("runs", "list", "-e", "e", "--json").json[0]["run_id"] == run
    assert "checked: value" in tidemill("pipelines", "output", run).out
    assert tidemill("pipelines", "output", run, "x", "--json").json["text"] == "8"
    assert tidemill("pipelines", "log", run, "double").out == "doubling 4\n"
    assert "printed nothing" in tidemill("pipelines", "log", run, "check").err
    assert [each["status"] for each in tidemill("pipelines", "steps", run, "--json").json] == ["done", "done"]
    assert "doubling" not in tidemill("pipelines", "show", run).out
    assert tidemill("pipelines", "events", run, "--limit", 1, "--json").json[0]["kind"] == "run_started"

    again = tidemill("run", "-p", "n=4", "--json")
    assert again.json["params"]["n"] == "4"
    assert "cached" in again.err
    assert "was there" in tidemill("why", again.json["run_id"], "double").out
    assert "param n: 4 -> 5" in tidemill("pipelines", "plan", "-p", "n=5").out
    assert "cached" in tidemill("pipelines", "plan").out
    assert [each["steps"] for each in tidemill("pipelines", "list", "--json").json] == [2, 2]
    over = tidemill("pipelines", "cancel", run)
    assert (over.code, "run_ended" in over.err) == (3, True)


def test_a_run_that_failed_shows_its_place_and_goes_on(tidemill, project):
    wall = project.parent / "wall"
    wall.touch()

    ran = tidemill("run", "pipeline.py:main", "-p", f"wall={wall}", "--folder", project, "--no-cache")
    assert ran.code == 1
    assert "step_failed" in ran.err
    assert "(pipeline.py:14)" in ran.err
    assert 'raise ValueError("a wall")' in ran.err
    run = ran.out.strip()
    assert "a wall" in tidemill("pipelines", "show", run).err
    wall.unlink()
    resumed = tidemill("pipelines", "resume", run)
    assert (resumed.code, resumed.out.strip()) == (0, run)
    assert "double" not in resumed.err
    assert "done" in resumed.err


def test_ctrl_c_ends_a_run_that_no_server_executes(tidemill, project):
    began = project.parent / "began"
    (project / "slow.py").write_text(
        dedent(f"""
        import time
        from pathlib import Path

        from tidemill import pipeline, step

        @step
        def wait(n: int):
            Path({str(began)!r}).touch()
            time.sleep(600)

        @pipeline
        def main(n: int = 1):
            return wait(n)
    """)
    )
    code = "from tidemill.cli.main import main; main()"
    ran = subprocess.Popen([sys.executable, "-c", code, "run", "slow.py:main"], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not began.exists():
            assert ran.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        ran.send_signal(signal.SIGINT)
        _, err = ran.communicate(timeout=30)
    finally:
        ran.kill()

    assert ran.returncode == 130, err
    assert "tidemill pipelines resume" in err
    (found,) = tidemill("runs", "list", "--json").json
    assert found["status"] == "KILLED"
    assert [each["status"] for each in tidemill("pipelines", "list", "--json").json] == ["cancelled"]


def test_code_is_stored_as_it_is(tidemill, project):
    assert tidemill("pipelines", "snapshot", "--folder", project, "--json").json["files"] == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(["run"], 3, "tidemill init"), (["run", "pipeline.py:mian"], 3, "'main'"),
     (["run", "pipeline.py:main", "-p", "k=1"], 2, "unknown_param"), (["run", "x.py:main", "-p", "k"], 2, "KEY=VALUE"),
     (["why", "0", "a"], 3, "pipelines list"), (["pipelines", "output", "none"], 3, "pipeline_run_not_found")],
)  # fmt: skip
def test_what_does_not_work_says_why(tidemill, project, words, code, said):
    del project
    ran = tidemill(*words)

    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_a_project_file_without_a_pipeline_says_so(tidemill, project):
    (project / "tidemill.yaml").write_text("project: p\n")

    ran = tidemill("run")
    assert (ran.code, "names no pipeline" in ran.err) == (2, True)
