"""`tidemill data remote …`, `push`, `pull` and `transfers`."""

import os

import click

from tidemill.app.trackers.records import Transfer
from tidemill.cli.drawing import Bar
from tidemill.cli.output import client, common, done, show, wants_json
from tidemill.cli.transfers import follow_transfer, tell_report
from tidemill.client import Client
from tidemill.client.client import part
from tidemill.data.sharing.records import Remote, SharedDataset

_VERSIONS = "/api/v1/dataset-versions"
_TRANSFERS = "/api/v1/dataset-transfers"
_REMOTES = ["name", "uri", "creates_once", "compares", "single_writer", "added_at", "added_by"]
_COLUMNS = ["id", "direction", "of", "place", "status", "started_at", "ended_at"]


@click.group("remote")
def remote() -> None:
    """Places that several workspaces reach: buckets of S3, Google Cloud and Azure, and shared folders."""


@remote.command("add")
@click.argument("name")
@click.argument("uri")
@click.option(
    "--single-writer", is_flag=True, help="Nobody else ever pushes there, so that it need not be safe for two."
)
@common
def add(name: str, uri: str, *, single_writer: bool) -> None:
    """Remember s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or a folder as NAME.

    It is asked at once whether it honours conditional writes; one that does not is refused. Credentials come from the
    environment of the server, and are not kept.
    """
    body = {"uri": _address(uri), "single_writer": single_writer}
    with client() as api:
        found = api.post(f"/api/v1/remotes/{part(name)}", Remote, body)
    show(found, columns=_REMOTES)


@remote.command("list")
@common
def list_() -> None:
    """List the places that are remembered."""
    with client() as api:
        show(api.get("/api/v1/remotes", list[Remote]), columns=_REMOTES, empty="No remote is remembered.")


@remote.command("show")
@click.argument("name")
@common
def show_(name: str) -> None:
    """List the datasets at a place, with the numbers of their versions and their tags."""
    with client() as api:
        found = api.get(f"/api/v1/remotes/{part(name)}/datasets", list[SharedDataset])
    show(found, columns=["name", "numbers", "tags"], empty="Nothing was pushed there yet.")


@remote.command("remove")
@click.argument("name")
@common
def remove(name: str) -> None:
    """Forget a place; nothing there is touched."""
    with client() as api:
        api.delete(f"/api/v1/remotes/{part(name)}", type(None))
    done(f"forgot {name}")


@remote.command("remove-version")
@click.argument("name")
@click.argument("ref")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def remove_version(name: str, ref: str, *, yes: bool) -> None:
    """Remove the version REF at the place NAME, with what no other version there needs.

    Nothing here is touched. Give the same command again to go on after an interruption.
    """
    if not yes:
        click.confirm(f"Remove {ref} at {name}, for everybody?", abort=True, err=True)
    with client() as api:
        begun = api.delete(f"/api/v1/remotes/{part(name)}/versions/{part(ref)}", Transfer)
        _follow(api, begun, unit="objects")


@remote.command("sweep")
@click.argument("name")
@click.option("--older-than", default="7d", show_default=True, help="How long it must not have been written.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@common
def sweep(name: str, *, older_than: str, dry_run: bool) -> None:
    """Remove at the place NAME what pushes left there that were never finished.

    What a version there needs stays. Pushes and sweeps keep out of one another's way.
    """
    with client() as api:
        body = {"older_than": older_than, "dry_run": dry_run}
        _follow(api, api.post(f"/api/v1/remotes/{part(name)}/sweep", Transfer, body), unit="objects")


@click.command("push")
@click.argument("ref")
@click.option("--to", "there", default="", metavar="REMOTE", help="Where to; may be left out when there is one remote.")
@common
def push(ref: str, *, there: str) -> None:
    """Bring a version to a remote; only what is lacking there is moved.

    Give the same command again to go on after an interruption.
    """
    with client() as api:
        _follow(api, api.post(f"{_VERSIONS}/{part(ref)}/push", Transfer, {"remote": there}))


@click.command("pull")
@click.argument("ref")
@click.option("--from", "there", default="", metavar="REMOTE", help="Where from; may be left out when there is one.")
@click.option("--as", "name", default="", metavar="NAME", help="How the dataset is called here.")
@click.option("--repair", is_flag=True, help="Read what is here first, and take anew what of it is damaged.")
@common
def pull(ref: str, *, there: str, name: str, repair: bool) -> None:
    """Take a version from a remote, such as flights@3 or flights for the latest; only what is lacking is moved.

    Give the same command again to go on after an interruption.
    """
    with client() as api:
        body = {"remote": there, "name": name, "repair": repair}
        _follow(api, api.post(f"{_VERSIONS}/{part(ref)}/pull", Transfer, body))


@click.command("transfers")
@click.argument("transfer_id", metavar="[ID]", required=False)
@click.option("--cancel", is_flag=True, help="End it; what it moved is kept.")
@common
def transfers(transfer_id: str | None, *, cancel: bool) -> None:
    """List the last pushes, pulls, removals and sweeps, or show how far one is."""
    with client() as api:
        if transfer_id is None:
            found = api.get(_TRANSFERS, list[Transfer])
            show(found, columns=_COLUMNS, empty="Nothing was pushed or pulled.")
            return
        path = f"{_TRANSFERS}/{part(transfer_id)}"
        one = api.post(f"{path}/cancel", Transfer) if cancel else api.get(path, Transfer)
    show(one) if wants_json() else show(one, columns=_COLUMNS)
    if not wants_json():
        tell_report(one.report)


def _follow(api: Client, transfer: Transfer, unit: str = "bytes") -> None:
    command = f"tidemill data transfers {transfer.id}"
    word = f"`{command}` says how it goes, `{command} --cancel` ends it."
    follow_transfer(api, transfer, f"{_TRANSFERS}/{part(transfer.id)}", Bar({}, unit=unit), meanwhile=word)


def _address(uri: str) -> str:
    """Return an address; a plain path becomes one of a folder, whole, for a server may stand in another."""
    if "://" in uri:
        return uri
    return f"file://{os.path.abspath(os.path.expanduser(uri))}"  # noqa: PTH100, PTH111 - keeps a path that is not there
