"""`tidemill gc`."""

import click

from tidemill.app.records import Collection
from tidemill.app.trackers.records import Report
from tidemill.cli.drawing import Bar
from tidemill.cli.following import leaving
from tidemill.cli.output import client, common, counted, show, size, talk, wants_json
from tidemill.cli.waiting import waited
from tidemill.client import Client

_PATH = "/api/v1/gc"


@click.command("gc")
@click.option("--older-than", default="30d", show_default=True, help="How long things must have been in the trash.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@common
def gc(older_than: str, dry_run: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Remove for good what was in the trash for long, and bytes that nothing names any more."""
    word = "Where a server does it, it goes on; else the same command goes on."
    with client() as api, leaving(word):
        api.get(_PATH, Report)  # a question is refused where there is no workspace; the call below would make one
        made = _followed(api, {"older_than": older_than, "dry_run": dry_run})
    if wants_json():
        show(made)
    else:
        _tell(made)


def _followed(api: Client, body: dict[str, object]) -> Collection:
    """Collect, and draw how far it is until it is over."""
    bar = Bar({"metric points": "points"})
    return waited(bar, lambda: api.post(_PATH, Collection, body, is_long=True), lambda: api.get(_PATH, Report))


def _tell(made: Collection) -> None:
    things = [counted(count, what.removesuffix("s")) for what, count in made.removed.items() if count]
    things += [_objects(made.objects, made.size_bytes)] if made.objects else []
    would = "Would remove" if made.is_dry_run else "Removed"
    click.echo(f"{would} {', '.join(things) or 'nothing'}.")
    for kept in made.kept:
        talk(f"  {kept.subject} stays: {kept.reason}")
    if made.repacked:
        again = f"{counted(made.repacked, 'pack')} of which little is needed"
        word = "Would write" if made.is_dry_run else "Wrote"
        talk(f"  {word} {again} anew: {size(made.repacked_bytes)} of them go with a gc after a day.")
    if made.problem:
        talk(f"  Packs were not written anew: {made.problem}")
    if made.young_objects:
        young = _objects(made.young_objects, made.young_bytes)
        talk(f"  Too young to go, though nothing names them: {young}. A gc after a day removes them.")


def _objects(count: int, size_bytes: int) -> str:
    return f"{counted(count, 'object')} of {size(size_bytes)}"
