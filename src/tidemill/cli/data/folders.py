"""`tidemill data …`: the files of versions on disk."""

import shlex

import click

from tidemill.cli.data.underway import underway, works
from tidemill.cli.data.versions import absolute
from tidemill.cli.drawing import Bar
from tidemill.cli.output import client, common, show, size, talk, wants_json
from tidemill.cli.waiting import waited
from tidemill.client.client import part
from tidemill.data.folders import CheckoutReport, FolderStatus, Underway, VerifyReport

_VERSIONS = "/api/v1/dataset-versions"
_MOST_LINES = 20


@click.command("status")
@click.argument("ref")
@click.option("--source", default="", help="What to compare with; where the version came from when left out.")
@common
def status(ref: str, source: str) -> None:
    """Show how the source of REF differs from it now; exit code 1 when it does."""
    with client() as api:
        found = api.get(f"{_VERSIONS}/{part(ref)}/status", FolderStatus, source=source and absolute(source))
    if wants_json():
        show(found)
    else:
        _tell(found)
    if not found.is_unchanged:
        raise SystemExit(1)


def _tell(found: FolderStatus) -> None:
    if found.is_unchanged:
        click.echo(f"{found.source} holds what {found.ref} does: {_counted(found.files, 'file')}.")
        return
    for word in ("added", "changed", "removed"):
        paths: tuple[str, ...] = getattr(found, word)
        for path in paths[:_MOST_LINES]:
            click.echo(f"{word:8} {path!r}" if "\n" in path else f"{word:8} {path}")
        if (more := found.counts[word] - _MOST_LINES) > 0:
            click.echo(f"{word:8} … and {more:,} more")
    counts = ", ".join(f"{found.counts[word]:,} {word}" for word in ("added", "changed", "removed"))
    talk(f"{found.source} differs from {found.ref}: {counts}.")
    talk(f"Keep it as the next version: tidemill data add {found.ref.partition('@')[0]} {shlex.quote(found.source)}")


@click.command("checkout")
@click.argument("ref")
@click.argument("target", default="")
@click.option("--link", is_flag=True, help="Let a large file be a read-only second name of its stored bytes.")
@click.option("--force", is_flag=True, help="Overwrite files that were changed, or that no checkout wrote.")
@common
def checkout(ref: str, target: str, *, link: bool, force: bool) -> None:
    """Write REF to TARGET: a folder, or for a table also a .csv or .parquet file; by default where it came from."""
    body = {"target": absolute(target) if target else "", "link": link, "force": force}
    with client() as api:
        path = f"{_VERSIONS}/{part(ref)}/checkout"
        done = waited(Bar({}), lambda: api.post(path, CheckoutReport, body, is_long=True), lambda: underway(api, ref))
    if wants_json():
        show(done)
        return
    click.echo(done.target)
    facts = f"{_counted(done.written, 'file')} written ({size(done.bytes_written)})"
    talk(f"{done.ref}: {facts}, {done.kept:,} there already, {done.removed:,} removed.")


@click.command("verify")
@click.argument("ref")
@common
def verify(ref: str) -> None:
    """Read every stored byte of REF; exit code 1 when something is damaged, with the files that are."""
    with client() as api:
        path = f"{_VERSIONS}/{part(ref)}/verify"
        found = waited(Bar({}), lambda: api.post(path, VerifyReport, is_long=True), lambda: underway(api, ref))
    if wants_json():
        show(found)
    elif found.is_sound:
        click.echo(f"{found.ref} is sound: {_counted(found.files, 'file')}, {size(found.size_bytes)}.")
    else:
        for each in found.damaged:
            click.echo(f"{each.path}: {each.problem}")
        talk(f"{found.ref}: {_counted(len(found.damaged), 'damaged file')} of {found.files:,}.")
        talk(f"Where a remote has it, take it anew: tidemill data pull {found.ref} --repair")
    if not found.is_sound:
        raise SystemExit(1)


@click.command("progress")
@click.argument("name", default="")
@common
def progress(name: str) -> None:
    """Show how far the addition, checkout or verification of a dataset is, or of every one that is under way."""
    with client() as api:
        found = underway(api, name) if name else works(api)
    if isinstance(found, Underway) and (wants_json() or found.doing):
        show(found, columns=["doing", "done", "total"])
    elif not isinstance(found, Underway) and (wants_json() or found):
        show(found, columns=["dataset", "doing", "done", "total"])
    else:
        talk(f"Nothing is under way for {name}." if name else "Nothing is under way.")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
