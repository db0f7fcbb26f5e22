"""`tidemill import`, `tidemill export` and `tidemill trackers …`."""

import os
from datetime import UTC, datetime

import click

from tidemill.app.trackers.records import Transfer
from tidemill.cli.drawing import Bar
from tidemill.cli.output import client, common, show, wants_json
from tidemill.cli.transfers import follow_transfer, tell_report
from tidemill.client import Client
from tidemill.client.client import part
from tidemill.tracking.ports import Credentials

_COLUMNS = ["id", "direction", "tracker", "place", "status", "started_at", "ended_at"]
_COUNTED = {"metric points": "points", "artifacts": "files"}


@click.group("import")
def take() -> None:
    """Take over what another tracker holds; give the same command again to go on, or to take what is new."""


@click.group("export")
def give() -> None:
    """Write what is here to another tracker."""


@click.group("trackers")
def trackers() -> None:
    """Imports from other trackers, and exports to them."""


@take.command("mlflow")
@click.argument("uri")
@click.option("--artifacts", is_flag=True, help="Take the files of runs and models too.")
@click.option("--artifact-root", default="", metavar="FOLDER", help="The folder of the files, where URI is a database.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]),
    help="Only runs that began or ended since then; UTC when no zone is said.",
)
@common
def take_mlflow(uri: str, *, artifacts: bool, artifact_root: str, since: datetime | None) -> None:
    """Import from MLflow: https://HOST of a server, or sqlite:///PATH or postgresql://HOST/NAME of its database.

    Ids, times, tags, whole metric histories, stages, aliases, version numbers and logged models are kept; what is
    deleted there lands in the trash here. A user and a password for a server are best given as
    MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or as MLFLOW_TRACKING_TOKEN.
    """
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    body = {
        "source": _absolute(uri),
        "artifacts": artifacts,
        "artifact_root": _folder(artifact_root),
        "since": since.isoformat() if since else None,
        "credentials": _credentials(uri),
    }
    with client() as api:
        _follow(api, api.post("/api/v1/trackers/mlflow/import", Transfer, body))


@give.command("mlflow")
@click.argument("uri")
@click.option("--artifacts", is_flag=True, help="Write the files of runs and models too.")
@click.option("--artifact-root", default="", metavar="FOLDER", help="Where the files go, where URI is a new database.")
@common
def give_mlflow(uri: str, *, artifacts: bool, artifact_root: str) -> None:
    """Export to MLflow: https://HOST of a server, or sqlite:///PATH of a database that does not exist yet.

    A database keeps everything. A server gives runs, models and versions ids and numbers of its own; what it cannot
    keep is said at the end.
    """
    body = {
        "target": _absolute(uri),
        "artifacts": artifacts,
        "artifact_root": _folder(artifact_root),
        "credentials": _credentials(uri),
    }
    with client() as api:
        _follow(api, api.post("/api/v1/trackers/mlflow/export", Transfer, body))


@take.command("dvc")
@click.argument("folder", type=click.Path(exists=True, file_okay=False), default=".")
@click.option("--remote", default="", help="The name, folder or address of a remote; what the repository says if not.")
@click.option("--only", multiple=True, metavar="PATH", help="Only what is tracked under this path (repeat it).")
@common
def take_dvc(folder: str, *, remote: str, only: tuple[str, ...]) -> None:
    """Import from DVC: what its repository in FOLDER tracks becomes datasets, each state in Git's history a version.

    Contents come from the cache or the remote, and are verified. The pipeline of dvc.lock becomes lineage.
    """
    body = {"source": _folder(folder), "remote": _folder(remote) if os.path.isdir(remote) else remote, "only": only}  # noqa: PTH112 - a name otherwise
    with client() as api:
        _follow(api, api.post("/api/v1/repositories/dvc/import", Transfer, body))


@give.command("dvc")
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@click.option("--remote", required=True, metavar="FOLDER", help="The folder of a remote; made when it is not there.")
@click.option("--repo", default="", metavar="FOLDER", help="A repository, in which files NAME.dvc are written.")
@common
def give_dvc(refs: tuple[str, ...], *, remote: str, repo: str) -> None:
    """Export to DVC: write versions to a remote, so that `dvc pull` reads them; a table as Parquet files."""
    body = {"refs": refs, "remote": _folder(remote), "folder": _folder(repo)}
    with client() as api:
        _follow(api, api.post("/api/v1/repositories/dvc/export", Transfer, body))


@trackers.command("list")
@common
def list_() -> None:
    """List the last imports and exports."""
    with client() as api:
        show(api.get("/api/v1/transfers", list[Transfer]), columns=_COLUMNS, empty="Nothing was imported or exported.")


@trackers.command("show")
@click.argument("transfer_id", metavar="ID")
@common
def show_(transfer_id: str) -> None:
    """Show how far an import or export is, or what it did."""
    with client() as api:
        found = api.get(f"/api/v1/transfers/{part(transfer_id)}", Transfer)
    if wants_json():
        show(found)
    else:
        show(found, columns=_COLUMNS)
        tell_report(found.report)


@trackers.command("cancel")
@click.argument("transfer_id", metavar="ID")
@common
def cancel(transfer_id: str) -> None:
    """End an import or export; what it did is kept."""
    with client() as api:
        show(api.post(f"/api/v1/transfers/{part(transfer_id)}/cancel", Transfer), columns=_COLUMNS)


def _follow(api: Client, transfer: Transfer) -> None:
    command = "tidemill trackers"
    word = f"`{command} show {transfer.id}` says how it goes, `{command} cancel {transfer.id}` ends it."
    follow_transfer(api, transfer, f"/api/v1/transfers/{part(transfer.id)}", Bar(_COUNTED), meanwhile=word)


def _absolute(uri: str) -> str:
    """Return an address with the whole path of a database: a server may stand in another folder."""
    scheme, mark, path = uri.partition(":///")
    if mark and scheme.startswith("sqlite") and not path.startswith("/"):
        return f"{scheme}:///{os.path.abspath(os.path.expanduser(path))}"  # noqa: PTH100, PTH111 - keeps what follows
    return uri


def _folder(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path)) if path and "://" not in path else path  # noqa: PTH100, PTH111


def _credentials(uri: str) -> Credentials:
    """Return what MLflow's own client would show a server; a database's user stands in its address."""
    if not uri.startswith(("http://", "https://")):
        return Credentials()
    return Credentials(
        username=os.environ.get("MLFLOW_TRACKING_USERNAME", ""),
        password=os.environ.get("MLFLOW_TRACKING_PASSWORD", ""),
        token=os.environ.get("MLFLOW_TRACKING_TOKEN", ""),
    )
