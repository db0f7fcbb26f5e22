"""What ends a run and what asks for its end do not cross, whichever database the ledger runs on."""

import threading

import pytest
import sqlalchemy as sa

from tidemill.app import Workspace
from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.settings import Settings
from tidemill.pipelines import store
from tidemill.pipelines.errors import RunEnded
from tidemill.pipelines.records import PipelineStatus, StepFailure

PROJECT = """
from tidemill import pipeline, step

@step
def first(): return 1

@pipeline
def main(): return first()
"""
DONE = PipelineStatus.DONE.value


@pytest.fixture
def workspace(place, tmp_path):
    with Workspace(Settings(home=tmp_path / "home", database=place)) as opened:
        yield opened


@pytest.fixture
def run_id(workspace, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "pipeline.py").write_text(PROJECT)
    return workspace.pipelines.prepare(OWNER, pipeline="pipeline.py:main", folder=str(project)).run_id


@pytest.mark.parametrize("verb", ["cancel", "resume", "end"])
def test_a_run_that_ends_at_the_same_moment_has_ended(workspace, run_id, verb, wait_for):
    """The run's last transaction is under way, and not committed, when somebody asks."""
    ends, may_end = threading.Event(), threading.Event()

    def end(tx):
        tx.execute(sa.update(store.pipeline_runs).values(status=DONE, ended_at=tx.now))
        ends.set()
        assert may_end.wait(30)

    refused: list[RunEnded] = []

    def ask():
        pipelines = workspace.pipelines
        try:
            if verb == "end":
                pipelines.attendant._end(OWNER, run_id, StepFailure(code="internal", message="a fault"))
            else:
                getattr(pipelines, verb)(OWNER, run_id=run_id)
        except RunEnded as error:
            refused.append(error)

    def waits() -> bool:
        if workspace.ledger.backend == "sqlite":
            return True  # behind the other, in the only writer's queue
        with workspace.ledger.read() as connection:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return bool(connection.exec_driver_sql(query).scalar_one())

    ending = threading.Thread(target=workspace.ledger.write, args=(SYSTEM, end))
    ending.start()
    assert ends.wait(30)
    asking = threading.Thread(target=ask)
    asking.start()
    wait_for(waits)
    may_end.set()
    ending.join(30)
    asking.join(30)

    assert workspace.pipelines.get(OWNER, run_id=run_id).status is PipelineStatus.DONE
    assert len(refused) == (verb != "end")
