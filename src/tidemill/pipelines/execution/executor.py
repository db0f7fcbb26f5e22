"""Executes a run: what can start starts, what was computed before is taken from the cache, what fails is retried.

Each outcome is one transaction. What the ledger holds is therefore enough to go on after the process died.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import TidemillError
from tidemill.core.moments import utc_now
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.pipelines import rules, store
from tidemill.pipelines.arguments import Known
from tidemill.pipelines.claims import RENEW_S, Claim
from tidemill.pipelines.execution.workers import Assignment, Died, Report, Workers
from tidemill.pipelines.records import (
    Graph,
    GraphStep,
    Logged,
    RunEvent,
    StepExecution,
    StepFailure,
    StepStatus,
    StoredValue,
)
from tidemill.pipelines.worker.messages import Done, Execute, Failed, Progress

LogToRun = Callable[[Transaction, str, Logged], None]
_TURN_S = 0.5
_FINISHED = {StepStatus.DONE, StepStatus.CACHED}


@dataclass(slots=True)
class _Retry:
    """A step that waits for its next attempt."""

    step: GraphStep
    at: float


@dataclass(slots=True)
class Execution:
    """One execution of a run.

    Args:
        ledger: Where outcomes are recorded.
        objects: Where bytes are.
        actor: Who runs.
        run_id: The run.
        graph: What is to be done.
        known: The dataset versions, and what finished steps returned.
        workers: Who does it.
        claim: The right to do it.
        log: Writes what a step logged to the tracking run, inside the step's own transaction.
        use_cache: Whether earlier results are good enough.
        pipeline: The pipeline's name, for the cache's first guess.
    """

    ledger: Ledger
    objects: ObjectStore
    actor: Actor
    run_id: str
    graph: Graph
    known: Known
    workers: Workers
    claim: Claim
    log: LogToRun
    use_cache: bool
    pipeline: str
    _steps: dict[str, GraphStep] = field(default_factory=dict)
    _state: dict[str, StepExecution] = field(default_factory=dict)
    _running: dict[str, Assignment] = field(default_factory=dict)
    _waiting: list[_Retry] = field(default_factory=list)
    _cached: dict[str, store.CachedResult] = field(default_factory=dict)
    _fixed: dict[str, str] = field(default_factory=dict)
    _broken: StepFailure | None = None
    _seq: int = 0
    _renewed: float = 0.0

    def run(self) -> tuple[StoredValue | None, StepFailure | None]:
        """Do what is missing and return the pipeline's result, or why it failed.

        Raises:
            ClaimLost: If another process took the run over.
        """
        self._steps = {step.name: step for step in self.graph.steps}
        self._fixed = {step.name: rules.fixed_part(step) for step in self.graph.steps}
        self._begin()
        failure: StepFailure | None = None
        while failure is None:
            self._start_what_can()
            failure = self._broken
            if failure is not None or (not self._running and not self._waiting):
                break
            failure = self._turn()
        for assignment in list(self._running.values()):
            self.workers.kill(assignment)
        if failure is not None:
            self._give_up()
            return None, failure
        result = self.graph.result
        return (self.known.value(result) if result is not None else None), None

    def _begin(self) -> None:
        with self.ledger.read() as connection:
            done = {each.step: each for each in store.list_steps(connection, self.run_id)}
            self._seq = store.last_event(connection, self.run_id)
            if self.use_cache:
                self._cached = store.cached_of_latest_run(connection, self.pipeline)
        for at, step in enumerate(self.graph.steps):
            found = done.get(step.name)
            finished = found is not None and found.status in _FINISHED and found.output is not None
            if found is not None and finished and found.output is not None and self._is_there(found.output):
                self._state[step.name] = found
                self.known.outputs[step.name] = found.output
            else:
                self._state[step.name] = StepExecution(
                    run_id=self.run_id,
                    step=step.name,
                    position=at,
                    status=StepStatus.PENDING,
                    attempt=found.attempt if found else 0,
                )

    def _start_what_can(self) -> None:
        """Take from the cache what is there, and give the rest to workers, until nothing more can start."""
        moved = True
        while moved:
            moved = False
            for step in self.graph.steps:
                state = self._state[step.name]
                if state.status is not StepStatus.PENDING or self._is_waiting(step.name):
                    continue
                if not rules.step_needs(step) <= self.known.outputs.keys():
                    continue
                moved = self._begin_step(step) or moved
        now = time.monotonic()
        for retry in [each for each in self._waiting if each.at <= now]:
            if self.workers.has_room():
                self._waiting.remove(retry)
                self._assign(retry.step)

    def _begin_step(self, step: GraphStep) -> bool:
        """Return whether the step is under way, or done at once."""
        try:
            inputs = {name: self.known.digest(argument) for name, argument in step.arguments.items()}
        except TidemillError as error:
            self._broken = StepFailure(
                code=error.code, message=error.message, hint=error.hint, place=step.place, final=True
            )
            self._fail(step, self._broken)
            return False
        key = rules.cache_key(Digest(self._fixed[step.name]), inputs)
        state = msgspec.structs.replace(self._state[step.name], key=key, inputs=inputs)
        self._state[step.name] = state
        found = self._find_cached(key) if self.use_cache and step.options.cache else None
        if found is not None:
            self._take_cached(step, found)
            return True
        if not self.workers.has_room():
            return False
        self._assign(step)
        return True

    def _find_cached(self, key: str) -> store.CachedResult | None:
        found = self._cached.get(key)
        if found is None:
            with self.ledger.read() as connection:
                found = store.find_cached(connection, key)
        return found if found is not None and self._is_there(found.output) else None

    def _take_cached(self, step: GraphStep, found: store.CachedResult) -> None:
        now = utc_now()
        state = msgspec.structs.replace(
            self._state[step.name],
            status=StepStatus.CACHED,
            output=found.output,
            cached_from=found.run_id,
            started_at=now,
            ended_at=now,
        )
        self._record(state, [self._event("cached", step.name, {"from": found.run_id})], logged=found.logged)
        self.known.outputs[step.name] = found.output

    def _assign(self, step: GraphStep) -> None:
        arguments = {name: self.known.give(argument) for name, argument in step.arguments.items()}
        order = Execute(step.name, step.function, arguments, step.options)
        assignment = self.workers.start(order)
        self._running[step.name] = assignment
        state = msgspec.structs.replace(
            self._state[step.name],
            status=StepStatus.RUNNING,
            attempt=self._state[step.name].attempt + 1,
            started_at=utc_now(),
            worker=assignment.worker,
        )
        self._record(state, [self._event("started", step.name, {"attempt": state.attempt})])

    def _turn(self) -> StepFailure | None:
        """Wait for the next word of the workers and act on it; return what ends the run."""
        for assignment, report in self.workers.reports(self._patience()):
            if self._running.get(assignment.order.step) is not assignment:
                continue
            if isinstance(report, Progress):
                self._note([self._event("progress", assignment.order.step, {"metrics": report.metrics})])
                continue
            failure = self._settle(assignment, report)
            if failure is not None:
                return failure
        return self._look_around()

    def _patience(self) -> float:
        moments = [assignment.deadline for assignment in self._running.values() if assignment.deadline is not None]
        moments += [retry.at for retry in self._waiting]
        soonest = min(moments, default=time.monotonic() + _TURN_S) - time.monotonic()
        return max(0.0, min(soonest, _TURN_S))

    def _look_around(self) -> StepFailure | None:
        """Kill what is over its time, tell what was printed, renew the claim, and see whether to stop."""
        now = time.monotonic()
        for name, assignment in list(self._running.items()):
            if assignment.deadline is not None and now > assignment.deadline:
                self.workers.kill(assignment)
                step = self._steps[name]
                failure = StepFailure(
                    code="step_timed_out",
                    message=f"Step {name} took longer than {step.options.timeout_s:g} s",
                    hint="Give it more with @step(timeout_s=…), or let it do less at once.",
                    place=step.place,
                )
                ended = self._settle(assignment, Died(failure))
                if ended is not None:
                    return ended
            elif text := assignment.log.fresh():
                self._note([self._event("output", name, {"text": text})])
        if now - self._renewed > RENEW_S:
            self._renewed = now
            self.claim.renew()
            if self._is_cancelled():
                return StepFailure(code="cancelled", message="The run was cancelled", final=True)
        return None

    def _settle(self, assignment: Assignment, report: Report | Died) -> StepFailure | None:
        name = assignment.order.step
        del self._running[name]
        if isinstance(report, Done):
            self._finish(name, assignment, report)
            return None
        assert isinstance(report, Failed | Died)  # noqa: S101 - progress was sorted out before
        step, failure = self._steps[name], report.failure
        attempt = self._state[name].attempt
        if attempt <= step.options.retries and not failure.final:
            wait_s = rules.retry_wait_s(step.options.retry_wait_s, attempt)
            self._waiting.append(_Retry(step, time.monotonic() + wait_s))
            state = msgspec.structs.replace(self._state[name], status=StepStatus.PENDING, failure=failure)
            self._record(state, [self._event("retrying", name, {"wait_s": wait_s, "message": failure.message})])
            return None
        self._fail(step, failure, assignment)
        return failure

    def _finish(self, name: str, assignment: Assignment, done: Done) -> None:
        state = msgspec.structs.replace(
            self._state[name],
            status=StepStatus.DONE,
            output=done.output,
            usage=done.usage,
            ended_at=utc_now(),
            failure=None,
            log=self._keep_log(assignment),
        )
        row = {
            "key": state.key,
            "output": done.output,
            "logged": done.logged,
            "run_id": self.run_id,
            "created_at": utc_now(),
        }
        facts = {"wall_s": done.usage.wall_s, "output": done.output.text}
        keep = [row] if self._steps[name].options.cache else []
        self._record(state, [self._event("done", name, facts)], logged=done.logged, cache=keep)
        self.known.outputs[name] = done.output

    def _fail(self, step: GraphStep, failure: StepFailure, assignment: Assignment | None = None) -> None:
        state = msgspec.structs.replace(
            self._state[step.name],
            status=StepStatus.FAILED,
            failure=failure,
            ended_at=utc_now(),
            log=self._keep_log(assignment) if assignment else None,
        )
        self._record(state, [self._event("failed", step.name, {"message": failure.message, "place": failure.place})])

    def _give_up(self) -> None:
        """Record that the steps which did not finish never will in this execution."""
        left = [
            msgspec.structs.replace(state, status=StepStatus.SKIPPED)
            for state in self._state.values()
            if state.status in {StepStatus.PENDING, StepStatus.RUNNING}
        ]
        self.ledger.write(self.actor, lambda tx: store.write_steps(tx, left))

    # What is recorded

    def _record(
        self,
        state: StepExecution,
        events: list[RunEvent],
        *,
        logged: Logged | None = None,
        cache: Iterable[dict[str, object]] = (),
    ) -> None:
        self._state[state.step] = state

        def work(tx: Transaction) -> None:
            self.claim.check(tx)
            if logged is not None:
                self.log(tx, self.run_id, logged)
            store.write_steps(tx, [state])
            store.write_cached(tx, cache)
            store.write_events(tx, events)
            if state.output is not None:
                for digest in objects_of(state.output):
                    tx.link(Ref("run", self.run_id), "produced", Ref("artifact", digest))

        self.ledger.write(self.actor, work)

    def _note(self, events: list[RunEvent]) -> None:
        def work(tx: Transaction) -> None:
            self.claim.check(tx)
            store.write_events(tx, events)

        self.ledger.write(self.actor, work)

    def _event(self, kind: str, step: str, body: dict[str, object]) -> RunEvent:
        self._seq += 1
        return RunEvent(run_id=self.run_id, seq=self._seq, at=utc_now(), kind=kind, step=step, body=body)

    def _keep_log(self, assignment: Assignment) -> Digest | None:
        content = assignment.log.content()
        return self.objects.put_bytes(content) if content else None

    def _is_there(self, output: StoredValue) -> bool:
        return all(self.objects.has(digest) for digest in objects_of(output))

    def _is_waiting(self, name: str) -> bool:
        return any(retry.step.name == name for retry in self._waiting)

    def _is_cancelled(self) -> bool:
        table = store.pipeline_runs.c
        with self.ledger.read() as connection:
            query = sa.select(table.cancel_at).where(table.run_id == self.run_id)
            return connection.execute(query).scalar_one() is not None


def objects_of(value: StoredValue) -> list[Digest]:
    """Return the objects that a stored value's bytes are in."""
    if value.items is not None:
        return [digest for item in value.items.values() for digest in objects_of(item)]
    return [value.object] if value.object is not None else []
