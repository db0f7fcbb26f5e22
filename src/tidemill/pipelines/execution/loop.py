"""The heart of a run: take what is ready, use what is known, give the rest to workers, write down what comes back."""

import heapq
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.errors import TidemillError
from tidemill.core.moments import utc_now
from tidemill.pipelines import rules
from tidemill.pipelines.arguments import Known, digests_of
from tidemill.pipelines.claims import RENEW_S
from tidemill.pipelines.execution.artifacts import log_artifact, output_artifacts
from tidemill.pipelines.execution.journal import GATHER_S, Journal, Outcome
from tidemill.pipelines.execution.workers import Assignment, Workers
from tidemill.pipelines.records import (
    Graph,
    GraphStep,
    LoggedArtifact,
    StepExecution,
    StepFailure,
    StepStatus,
    StoredValue,
    Usage,
)
from tidemill.pipelines.store import CachedResult
from tidemill.pipelines.worker.messages import Done, Execute, Failed, Given, Progress

_TICK_S = 0.5
_LOG_EVERY_S = 0.5
_LOOK_FOR_ROOM_S = 0.05
_MOST_LOG_EVENTS = 200


class RunStopped(BaseException):
    """Leaves a run as it is recorded, because this process ends; the next one goes on with it."""


@dataclass(slots=True)
class Work:
    """What a run is to do.

    Args:
        graph: The pipeline.
        known: The dataset versions, and the results of steps that an earlier try finished.
        steps: The row of each step.
        cores: How many cores the steps may take together.
        cached: Looks results up by their keys.
        workers: Makes the workers when the first step needs one.
        cancelled: Whether somebody asked to end the run.
        stopping: Whether this process ends, so that the run is to be left as it is.
    """

    graph: Graph
    known: Known
    steps: dict[str, StepExecution]
    cores: float
    cached: Callable[[Sequence[Digest]], Mapping[Digest, CachedResult]]
    workers: Callable[[], Workers]
    cancelled: Callable[[], bool]
    stopping: Callable[[], bool]


@dataclass(slots=True)
class _Attempt:
    step: GraphStep
    key: Digest
    inputs: dict[str, str]
    given: dict[str, Given]
    number: int = 1
    cores: float = 1.0
    log_events: int = 0
    log_told_at: float = 0.0


@dataclass(slots=True)
class RunLoop:
    """Does one run.

    Args:
        work: What to do.
        journal: Where it is written down.
    """

    work: Work
    journal: Journal
    failure: StepFailure | None = None
    was_cancelled: bool = False
    _steps: dict[str, GraphStep] = field(default_factory=dict)
    _waiting: dict[str, set[str]] = field(default_factory=dict)
    _dependents: dict[str, list[str]] = field(default_factory=dict)
    _ready: deque[str] = field(default_factory=deque)
    _queue: deque[_Attempt] = field(default_factory=deque)
    _later: list[tuple[float, int, _Attempt]] = field(default_factory=list)
    _running: dict[Assignment, _Attempt] = field(default_factory=dict)
    _by_key: dict[Digest, list[_Attempt]] = field(default_factory=dict)
    _fixed: dict[str, Digest] = field(default_factory=dict)
    _free_cores: float = 0.0
    _renewed_at: float = 0.0
    _pool: Workers | None = None
    _count: int = 0

    def run(self) -> None:
        """Bring every step to its end, or to none where something failed; the journal is not finished.

        Raises:
            ClaimLost: If another process took the run over.
            RunStopped: If this process ends.
        """
        self._prepare()
        while True:
            self._settle_ready()
            self._start_queued()
            if not (self._running or self._queue or self._later):
                break
            self._pump()
            if self.work.stopping():
                raise RunStopped
            self._listen()
            if not self.was_cancelled and self.work.cancelled():
                self._cancel()
        self._skip_rest()

    def _prepare(self) -> None:
        self._free_cores = self.work.cores
        self._renewed_at = time.monotonic()
        for step in self.work.graph.steps:
            self._steps[step.name] = step
            if step.name in self.work.known.outputs:
                continue
            needs = rules.step_needs(step)
            open_needs = {name for name in needs if name not in self.work.known.outputs}
            self._waiting[step.name] = open_needs
            for name in open_needs:
                self._dependents.setdefault(name, []).append(step.name)
            if not open_needs:
                self._ready.append(step.name)

    def _settle_ready(self) -> None:
        """Use earlier results where there are some, and queue what has to be done."""
        while self._ready and self.failure is None and not self.was_cancelled:
            attempts = [attempt for step in self._ready if (attempt := self._attempt(self._steps[step])) is not None]
            self._ready.clear()
            found = self.work.cached([attempt.key for attempt in attempts if attempt.step.options.cache])
            for attempt in attempts:
                if not attempt.step.options.cache:
                    self._queue.append(attempt)
                elif attempt.key in self._by_key:
                    self._by_key[attempt.key].append(attempt)
                elif attempt.key in found:
                    self._use(attempt, found[attempt.key])
                else:
                    self._by_key[attempt.key] = []
                    self._queue.append(attempt)

    def _attempt(self, step: GraphStep) -> _Attempt | None:
        """Return the first attempt of a step whose inputs are known; None if it cannot be given them."""
        try:
            given = self.work.known.arguments(step)
        except TidemillError as error:
            self._give_up(step, _refusal(step, error))
            return None
        inputs = digests_of(given)
        fixed = self._fixed.get(step.function) or self._fixed.setdefault(step.function, rules.fixed_part(step))
        cores = min(step.options.resources.get("cpu", 1.0), self.work.cores)
        return _Attempt(step, rules.cache_key(fixed, inputs), inputs, given, cores=cores)

    def _start_queued(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._queue.append(heapq.heappop(self._later)[2])
        for _ in range(len(self._queue)):
            if self._pool is None:
                self._pool = self.work.workers()
            if not self._pool.has_room():
                return
            attempt = self._queue.popleft()
            if attempt.cores > self._free_cores:
                self._queue.append(attempt)
                continue
            self._start(self._pool, attempt)
        if self._pool is not None:
            self._pool.none_waits()

    def _start(self, pool: Workers, attempt: _Attempt) -> None:
        step = attempt.step
        begun = utc_now()
        assignment = pool.start(Execute(step.name, step.function, attempt.given, step.options))
        self._running[assignment] = attempt
        self._free_cores -= attempt.cores
        row = msgspec.structs.replace(
            self.work.steps[step.name],
            status=StepStatus.RUNNING,
            key=attempt.key,
            inputs=attempt.inputs,
            attempt=attempt.number,
            started_at=begun,
            ended_at=None,
            worker=assignment.worker,
            failure=None,
        )
        self.work.steps[step.name] = row
        self.journal.start(row)
        self.journal.tell("started", step.name, attempt=attempt.number, worker=assignment.worker)

    def _pump(self) -> None:
        now = time.monotonic()
        renew = now - self._renewed_at > RENEW_S
        if renew:
            self._renewed_at = now
        self.journal.pump(renew=renew)

    def _listen(self) -> None:
        if self._pool is None:
            return
        for assignment, report in self._pool.reports(self._running.keys(), self._patience()):
            if assignment not in self._running:
                continue
            if isinstance(report, Progress):
                self.journal.tell("progress", assignment.order.step, metrics=report.metrics)
                continue
            attempt = self._running[assignment]
            self._release(assignment)
            if isinstance(report, Done):
                self._finish(attempt, assignment, report)
            else:
                usage = report.usage if isinstance(report, Failed) else Usage()
                self._fail(attempt, assignment, report.failure, usage)
        self._end_late(self._pool)
        for assignment, attempt in self._running.items():
            self._tell_output(attempt, assignment)

    def _patience(self) -> float:
        """Return how long to wait for news before something is due by itself."""
        now = time.monotonic()
        due = [assignment.deadline for assignment in self._running if assignment.deadline is not None]
        due += [self._later[0][0]] if self._later else []
        due += [now + GATHER_S] if self.journal.has_news() else []
        due += [now + _LOOK_FOR_ROOM_S] if self._queue else []
        return max(0.0, min([_TICK_S, *(moment - now for moment in due)]))

    def _end_late(self, pool: Workers) -> None:
        now = time.monotonic()
        for assignment, attempt in list(self._running.items()):
            if assignment.deadline is None or assignment.deadline > now:
                continue
            pool.kill(assignment)
            self._release(assignment)
            limit = attempt.step.options.timeout_s or 0.0
            failure = StepFailure(
                code="step_timed_out",
                message=f"Step {attempt.step.name} took longer than {limit:g} s and was ended",
                hint="Raise timeout_s, or make the step do less.",
                place=attempt.step.place,
            )
            self._fail(attempt, assignment, failure, Usage(wall_s=limit))

    def _release(self, assignment: Assignment) -> None:
        attempt = self._running.pop(assignment)
        self._free_cores += attempt.cores

    def _finish(self, attempt: _Attempt, assignment: Assignment, done: Done) -> None:
        objects = self.work.known.objects
        artifacts = output_artifacts(attempt.step.name, done.output, objects)
        log = self._store_log(attempt, assignment)
        row = self._ended(attempt, StepStatus.DONE, usage=done.usage, output=done.output, log=log)
        self.journal.tell(
            "done", attempt.step.name, wall_s=done.usage.wall_s, output=done.output.text, attempt=attempt.number
        )
        keep = attempt.step.options.cache
        files = (*artifacts, log) if log is not None else tuple(artifacts)
        self.journal.end(Outcome(execution=row, logged=done.logged, artifacts=files, keep=keep))
        self._release_dependents(attempt.step.name, done.output)
        found = CachedResult(output=done.output, logged=done.logged, run_id=self.journal.run_id)
        for waiting in self._by_key.pop(attempt.key, []):
            self._use(waiting, found)

    def _use(self, attempt: _Attempt, found: CachedResult) -> None:
        """End a step with a result that was there."""
        now = utc_now()
        row = msgspec.structs.replace(
            self.work.steps[attempt.step.name],
            status=StepStatus.CACHED,
            key=attempt.key,
            inputs=attempt.inputs,
            output=found.output,
            cached_from=found.run_id,
            started_at=now,
            ended_at=now,
            failure=None,
        )
        self.work.steps[attempt.step.name] = row
        artifacts = output_artifacts(attempt.step.name, found.output, self.work.known.objects)
        self.journal.tell("cached", attempt.step.name, run_id=found.run_id)
        self.journal.end(Outcome(execution=row, logged=found.logged, artifacts=tuple(artifacts)))
        self._release_dependents(attempt.step.name, found.output)

    def _release_dependents(self, name: str, output: StoredValue) -> None:
        self.work.known.outputs[name] = output
        self._waiting.pop(name, None)
        for dependent in self._dependents.pop(name, []):
            open_needs = self._waiting[dependent]
            open_needs.discard(name)
            if not open_needs:
                self._ready.append(dependent)

    def _fail(self, attempt: _Attempt, assignment: Assignment, failure: StepFailure, usage: Usage) -> None:
        step = attempt.step
        if attempt.number <= step.options.retries and not failure.final and not self.was_cancelled:
            wait_s = rules.retry_wait_s(step.options.retry_wait_s, attempt.number)
            self.journal.tell(
                "retrying",
                step.name,
                attempt=attempt.number,
                code=failure.code,
                message=failure.message,
                place=failure.place,
                wait_s=wait_s,
            )
            attempt.number += 1
            self._count += 1
            heapq.heappush(self._later, (time.monotonic() + wait_s, self._count, attempt))
            return
        log = self._store_log(attempt, assignment)
        row = self._ended(attempt, StepStatus.FAILED, usage=usage, log=log, failure=failure)
        self.journal.end(Outcome(execution=row, artifacts=(log,) if log is not None else ()))
        self._note_failure(step, failure)

    def _give_up(self, step: GraphStep, failure: StepFailure) -> None:
        """End a step that could not even start."""
        row = msgspec.structs.replace(
            self.work.steps[step.name], status=StepStatus.FAILED, ended_at=utc_now(), failure=failure
        )
        self.work.steps[step.name] = row
        self.journal.end(Outcome(execution=row))
        self._note_failure(step, failure)

    def _note_failure(self, step: GraphStep, failure: StepFailure) -> None:
        self.journal.tell("failed", step.name, code=failure.code, message=failure.message, place=failure.place)
        self._waiting.pop(step.name, None)
        if self.failure is None:
            message = f"Step {step.name} failed: {failure.message}"
            self.failure = msgspec.structs.replace(failure, message=message)
        self._queue.clear()
        self._later.clear()

    def _cancel(self) -> None:
        self.was_cancelled = True
        for assignment, attempt in list(self._running.items()):
            if self._pool is not None:
                self._pool.kill(assignment)
            self._release(assignment)
            log = self._store_log(attempt, assignment)
            row = self._ended(attempt, StepStatus.SKIPPED, usage=Usage(), log=log)
            self.journal.end(Outcome(execution=row, artifacts=(log,) if log is not None else ()))
        self._queue.clear()
        self._later.clear()

    def _skip_rest(self) -> None:
        for name, row in self.work.steps.items():
            if row.status in {StepStatus.PENDING, StepStatus.RUNNING}:
                self.work.steps[name] = msgspec.structs.replace(row, status=StepStatus.SKIPPED)
                self.journal.end(Outcome(execution=self.work.steps[name]))

    def _ended(
        self,
        attempt: _Attempt,
        status: StepStatus,
        *,
        usage: Usage,
        output: StoredValue | None = None,
        log: LoggedArtifact | None = None,
        failure: StepFailure | None = None,
    ) -> StepExecution:
        row = msgspec.structs.replace(
            self.work.steps[attempt.step.name],
            status=status,
            ended_at=utc_now(),
            usage=usage,
            output=output,
            log=log.digest if log is not None else None,
            failure=failure,
        )
        self.work.steps[attempt.step.name] = row
        return row

    def _store_log(self, attempt: _Attempt, assignment: Assignment) -> LoggedArtifact | None:
        if assignment.log.size == 0:
            return None
        attempt.log_told_at = 0.0
        self._tell_output(attempt, assignment)
        return log_artifact(attempt.step.name, assignment.log.content(), self.work.known.objects)

    def _tell_output(self, attempt: _Attempt, assignment: Assignment) -> None:
        now = time.monotonic()
        if now - attempt.log_told_at < _LOG_EVERY_S or attempt.log_events >= _MOST_LOG_EVENTS:
            return
        text = assignment.log.fresh()
        if text:
            attempt.log_told_at = now
            attempt.log_events += 1
            self.journal.tell("output", attempt.step.name, text=text)


def _refusal(step: GraphStep, error: TidemillError) -> StepFailure:
    return StepFailure(
        code=error.code, message=error.message, hint=error.hint, place=error.where or step.place, final=True
    )
