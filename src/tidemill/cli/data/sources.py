"""`tidemill data …`: where data may come from."""

import click

from tidemill.cli.anywhere import client_anywhere
from tidemill.cli.output import common, show, wants_json
from tidemill.data.records import SourceKind


@click.command("sources")
@common
def sources() -> None:
    """List the sources that are installed beside files, and what each needs."""
    with client_anywhere() as api:
        found = api.get("/api/v1/sources", list[SourceKind])
    if wants_json():
        show(found)
        return
    told = [
        {
            "name": each.name,
            "addresses": ", ".join(f"{scheme}:" for scheme in each.schemes),
            "reads": each.summary,
            "ready": "yes" if each.is_ready else f"needs {each.library}",
        }
        for each in found
    ]
    show(told, empty="Only files and folders.")
