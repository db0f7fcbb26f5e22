"""`tidemill rollouts …`."""

import time

import click

from tidemill.cli.following import leaving
from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.client.client import Client, part
from tidemill.delivery.records import Rollout, RolloutState

_COLUMNS = ["id", "endpoint", "state", "share", "started_at", "ended_at", "reason"]
_LOOK_S = 0.5
_COLOURS = {
    RolloutState.RUNNING: "cyan",
    RolloutState.PROMOTED: "green",
    RolloutState.ROLLED_BACK: "red",
    RolloutState.SUPERSEDED: "yellow",
}


@click.group()
def rollouts() -> None:
    """Look at moves from one deployment to the next."""


@rollouts.command("list")
@click.option("--endpoint", default="", help="Only rollouts of this endpoint.")
@click.option("--limit", default=20, show_default=True, help="The most rollouts to show.")
@common
def list_(endpoint: str, limit: int) -> None:
    """List rollouts, newest first."""
    with client() as api:
        found = api.get("/api/v1/rollouts", list[Rollout], endpoint=endpoint, limit=limit)
        show(found, columns=_COLUMNS, empty="No rollouts yet. Begin one with `tidemill endpoints deploy`.")


@rollouts.command("show")
@click.argument("rollout_id")
@click.option("--follow", "follows", is_flag=True, help="Stay until it has ended.")
@common
def show_(rollout_id: str, follows: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Show a rollout with all that happened in it."""
    with client() as api:
        found = api.get(f"/api/v1/rollouts/{part(rollout_id)}", Rollout)
        told(follow(api, found) if follows else found)


def follow(api: Client, rollout: Rollout) -> Rollout:
    """Return a rollout when it has ended."""
    seen = 0
    with leaving(f"The rollout goes on: `tidemill rollouts show {rollout.id} --follow`."):
        while True:
            for event in rollout.events[seen:]:
                talk(f"  {event.at.astimezone():%H:%M:%S}  {event.message}")
            seen = len(rollout.events)
            if rollout.state is not RolloutState.RUNNING:
                return rollout
            time.sleep(_LOOK_S)
            rollout = api.get(f"/api/v1/rollouts/{part(rollout.id)}", Rollout)


def told(rollout: Rollout) -> None:
    """Show a rollout to a person, or as JSON."""
    if wants_json():
        show(rollout)
        return
    state = click.style(rollout.state.value.replace("_", " ").upper(), fg=_COLOURS[rollout.state], bold=True)
    click.echo(f"{rollout.endpoint}  {state}  rollout {rollout.id}")
    click.echo(f"  {rollout.before or 'nothing'} -> {rollout.after}, now {rollout.share:.1%} of the traffic")
    for event in rollout.events:
        click.echo(f"  {event.at.astimezone():%Y-%m-%d %H:%M:%S}  {event.kind:<11} {event.message}")
        for word, facts in event.facts.items():
            if isinstance(facts, dict):
                click.echo(f"{'':24}{word}: {_measure(facts)}")


def _measure(facts: dict[str, object]) -> str:
    return (
        f"canary {_number(facts.get('canary'))} on {facts.get('canary_count')}, stable "
        f"{_number(facts.get('stable'))} on {facts.get('stable_count')}, difference {_number(facts.get('low'))} to "
        f"{_number(facts.get('high'))}; evidence that it is worse {_number(facts.get('evidence_worse'))} of "
        f"{_number(facts.get('needed'))} needed"
    )


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"
