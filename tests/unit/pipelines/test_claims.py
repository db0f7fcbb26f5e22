"""One process at a time executes a run: who holds a claim, until when, and what its loss forbids."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidemill.core.access import OWNER, SYSTEM
from tidemill.core.errors import OutOfSpace
from tidemill.pipelines import store
from tidemill.pipelines.claims import LEASE, RENEW_S, Claim, living_holder
from tidemill.pipelines.errors import ClaimLost, RunBusy

HERE = socket.gethostname()


@pytest.fixture
def run_id(bench):
    bench.write("""
        @step
        def one(): return 1

        @pipeline
        def main(): return one()
    """)
    return bench.prepare()


def holder(bench, run_id):
    return bench.ledger.write(SYSTEM, lambda tx: living_holder(tx, run_id))


def rows(bench):
    with bench.ledger.read() as connection:
        return connection.execute(sa.select(store.run_claims)).all()


def set_row(bench, run_id, *, host, process, lapses_in_s, owner="other"):
    def work(tx):
        row = {"run_id": run_id, "owner": owner, "host": host, "process": process}
        tx.upsert(store.run_claims, row | {"expires_at": tx.now + timedelta(seconds=lapses_in_s)})

    bench.ledger.write(SYSTEM, work)


def birth(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_a_run_that_nobody_claimed_is_held_by_nobody(bench, run_id):
    assert holder(bench, run_id) == ""


def test_a_claim_names_its_holder_until_it_is_given_back(bench, run_id):
    claim = Claim(bench.ledger, run_id)
    assert holder(bench, run_id) == f"{os.getpid()} on {HERE}"
    with pytest.raises(RunBusy, match=rf"{os.getpid()} on {HERE}") as busy:
        Claim(bench.ledger, run_id)
    assert busy.value.hint

    claim.release()
    claim.release()
    assert (holder(bench, run_id), rows(bench)) == ("", [])


def test_what_goes_with_a_claim_is_written_only_when_it_is_taken(bench, run_id):
    written = []
    claim = Claim(bench.ledger, run_id, lambda tx: written.append(tx.now))
    with pytest.raises(RunBusy):
        Claim(bench.ledger, run_id, lambda tx: written.append(tx.now))
    claim.release()

    assert len(written) == 1


def test_a_claim_whose_other_work_failed_is_not_taken(bench, run_id):
    def fails(tx):
        raise OutOfSpace("The disk is full", hint="Make room.")

    with pytest.raises(OutOfSpace):
        Claim(bench.ledger, run_id, fails)
    assert (holder(bench, run_id), rows(bench)) == ("", [])


def test_a_check_renews_the_claim(bench, run_id):
    claim = Claim(bench.ledger, run_id)
    bench.ledger.write(SYSTEM, lambda tx: tx.execute(sa.update(store.run_claims).values(expires_at=tx.now)).rowcount)
    [before] = rows(bench)
    bench.ledger.write(OWNER, claim.check)
    [after] = rows(bench)

    assert after.expires_at - before.expires_at >= LEASE
    assert timedelta(seconds=3 * RENEW_S) < LEASE  # a renewal may be missed, and one more be slow
    claim.release()


def test_a_lost_claim_lets_no_write_pass_and_gives_nothing_back_that_is_anothers(bench, run_id):
    claim = Claim(bench.ledger, run_id)
    set_row(bench, run_id, host="elsewhere", process="7:7", lapses_in_s=60)

    with pytest.raises(ClaimLost) as lost:
        bench.ledger.write(OWNER, claim.check)
    assert lost.value.hint
    claim.release()
    assert holder(bench, run_id) == "7 on elsewhere"


def test_a_claim_outlives_a_transaction_that_gave_it_back_and_failed(bench, run_id):
    claim = Claim(bench.ledger, run_id)

    def work(tx):
        claim.release_within(tx)
        raise OutOfSpace("The disk is full", hint="Make room.")

    with pytest.raises(OutOfSpace):
        bench.ledger.write(OWNER, work)
    assert holder(bench, run_id)
    claim.release()
    assert rows(bench) == []


@given(lapses_in_s=st.integers(-100, 100).filter(lambda seconds: abs(seconds) > 5), pid=st.integers(1, 10**9))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_on_another_machine_only_the_lease_says_whether_a_holder_lives(bench, run_id, lapses_in_s, pid):
    set_row(bench, run_id, host="elsewhere", process=f"{pid}:1", lapses_in_s=lapses_in_s)

    assert holder(bench, run_id) == (f"{pid} on elsewhere" if lapses_in_s > 0 else "")


@pytest.mark.parametrize("lapses_in_s", [-1000, 1000])
def test_on_this_machine_only_the_process_says_it(bench, run_id, lapses_in_s):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        born = birth(child.pid)
        set_row(bench, run_id, host=HERE, process=f"{child.pid}:{born}", lapses_in_s=lapses_in_s)
        assert holder(bench, run_id) == f"{child.pid} on {HERE}"

        set_row(bench, run_id, host=HERE, process=f"{child.pid}:{int(born) - 1}", lapses_in_s=lapses_in_s)
        assert holder(bench, run_id) == ""  # the number was given to a later process
        set_row(bench, run_id, host=HERE, process=f"{child.pid}:{born}", lapses_in_s=lapses_in_s)
    finally:
        child.kill()
        child.communicate()
    assert holder(bench, run_id) == ""


def test_a_dead_process_that_nobody_asked_after_yet_holds_nothing(bench, run_id, wait_for):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    set_row(bench, run_id, host=HERE, process=f"{child.pid}:{birth(child.pid)}", lapses_in_s=1000)
    child.kill()
    wait_for(lambda: holder(bench, run_id) == "")
    assert child.poll() is not None
    child.communicate()


def test_a_row_of_this_process_without_a_claim_binds_nobody(bench, run_id):
    process = f"{os.getpid()}:{birth(os.getpid())}"
    set_row(bench, run_id, host=HERE, process=process, lapses_in_s=1000, owner="gone")

    assert holder(bench, run_id) == ""
    Claim(bench.ledger, run_id).release()
