"""What happens in a run, written to the ledger while the run goes on.

An outcome and all that follows from it (cache, events, metrics, artifacts, lineage) become true together. While one
transaction is on its way to the disk the next outcomes gather, so that short steps share a sync. Each transaction
first renews the run's claim, so a process that lost its claim cannot write about the run any more.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from tidemill.core.access import Actor
from tidemill.core.moments import utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.pipelines import store
from tidemill.pipelines.claims import Claim
from tidemill.pipelines.execution.artifacts import path_name
from tidemill.pipelines.records import Logged, LoggedArtifact, RunEvent, StepExecution
from tidemill.pipelines.values.store import objects_of
from tidemill.tracking import store as tracking
from tidemill.tracking.records import Artifact, Metric

GATHER_S = 0.01
"""How long outcomes may gather before they are sent, so that a chain of short steps is not a chain of syncs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a step, with all that goes with it.

    Args:
        execution: The step's row.
        logged: What it logged.
        artifacts: The files that it left, by their path in the run.
        keep: Whether the result may be used again.
    """

    execution: StepExecution
    logged: Logged = field(default_factory=Logged)
    artifacts: tuple[LoggedArtifact, ...] = ()
    keep: bool = False


@dataclass(slots=True)
class _Batch:
    started: dict[str, StepExecution] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    events: list[RunEvent] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not (self.started or self.outcomes or self.events)


class Journal:
    """Writes about one run.

    Args:
        ledger: Where to.
        actor: Who runs it.
        run_id: The run.
        claim: The right to write about it.
        last_event: The number of the run's newest event.
        on_event: Told of each event when it happens, before it is on disk.
    """

    def __init__(
        self,
        ledger: Ledger,
        actor: Actor,
        run_id: str,
        *,
        claim: Claim,
        last_event: int = 0,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> None:
        self.run_id = run_id
        self._claim = claim
        self._ledger = ledger
        self._actor = actor
        self._seq = last_event
        self._on_event = on_event
        self._batch = _Batch()
        self._sent: Future[None] | None = None
        self._sent_at = 0.0

    def tell(self, kind: str, step: str = "", **body: object) -> None:
        """Add an event."""
        self._seq += 1
        event = RunEvent(run_id=self.run_id, seq=self._seq, at=utc_now(), kind=kind, step=step, body=body)
        self._batch.events.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def start(self, execution: StepExecution) -> None:
        """Note that an attempt of a step has begun."""
        self._batch.started[execution.step] = execution

    def end(self, outcome: Outcome) -> None:
        """Note how a step ended."""
        self._batch.started.pop(outcome.execution.step, None)
        self._batch.outcomes.append(outcome)

    def has_news(self) -> bool:
        """Return whether something waits to be sent."""
        return not self._batch.is_empty()

    def pump(self, *, renew: bool = False) -> None:
        """Send what has gathered, unless a transaction is on its way or left just now.

        Args:
            renew: Also when there is nothing to say, to keep the claim.

        Raises:
            ClaimLost: If another process took the run over.
        """
        if self._sent is not None:
            if not self._sent.done():
                return
            sent, self._sent = self._sent, None
            sent.result()
        now = time.monotonic()
        if renew or (not self._batch.is_empty() and now - self._sent_at >= GATHER_S):
            self._sent_at = now
            batch, self._batch = self._batch, _Batch()
            self._sent = self._ledger.submit(self._actor, lambda tx: self._write(tx, batch))

    def finish(self, last: Callable[[Transaction], None], *, release: bool = False) -> None:
        """Wait for all that was sent, and write the rest together with a last piece of work.

        Args:
            last: The work.
            release: Whether the run is over, so that the claim is given back.
        """
        if self._sent is not None:
            sent, self._sent = self._sent, None
            sent.result()
        batch, self._batch = self._batch, _Batch()

        def work(tx: Transaction) -> None:
            self._write(tx, batch)
            last(tx)
            if release:
                self._claim.release_within(tx)

        self._ledger.write(self._actor, work)
        if release:
            self._claim.forget()

    def _write(self, tx: Transaction, batch: _Batch) -> None:
        self._claim.check(tx)
        executions = [*batch.started.values(), *(outcome.execution for outcome in batch.outcomes)]
        if executions:
            store.write_steps(tx, executions)
        store.write_cached(
            tx,
            [
                {
                    "key": outcome.execution.key,
                    "output": outcome.execution.output,
                    "logged": outcome.logged,
                    "run_id": self.run_id,
                    "created_at": tx.now,
                }
                for outcome in batch.outcomes
                if outcome.keep
            ],
        )
        for outcome in batch.outcomes:
            self._write_logged(tx, outcome)
        store.write_events(tx, batch.events)

    def _write_logged(self, tx: Transaction, outcome: Outcome) -> None:
        logged, run = outcome.logged, self.run_id
        if logged.metrics:
            points = [
                Metric(key=one.key, value=one.value, step=one.step, timestamp=one.timestamp) for one in logged.metrics
            ]
            tracking.write_metrics(tx.connection, run, points)
        # What the run was told stands: a step cannot change a param that is there.
        if logged.params:
            tracking.write_params(tx, run, dict(logged.params))
        if logged.tags:
            tracking.write_tags(tx, run, dict(logged.tags))
        files = [
            Artifact(path=one.path, digest=one.digest, size=one.size) for one in (*logged.artifacts, *outcome.artifacts)
        ]
        # A file that a step cannot have there is kept beside: nobody is left to be told when the step has ended.
        tracking.put_artifacts(tx, Ref("run", run), files, f"clashes/{path_name(outcome.execution.step)}")
        for digest in dict.fromkeys(one.digest for one in files):
            tx.link(Ref("run", run), "produced", Ref("artifact", digest))
        if outcome.execution.output is not None:
            for digest in objects_of(outcome.execution.output):
                tx.link(Ref("run", run), "produced", Ref("artifact", digest))
