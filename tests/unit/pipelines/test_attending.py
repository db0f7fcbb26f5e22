"""A run that was handed in is executed or ended, whatever happens to its claim: nobody follows it for ever."""

import os
import socket
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.errors import OutOfSpace
from tidemill.pipelines import attending, running, store
from tidemill.pipelines.claims import Claim
from tidemill.pipelines.execution.journal import Journal
from tidemill.pipelines.running import Runner

QUICK = """
    @step
    def first(): return 1

    @pipeline
    def main(): return first()
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(attending, "LOOK_AGAIN_S", 0.05)


def seize(bench, run_id, *, for_s):
    """Let a process of another machine hold a run's claim, without a word from it afterwards."""

    def work(tx):
        expires_at = tx.now + timedelta(seconds=for_s)
        row = {"run_id": run_id, "owner": "other", "host": "elsewhere", "process": "7:7", "expires_at": expires_at}
        tx.upsert(store.run_claims, row)

    bench.ledger.write(SYSTEM, work)


def status(bench, run_id):
    return bench.service.get(OWNER, run_id=run_id).status.value


def claims(bench):
    with bench.ledger.read() as connection:
        return connection.execute(sa.select(store.run_claims)).all()


def waiting(bench):
    return """
        import time
        from pathlib import Path

        @step
        def first():
            while not Path({marker!r}).exists():
                time.sleep(0.01)
            return 1

        @pipeline
        def main(): return first()
    """.format(marker=str(bench.root / "go"))


def test_a_run_whose_machine_died_goes_on_when_its_claim_lapses(bench, wait_for):
    bench.write(QUICK)
    run_id = bench.prepare()
    seize(bench, run_id, for_s=0.5)

    assert bench.service.recover(OWNER) == [run_id]
    wait_for(lambda: status(bench, run_id) == "done")
    assert claims(bench) == []


def test_a_run_that_another_machine_took_and_left_goes_on_here(bench, wait_for):
    bench.write(waiting(bench))
    run_id = bench.service.start(OWNER, pipeline="pipeline.py:main", folder=str(bench.project)).run_id
    wait_for(lambda: bench.statuses(run_id) == {"first": "running"})
    seize(bench, run_id, for_s=0.5)
    (bench.root / "go").touch()

    wait_for(lambda: status(bench, run_id) == "done")
    assert bench.statuses(run_id) == {"first": "done"}
    assert [kind for kind in bench.kinds(run_id) if kind == "run_done"] == ["run_done"]


def test_a_run_that_another_machine_finishes_is_left_alone(bench, wait_for):
    bench.write(QUICK)
    run_id = bench.prepare()
    seize(bench, run_id, for_s=600)
    bench.service.recover(OWNER)
    wait_for(lambda: bench.service.attendant.waiting() == [run_id])
    change = sa.update(store.pipeline_runs).values(status="cancelled")
    bench.ledger.write(SYSTEM, lambda tx: tx.execute(change))

    wait_for(lambda: bench.service.attendant.waiting() == [])
    assert status(bench, run_id) == "cancelled"
    assert len(claims(bench)) == 1


def test_a_run_that_ended_just_before_it_was_claimed_is_left_alone(bench, monkeypatch):
    bench.write(QUICK)
    run_id = bench.prepare()

    def late(*words):
        bench.service.cancel(OWNER, run_id=run_id)
        return Claim(*words)

    monkeypatch.setattr(running, "Claim", late)
    found = bench.service.execute(OWNER, run_id)

    assert found.status.value == status(bench, run_id) == "cancelled"
    assert "run_started" not in bench.kinds(run_id)
    assert claims(bench) == []


def test_a_fault_of_our_own_ends_the_run_and_says_so(bench, wait_for, monkeypatch):
    bench.write(QUICK)

    def breaks(*_, **__):
        raise ZeroDivisionError("of our own")

    monkeypatch.setattr(Runner, "_loop", breaks)
    run_id = bench.service.start(OWNER, pipeline="pipeline.py:main", folder=str(bench.project)).run_id
    wait_for(lambda: status(bench, run_id) == "failed")

    failure = bench.service.get(OWNER, run_id=run_id).failure
    assert (failure.code, "of our own" in failure.message) == ("internal", True)
    assert bench.tracking.get_run(OWNER, run_id=run_id).status == "FAILED"
    assert bench.statuses(run_id) == {"first": "skipped"}
    assert claims(bench) == []


def test_a_run_whose_end_cannot_be_written_goes_on_when_it_can(bench, wait_for, monkeypatch):
    bench.write(QUICK)
    finish = Journal.finish
    seen: list[str] = []

    def full():
        raise OutOfSpace("The disk is full", hint="Make room.")

    def refuse(*words, **options):
        return finish(*words, **options) if len(seen) > 3 else full()

    def refuse_the_last_word(tx, run_id, failure):
        seen.append(status(bench, run_id))  # the one that makes room: the run cannot end as failed in between
        full()

    monkeypatch.setattr(Journal, "finish", refuse)
    monkeypatch.setattr(attending, "fail_unattended", refuse_the_last_word)
    run_id = bench.service.start(OWNER, pipeline="pipeline.py:main", folder=str(bench.project)).run_id

    wait_for(lambda: status(bench, run_id) == "done")
    assert seen == ["running"] * 4
    assert bench.tracking.get_run(OWNER, run_id=run_id).status == "FINISHED"


def test_a_claim_that_could_not_be_given_back_binds_nobody(bench, monkeypatch):
    bench.write(QUICK)
    run_id = bench.prepare()
    claim = Claim(bench.ledger, run_id)

    def full(*_):
        raise OutOfSpace("The disk is full", hint="Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(bench.ledger, "write", full)
        with pytest.raises(OutOfSpace):
            claim.release()

    assert [(row.host, row.process.partition(":")[0]) for row in claims(bench)] == [
        (socket.gethostname(), str(os.getpid()))
    ]
    assert bench.service.execute(OWNER, run_id).status == "done"


def test_closing_forgets_the_runs_that_wait(bench, wait_for):
    bench.write(QUICK)
    run_id = bench.prepare()
    seize(bench, run_id, for_s=600)
    bench.service.recover(OWNER)
    wait_for(lambda: bench.service.attendant.waiting() == [run_id])
    bench.service.close()

    assert bench.service.attendant.waiting() == []
    assert status(bench, run_id) == "pending"
