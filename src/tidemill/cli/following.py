"""Tells what a run of a pipeline does while it does it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import click

from tidemill.cli.output import FAILED, fail_with, show, talk, wants_json
from tidemill.client import Client
from tidemill.client.client import part
from tidemill.core.errors import Conflict
from tidemill.pipelines.records import PipelineRun, PipelineStatus, RunEvent, StepFailure

_LOOK_S = 0.1
_CANCEL_S = 10.0
_PAGE = 500
_OPEN = {PipelineStatus.PENDING, PipelineStatus.RUNNING}
_COLOURS = {"done": "green", "cached": "cyan", "failed": "red", "retrying": "yellow"}


@contextmanager
def leaving(word: str) -> Iterator[None]:
    """Say how to find what was followed when Ctrl-C ends the looking."""
    try:
        yield
    except KeyboardInterrupt:
        talk(f"\nNot followed any more. {word}")
        raise


def follow(api: Client, run_id: str, *, after: int = 0) -> None:
    """Write a line a step until a run is over; exit 1 when it failed or was cancelled.

    Args:
        api: Where the run is.
        run_id: The run.
        after: The last event that is known already.
    """
    with _attended(api, run_id):
        found = _watched(api, f"/api/v1/pipelines/runs/{part(run_id)}", _Teller(after))
    if wants_json():
        show(found)
    else:
        click.echo(found.run_id)
    if found.failure is not None:
        print_failure(found.failure)
    if found.status is PipelineStatus.DONE:
        talk(f"done in {_seconds(found.created_at, found.ended_at)}", bold=True)
    else:
        talk(f"{found.status.value}; go on with `tidemill pipelines resume {run_id}`", bold=True)
        fail_with(FAILED)


@contextmanager
def _attended(api: Client, run_id: str) -> Iterator[None]:
    """Let Ctrl-C end the looking; where the run cannot outlive this process, end the run with it."""
    if not api.is_embedded:
        word = f"`tidemill pipelines show {run_id}` says how it goes, `tidemill pipelines cancel {run_id}` ends it."
        with leaving(word):
            yield
        return
    try:
        yield
    except KeyboardInterrupt:
        talk(f"\nCancelling {run_id} …")
        with suppress(Conflict):
            _cancel(api, run_id)
        talk(f"Go on with `tidemill pipelines resume {run_id}`.")
        raise


def _cancel(api: Client, run_id: str) -> None:
    """End a run, and wait until it is written down that it has ended."""
    path = f"/api/v1/pipelines/runs/{part(run_id)}"
    found = api.post(f"{path}/cancel", PipelineRun)
    deadline = time.monotonic() + _CANCEL_S
    while found.status in _OPEN and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        found = api.get(path, PipelineRun)


def _watched(api: Client, path: str, told: "_Teller") -> PipelineRun:
    """Tell the events of a run as they come, and return the run once it is over."""
    while True:
        found = api.get(path, PipelineRun)
        while events := api.get(f"{path}/events", list[RunEvent], after=told.seq, limit=_PAGE):
            told.tell(events)
        if found.status not in _OPEN:
            return found
        time.sleep(_LOOK_S)


def print_failure(failure: StepFailure) -> None:
    """Write why a run failed, where, and the frames of the project's code."""
    click.secho(f"error [{failure.code}]: ", fg="red", bold=True, nl=False, err=True)
    click.echo(failure.message + (f" ({failure.place})" if failure.place else ""), err=True)
    if failure.traceback:
        click.echo(failure.traceback.rstrip("\n"), err=True)
    if failure.hint:
        click.secho("  hint: ", fg="cyan", nl=False, err=True)
        click.echo(failure.hint, err=True)


class _Teller:
    """Turns events into lines."""

    def __init__(self, after: int) -> None:
        self.seq = after
        self._started: dict[str, datetime] = {}

    def tell(self, events: list[RunEvent]) -> None:
        for event in events:
            self.seq = event.seq
            if event.kind == "started":
                self._started[event.step] = event.at
            elif event.kind in _COLOURS:
                word = click.style(event.kind.ljust(8), fg=_COLOURS[event.kind])
                said = f"  {event.body['message']}" if event.body.get("message") else ""
                seconds = "" if event.kind == "cached" else _seconds(self._started.get(event.step), event.at)
                talk(f"  {word}  {seconds.rjust(9)}  {event.step}{said}")


def _seconds(start: datetime | None, end: datetime | None) -> str:
    return f"{(end - start).total_seconds():.2f} s" if start and end else ""
