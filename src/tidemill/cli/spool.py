"""`tidemill spool …`: what was tracked while the server was away."""

import shutil
from dataclasses import replace
from pathlib import Path

import click

from tidemill.cli.output import common, done, settings, show
from tidemill.client.tracking.courier import Deliverer, deliver_claim
from tidemill.client.tracking.reach import Link
from tidemill.client.tracking.reading import Claim, SpoolState, claims, state_of
from tidemill.client.tracking.spool import Place, folders, spool_root
from tidemill.core.errors import NotFound
from tidemill.core.settings import InvalidSetting

_COLUMNS = ["id", "place", "is_written", "waiting", "refused", "damaged", "size_bytes", "runs"]


class SpoolNotFound(NotFound):
    """No spool has that id, or a process that lives is writing it."""

    code = "spool_not_found"


@click.group()
def spool() -> None:
    """See and send what runs recorded while their server was away."""


@spool.command("list")
@common
def list_() -> None:
    """List what waits on this machine, and what servers refused."""
    found = [state_of(folder) for folder in folders(_root())]
    show(found, columns=_COLUMNS, empty="Nothing waits here.")


@spool.command("show")
@click.argument("id_", metavar="ID")
@common
def show_(id_: str) -> None:
    """Show one spool: its runs, and why the server refused something."""
    for folder in folders(_root()):
        if folder.name == id_:
            show(state_of(folder))
            return
    raise _missing(id_)


@spool.command("push")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--refused", is_flag=True, help="Try again what the server refused.")
@click.option("--url", default="", help="Send it to this server instead of the one that it was for.")
@common
def push(ids: tuple[str, ...], refused: bool, url: str) -> None:  # noqa: FBT001 - a flag of the command line
    """Send what dead processes left; those that live send their own."""
    if url and not url.startswith(("http://", "https://")):
        raise click.BadParameter("Write http(s)://HOST.", param_hint="'--url'")
    chosen = settings()
    delivered = put_aside = 0
    for claim in _claimed(ids):
        link = Link(Place(url=url) if url else claim.place, replace(chosen, url=""))
        deliverer = Deliverer(link)
        try:
            if refused:
                _again(claim, deliverer)
            deliver_claim(claim, deliverer)
        finally:
            link.close()
        delivered, put_aside = delivered + deliverer.delivered, put_aside + deliverer.refused
    done(f"Sent {delivered} entries; {put_aside} were refused.", delivered=delivered, refused=put_aside)


@spool.command("drop")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def drop(ids: tuple[str, ...], yes: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Throw away what waits or was refused: it is lost then."""
    for claim in _claimed(ids):
        waiting = state_of(claim.reader.folder)
        try:
            if not yes:
                click.confirm(f"Lose {waiting.waiting + waiting.refused} entries of {_runs(waiting)}?", abort=True)
            shutil.rmtree(claim.reader.folder)
        finally:
            claim.release(is_done=False)
    done("Dropped.", ids=list(ids))


def _root() -> Path:
    """Return the folder of all spools, which nobody may have needed yet."""
    root = spool_root(settings().spool)
    if root.exists() and not root.is_dir():
        raise InvalidSetting("The place of spools is no folder", hint="Give TIDEMILL_SPOOL a folder.", where=str(root))
    return root


def _claimed(ids: tuple[str, ...]) -> list[Claim]:
    found = list(claims(_root(), only=ids))
    names = {claim.reader.folder.name for claim in found}
    if missing := [each for each in ids if each not in names]:
        for claim in found:
            claim.release(is_done=False)
        raise _missing(missing[0])
    return found


def _again(claim: Claim, deliverer: Deliverer) -> None:
    """Send what was refused; what is refused again is put aside again."""
    waiting = [each["entry"] for each in claim.reader.refused()]
    claim.reader.keep_refused(deliverer.resend(waiting, claim.reader.folder))


def _missing(id_: str) -> SpoolNotFound:
    return SpoolNotFound(
        f"There is no spool {id_} whose process has ended", hint="List them with `tidemill spool list`."
    )


def _runs(state: SpoolState) -> str:
    return f"run {state.runs[0]}" if len(state.runs) == 1 else f"{len(state.runs)} runs"
