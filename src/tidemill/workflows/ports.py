"""What a stage needs to state a durable chain: nothing here knows how it is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from tidemill.core.moments import Moment
from tidemill.workflows.records import Retry, ScheduleRecord, State, StepRecord, WorkflowRecord

P = ParamSpec("P")
T = TypeVar("T")


class Flow(Protocol):
    """The first argument of every workflow: each call is recorded once and never done again after a restart.

    Between its calls a workflow must be deterministic: no clock, no randomness, no reading of rows or files other
    than through `step`, because after a restart the function runs again from its top and its calls answer from
    the record.
    """

    @property
    def id(self) -> str:
        """The id of this workflow."""
        ...

    @property
    def step_key(self) -> str:
        """The name of the running step, or outside a step of the next one: the same on every run and every try.

        Give it to what the step changes (a row's key, an idempotency key of a request), and a step that is done
        twice because the process died before it was recorded changes things once.
        """
        ...

    def step(self, name: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the work returns, doing it at least once and recording it once.

        The value must be plain (what JSON holds), or the work must state its return type and that type be known to
        msgspec. An error of Tidemill is recorded too and raised again, typed, after a restart.

        Raises:
            StepFailed: If the work raised anything that is not an error of Tidemill.
            NotStorable: If its value cannot be read back as it was.
        """
        ...

    def retry(self, name: str, policy: Retry, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same as `step`, trying again as the policy says."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait until that long after this was first reached, however often the process restarts meanwhile."""
        ...

    def receive(self, topic: str, *, timeout_s: float | None = None) -> object:
        """Return the oldest message on the topic that was not received yet, or None when the time is over."""
        ...

    def now(self) -> Moment:
        """Return the moment at which this was first reached."""
        ...


Definition = Callable[..., object]
"""A workflow: `def canary(flow: Flow, spec: CanarySpec) -> CanaryResult`."""


class Workflows(Protocol):
    """Starts, steers and shows durable workflows."""

    def define(self, name: str, function: Definition, *, generation: int = 1) -> None:
        """Name a function as a workflow. All definitions come before `launch`.

        Args:
            name: The workflow's name, such as `delivery.canary`.
            function: Takes a flow and, if it has a second parameter, the input.
            generation: Raise it when the order or the names of the steps change, and keep the old function defined
                under its old generation as long as workflows of it may be pending.
        """
        ...

    def launch(self) -> None:
        """Begin to run, first of all what an earlier process left unfinished."""
        ...

    def close(self, *, grace_s: float = 10.0) -> None:
        """Stop at the next step boundary; what is unfinished continues at the next launch."""
        ...

    def start(self, name: str, *, id: str, input: object = None) -> None:  # noqa: A002 - the words of the domain
        """Start a workflow; nothing happens if one of that id was started before."""
        ...

    def send(self, id: str, topic: str, message: object = None, *, key: str = "") -> None:  # noqa: A002
        """Leave a message for a workflow, durably; a second one with the same key is dropped."""
        ...

    def cancel(self, id: str) -> None:  # noqa: A002
        """Stop a workflow at its next step boundary, for good. One that has ended stays as it is."""
        ...

    def status(self, id: str) -> WorkflowRecord:  # noqa: A002
        """Return a workflow as it stands."""
        ...

    def steps(self, id: str) -> tuple[StepRecord, ...]:  # noqa: A002
        """Return the recorded steps of a workflow in their order."""
        ...

    def result(self, id: str, *, timeout_s: float | None = None) -> object:  # noqa: A002
        """Wait for a workflow's end; return its value as plain data or raise its error."""
        ...

    def list(
        self, *, name: str = "", states: frozenset[State] | None = None, limit: int = 100
    ) -> tuple[WorkflowRecord, ...]:
        """Return workflows, newest first; ticks of schedules are among them."""
        ...

    def schedule(
        self,
        name: str,
        *,
        workflow: str = "",
        cron: str = "",
        every_s: float = 0.0,
        zone: str = "UTC",
        input: object = None,  # noqa: A002
    ) -> None:
        """Start a workflow at certain moments from now on, replacing the schedule of that name.

        A tick is left out while the one before it still runs; of the ticks missed while nothing ran, one is made up.

        Args:
            name: The schedule's name.
            workflow: The workflow to start; the schedule's own name when left out.
            cron: Five fields, or six with seconds first.
            every_s: Seconds between ticks, in place of `cron`; must divide a minute, an hour or a day evenly.
            zone: The IANA time zone of the cron fields.
            input: What each tick's workflow is given.
        """
        ...

    def unschedule(self, name: str) -> None:
        """Remove a schedule; nothing happens if there is none."""
        ...

    def schedules(self) -> tuple[ScheduleRecord, ...]:
        """Return the standing schedules by name."""
        ...

    def backup(self, target: Path) -> None:
        """Copy the database of the workflows to a new file while they run.

        In a backup of a workspace this comes before the copy of the ledger: a workflow that is older than the
        ledger does a keyed step again, which changes nothing; one that is newer would miss a step's effect.
        """
        ...
