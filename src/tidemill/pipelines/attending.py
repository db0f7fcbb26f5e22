"""Executes runs in threads of this process, and sees that none stays open that nobody executes."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.ledger import Ledger, Transaction
from tidemill.pipelines import store
from tidemill.pipelines.claims import living_holder
from tidemill.pipelines.errors import ClaimLost, RunBusy
from tidemill.pipelines.execution.loop import RunStopped
from tidemill.pipelines.records import StepFailure
from tidemill.pipelines.running import OUTCOMES, Runner, fail_unattended

LOOK_AGAIN_S = 5.0
"""How long after a claim of another process, or after a ledger that could not be written, to look again."""

_THREADS = 4
_LOG = logging.getLogger("tidemill.pipelines")


class Attendant:
    """Executes runs that were handed in, to their end.

    A run that another process claims is looked at again until it is over or free: on another machine, or in a container
    that was replaced, only the lapse of the claim tells that its process died. A run that cannot be executed for
    another reason is ended with that reason, so that whoever follows it is told.

    Args:
        ledger: Where runs are recorded.
        runner: Executes them.
    """

    def __init__(self, ledger: Ledger, runner: Runner) -> None:
        self._ledger = ledger
        self._runner = runner
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pipeline-run")
        self._gate = threading.Lock()
        self._later: dict[str, threading.Timer] = {}
        self._is_closed = False

    def attend(self, actor: Actor, run_id: str) -> None:
        """Execute a run in the background; nothing happens once this is closed."""
        with self._gate:
            self._later.pop(run_id, None)
            if not self._is_closed:
                self._threads.submit(self._execute, actor, run_id)

    def waiting(self) -> list[str]:
        """Return the runs that are looked at again later."""
        with self._gate:
            return list(self._later)

    def close(self) -> None:
        """Forget the runs that wait, and wait for those that are executed; the runner was stopped before."""
        with self._gate:
            self._is_closed = True
            timers = list(self._later.values())
            self._later.clear()
        for timer in timers:
            timer.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _execute(self, actor: Actor, run_id: str) -> None:
        try:
            self._runner.execute(actor, run_id)
        except RunStopped:
            return  # the next process goes on
        except (RunBusy, ClaimLost) as error:
            _LOG.info("Run %s waits: %s", run_id, error.message)
            self._look_again(actor, run_id)
        except TidemillError as error:
            _LOG.error("Run %s was left: %s", run_id, error)
            self._end(actor, run_id, StepFailure(code=error.code, message=error.message, hint=error.hint))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a run open, and nobody else is told
            _LOG.exception("Run %s was left", run_id)
            said = f"Tidemill itself failed: {type(error).__name__}: {error}"
            self._end(actor, run_id, StepFailure(code="internal", message=said, hint="The server's log says where."))

    def _end(self, actor: Actor, run_id: str, failure: StepFailure) -> None:
        """End a run as failed; when that cannot be written, let it go on later."""

        def work(tx: Transaction) -> bool:
            found = store.find_run(tx.connection, run_id, hold=True)
            if found is None or found.status in OUTCOMES:
                return True
            if living_holder(tx, run_id):
                return False
            fail_unattended(tx, run_id, failure)
            return True

        try:
            is_over = self._ledger.write(actor, work)
        except TidemillError as error:
            _LOG.error("The end of run %s could not be written: %s", run_id, error)
            is_over = False
        if not is_over:
            self._look_again(actor, run_id)

    def _look_again(self, actor: Actor, run_id: str) -> None:
        timer = threading.Timer(LOOK_AGAIN_S, self.attend, (actor, run_id))
        timer.daemon = True
        with self._gate:
            if not self._is_closed:
                self._later[run_id] = timer
                timer.start()
