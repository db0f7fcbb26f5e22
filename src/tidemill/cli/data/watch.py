"""`tidemill data watch`: files that arrive in a folder become versions, one after another."""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import click

from tidemill.cli.data.reading import reading
from tidemill.cli.data.versions import absolute
from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.client.client import Client, part
from tidemill.core.errors import Conflict, NotFound, TidemillError, Unavailable
from tidemill.core.moments import utc_now
from tidemill.data.records import DatasetVersion, SourceFile
from tidemill.data.sources.arrivals import Arrival, Arrivals


@click.command("watch")
@click.argument("name")
@click.argument("place", metavar="FOLDER-OR-PATTERN")
@reading
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="Seconds between looks."
)
@click.option(
    "--settle",
    type=click.FloatRange(min=0.0),
    default=5.0,
    show_default=True,
    help="Seconds that a file has not been written for when it counts as complete.",
)
@click.option("--together", is_flag=True, help="Make one version of all files that a look finds, not one of each.")
@click.option("--once", is_flag=True, help="Take what is complete now, and end.")
@common
def watch(
    name: str, place: str, *, order: dict[str, object], interval: float, settle: float, together: bool, once: bool
) -> None:
    """Append each new file of a folder or quoted pattern to NAME as it arrives, until it is stopped.

    What was taken is known from the dataset itself, so it may be stopped and started at any time.
    """
    arrivals = Arrivals(absolute(place), timedelta(seconds=settle))
    watching = _Watching(name, arrivals, order, together=together)
    if not once:
        talk(f"Watching {place}; Ctrl-C ends it.")
    if not any(sign in place for sign in "*?[") and not Path(place).expanduser().exists():
        talk(f"There is no folder {place}{' yet' if not once else ''}.")
    try:
        watching.look()
        while not once:
            time.sleep(interval)
            watching.look()
    except KeyboardInterrupt:
        talk(f"Took {watching.taken} {'file' if watching.taken == 1 else 'files'}.")


class _Watching:
    """One folder and the dataset that grows by it."""

    def __init__(self, name: str, arrivals: Arrivals, order: dict[str, object], *, together: bool) -> None:
        self._name = name
        self._together = together
        self._arrivals = arrivals
        self._order = order
        self._told: dict[str, Arrival] = {}
        self.taken = 0

    def look(self) -> None:
        """Take what is complete, and say what cannot be taken."""
        try:
            with client() as api:
                found = self._arrivals.look(utc_now(), self._held(api))
                new = [each for each in found.complete if self._told.get(str(each.path)) != each]
                for lot in [new] if self._together and new else [[each] for each in new]:
                    self._take(api, lot)
        except (Unavailable, Conflict) as error:  # no server, or another process works in the folder
            talk(f"Not now: {error}")
            return
        for arrival in found.changed:
            self._tell_once(arrival, "was taken before and has changed since; what was taken stays as it was.")

    def _held(self, api: Client) -> dict[str, SourceFile]:
        try:
            latest = api.get(f"/api/v1/dataset-versions/{part(self._name)}", DatasetVersion)
        except NotFound:
            return {}
        return {each.source.name: each.source for each in latest.parts}

    def _take(self, api: Client, lot: Sequence[Arrival]) -> None:
        paths = [str(arrival.path) for arrival in lot]
        body = self._order | {"source": paths if len(paths) > 1 else paths[0], "append": True}
        try:
            made = api.post(f"/api/v1/datasets/{part(self._name)}/versions", DatasetVersion, body)
        except Conflict as error:  # it changed while it was read, or somebody else was faster: the next look sees
            talk(f"{_called(lot)}: {error.message}. It is tried again.")
        except Unavailable:
            raise
        except TidemillError as error:
            if len(lot) > 1:  # one of them is at fault: the others are taken without it
                for arrival in lot:
                    self._take(api, [arrival])
            else:
                self._tell_once(lot[0], str(error))
        else:
            if made.created:
                self.taken += len(lot)
                self._say(made, lot)
            for arrival in lot if not made.created else ():
                self._tell_once(arrival, "holds what the dataset has already.")

    def _say(self, made: DatasetVersion, lot: Sequence[Arrival]) -> None:
        if wants_json():
            sources = (
                {"source": str(lot[0].path)} if not self._together else {"sources": [str(each.path) for each in lot]}
            )
            show({"ref": made.ref, **sources, "rows": made.rows, "quarantined": made.quarantined})
        else:
            click.echo(made.ref)
            talk(f"{made.ref}: {_called(lot)}, now {made.rows:,} rows, {made.quarantined:,} put aside.")

    def _tell_once(self, arrival: Arrival, text: str) -> None:
        if self._told.get(str(arrival.path)) != arrival:
            self._told[str(arrival.path)] = arrival
            talk(f"{arrival.path}: {text}")


def _called(lot: Sequence[Arrival]) -> str:
    return str(lot[0].path) if len(lot) == 1 else f"{len(lot)} files, {lot[0].path} to {lot[-1].path.name}"
