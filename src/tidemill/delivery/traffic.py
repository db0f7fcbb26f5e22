"""Makes the data plane serve what the ledger says, and the ledger say what the data plane serves."""

import threading
from functools import partial

from tidemill.core.access import SYSTEM
from tidemill.core.errors import Unavailable
from tidemill.delivery import endpoints, store
from tidemill.delivery.records import Endpoint
from tidemill.delivery.routing import Routing, Said
from tidemill.ledger import Ledger, Transaction

NOT_RUNNING = "the data plane does not run; it takes this when it starts"
LATE = "the data plane has not taken this yet"
WAIT_S = 30.0
"""How long a change waits for a data plane that runs: the first model of a framework loads the framework."""
KEPT_DEPLOYMENTS = 5
"""Of each endpoint, the newest: their models lie beside the data plane, so that going back copies nothing."""
_ROUNDS = 3


class TargetRefused(Unavailable):
    """The data plane cannot serve a model; what it served before stays in force, and the ledger says so."""

    code = "target_refused"


class Traffic:
    """Brings the ledger and the data plane together.

    The ledger says what is wanted. An endpoint's `served_revision` is what the data plane has confirmed of it. What
    the data plane refuses is undone in the ledger, so that the ledger never claims what is not served.

    Args:
        ledger: Where the endpoints are.
        routing: The files that the data plane reads and writes.
    """

    def __init__(self, ledger: Ledger, routing: Routing) -> None:
        self._ledger = ledger
        self._routing = routing
        self._lock = threading.Lock()

    def apply(self, *, wait: bool = True) -> dict[str, str]:
        """Tell the data plane what to serve, wait until it does, and record what became of it.

        Args:
            wait: Whether to wait for a data plane that runs and has not taken it yet.

        Returns:
            By the name of each endpoint whose model was refused: what the data plane said.
        """
        refused: dict[str, str] = {}
        for _ in range(_ROUNDS):
            revision, found = self._publish()
            undone = self._record(found, self._routing.wait(revision, timeout_s=WAIT_S if wait else 0.0), revision)
            refused |= undone
            if not undone:
                break
        self._sweep()
        return refused

    def _sweep(self) -> None:
        """Remove the files of models that no endpoint serves or is likely to go back to.

        Only when every process of the data plane has taken the newest revision: an older one may have any model of
        then loaded, or be about to load it. Under the lock, so that no table is written meanwhile that names one.
        """
        with self._lock:
            with self._ledger.read() as connection:
                revision = sum(endpoint.revision for endpoint in store.list_endpoints(connection))
                needed = store.needed_bundles(connection, KEPT_DEPLOYMENTS)
            said = self._routing.said()
            if said.runs and said.revision >= revision and not said.errors:
                self._routing.sweep(needed)

    def confirm(self) -> None:
        """Record what the data plane says by now, without waiting."""
        with self._ledger.read() as connection:
            found = store.list_endpoints(connection)
        if any(endpoint.served_revision < endpoint.revision for endpoint in found) or self._routing.complains():
            self.apply(wait=False)

    def _publish(self) -> tuple[int, list[Endpoint]]:
        """Write the routes. One at a time, each reading the ledger anew, so that no older table follows a newer one."""
        with self._lock:
            with self._ledger.read() as connection:
                found = store.list_endpoints(connection)
                wanted = {target.deployment for endpoint in found for target in endpoint.targets}
                deployments = {each: endpoints.need_deployment(connection, each) for each in wanted}
                passes = store.list_passes(connection)
            revision = sum(endpoint.revision for endpoint in found)
            self._routing.write(revision, found, deployments, passes)
            return revision, found

    def _record(self, found: list[Endpoint], said: Said, revision: int) -> dict[str, str]:
        undone: dict[str, str] = {}
        for endpoint in found:
            is_new = endpoint.served_revision < endpoint.revision
            problem = said.errors.get(endpoint.name, "")
            if not said.runs or said.revision < revision:
                told = LATE if said.runs else NOT_RUNNING
                if is_new and endpoint.problem != told:
                    self._ledger.write(SYSTEM, partial(_note, endpoint=endpoint, problem=told))
            elif problem:
                if self._ledger.write(SYSTEM, partial(_refuse, endpoint=endpoint, problem=problem)):
                    undone[endpoint.name] = problem
            elif is_new or endpoint.problem:
                self._ledger.write(SYSTEM, partial(_confirm, endpoint=endpoint))
        return undone


def _note(tx: Transaction, endpoint: Endpoint, problem: str) -> None:
    store.note_served(tx, endpoint, problem=problem)


def _confirm(tx: Transaction, endpoint: Endpoint) -> None:
    if store.note_served(tx, endpoint, served_revision=endpoint.revision, served=endpoint.stable, problem=""):
        rollout = store.rollout_to(tx.connection, endpoint.stable) if endpoint.stable else None
        if rollout is not None:
            message = "the data plane serves the new deployment alone"
            store.add_event(tx, rollout.id, endpoints.SERVED, endpoints.SERVED, message)


def _refuse(tx: Transaction, endpoint: Endpoint, problem: str) -> bool:
    """Record a refusal; return whether the ledger went back to what was served before."""
    current = endpoints.need(tx.connection, endpoint.name, hold=True)
    if current.revision != endpoint.revision:
        return False
    is_plain = current.stable == current.served and len(current.targets) <= 1
    if is_plain:  # there is nothing to go back to
        said = f"the data plane refused it: {problem}"
        if current.problem != said:
            store.note_served(tx, current, problem=said)
        return False
    endpoints.undo(tx, current, problem)
    return True
