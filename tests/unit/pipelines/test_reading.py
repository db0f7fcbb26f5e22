import pytest

from tidemill.core.access import OWNER
from tidemill.pipelines.errors import (
    InvalidReference,
    PipelineFailed,
    PipelineNotFound,
    PipelineRunNotFound,
    ProjectFault,
    SourceMissing,
    StepNotFound,
    UnknownParam,
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


@pytest.mark.parametrize(
    "reference",
    ["", "pipeline.py", "pipeline.py:", "../pipeline.py:main", "/etc/passwd:main", "a b.py:main", "pipeline.py:a.b"],
)
def test_a_reference_that_is_none_is_refused(bench, reference):
    bench.write(CHAIN)

    with pytest.raises((InvalidReference, ProjectFault)) as caught:
        bench.service.plan(OWNER, pipeline=reference, folder=str(bench.project))

    assert caught.value.code == "invalid_reference"


def test_what_does_not_exist_is_named_with_what_does(bench):
    bench.write(CHAIN)
    folder = str(bench.project)

    with pytest.raises(PipelineNotFound, match="pipelin") as caught:
        bench.service.plan(OWNER, pipeline="pipelin.py:main", folder=folder)
    assert "pipeline.py" in caught.value.hint
    with pytest.raises(PipelineNotFound) as caught:
        bench.service.plan(OWNER, pipeline="pipeline.py:split", folder=folder)
    assert "@pipeline" in caught.value.hint
    with pytest.raises(UnknownParam):
        bench.service.plan(OWNER, pipeline="pipeline.py:main", folder=folder, params={"m": 1})
    with pytest.raises(SourceMissing):
        bench.service.plan(OWNER, pipeline="pipeline.py:main", folder=str(bench.root / "absent"))
    with pytest.raises(PipelineRunNotFound):
        bench.service.get(OWNER, run_id="0" * 32)
    run = bench.run()
    with pytest.raises(StepNotFound) as missing:
        bench.service.why(OWNER, run_id=run.run_id, step="splt")
    assert "split" in missing.value.hint


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("def f(:\n", "invalid syntax", "pipeline.py:3"),
        ("import absent_library_x\n", "absent_library_x", "pipeline.py:3"),
        ("1 / 0\n", "ZeroDivisionError", "pipeline.py:3"),
        ("raise SystemExit(3)\n", "SystemExit", "pipeline.py:3"),
        ("@step\ndef s(x): return x\n\n@pipeline\ndef main():\n    return s(open)\n", "cannot stand", "pipeline.py:8"),
        ("@pipeline\ndef main():\n    def f(): pass\n    return step(f)()\n", "found again", ""),
        ("import os\nos._exit(7)\n", "status 7", ""),
    ],
)
def test_faults_of_the_projects_code_name_its_line(bench, text, message, place):
    bench.write(text)

    with pytest.raises(ProjectFault, match=message) as caught:
        bench.service.plan(OWNER, pipeline="pipeline.py:main", folder=str(bench.project))

    assert caught.value.where == place
    assert caught.value.hint


def test_a_module_that_ends_its_worker_fails_the_step_instead_of_starting_workers_for_ever(bench):
    marker = bench.root / "broken"
    text = f"""
        import os
        from pathlib import Path

        if Path({str(marker)!r}).exists():
            print("I give up", flush=True)
            os._exit(5)

        @step
        def one(n): return n

        @pipeline
        def main(n: int): return one(n)
    """
    bench.write(text)
    run_id = bench.prepare(params={"n": 1})
    bench.write(text + "\n\n        OTHER = 1\n")
    bench.prepare(params={"n": 1})
    marker.touch()
    with pytest.raises(PipelineFailed, match="status 5"):
        bench.service.execute(OWNER, run_id)
