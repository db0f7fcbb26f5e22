"""`tidemill backup` and `tidemill restore`."""

from pathlib import Path

import click

from tidemill.app import backup as copies
from tidemill.app.archive import Manifest
from tidemill.cli.output import client, common, settings, show, talk, wants_json


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there.")
@common
def backup(target: Path, force: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Copy a whole workspace to TARGET while it works: a .tar file, else a folder. The copy is verified."""
    with client() as api, api.stream("/api/v1/backup") as pieces:
        manifest = copies.receive(pieces, target.absolute(), force=force)
    _tell(manifest, f"Saved to {target}")


@click.command("restore")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Move a workspace that is there aside.")
@common
def restore(source: Path, force: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Make the workspace folder (--home) from the backup SOURCE. It appears whole or not at all."""
    home = settings().home
    manifest, former = copies.restore(source, home, force=force)
    _tell(manifest, f"Restored to {home}")
    if former:
        talk(f"  what was there is now in {former}")


def _tell(manifest: Manifest, what: str) -> None:
    if wants_json():
        size = sum(entry.size for entry in manifest.files)
        show({"created_at": manifest.created_at, "files": len(manifest.files), "size": size})
        return
    size_mib = sum(entry.size for entry in manifest.files) / (1 << 20)
    talk(f"{what}: {len(manifest.files)} files, {size_mib:.1f} MiB, as of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC.")
