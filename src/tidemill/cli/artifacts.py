"""`tidemill artifacts …`."""

from pathlib import Path

import click

from tidemill.cli.output import client, common, done, show
from tidemill.client.client import part
from tidemill.tracking.records import Artifact, ArtifactEntry


@click.group()
def artifacts() -> None:
    """Work with files of runs and logged models; ROOT is run:ID or logged_model:ID."""


@artifacts.command("list")
@click.argument("root")
@click.argument("path", default="")
@common
def list_(root: str, path: str) -> None:
    """List the files and folders of ROOT directly below a path."""
    with client() as api:
        show(api.get(_place(root), list[ArtifactEntry], path=path), empty="There are no files here.")


@artifacts.command("put")
@click.argument("root")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--path", default="", help="Its path; the file's name when left out.")
@common
def put(root: str, file: Path, path: str) -> None:
    """Keep FILE as a file of ROOT."""
    with client() as api:
        body = {"path": path or file.name, "digest": api.upload(file.read_bytes())}
        show(api.post(_place(root), Artifact, body))


@artifacts.command("delete")
@click.argument("root")
@click.argument("path")
@common
def delete(root: str, path: str) -> None:
    """Delete a file of ROOT, or all files below a folder."""
    with client() as api:
        api.delete(_place(root), type(None), path=path)
    done("Deleted.", root=root, path=path)


def _place(root: str) -> str:
    return f"/api/v1/artifacts/{part(root)}"
