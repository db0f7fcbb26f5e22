"""`tidemill trash …`."""

from typing import get_args

import click

from tidemill.app.records import Kind, TrashPage
from tidemill.cli.output import client, common, show

_COLUMNS = ["kind", "name", "id", "deleted_at", "goes_at", "stays", "together", "size_bytes"]


@click.group("trash")
def trash() -> None:
    """See what was deleted and can still be restored."""


@trash.command("list")
@click.option("--kind", type=click.Choice(get_args(Kind)), help="Only things of this kind.")
@click.option("--older-than", default="30d", show_default=True, help="The time that `tidemill gc` is given.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The most things to show.")
@common
def list_(kind: str | None, older_than: str, limit: int) -> None:
    """List what is in the trash: since when, from when on `tidemill gc` removes it, what keeps it, its bytes."""
    asked = {"kind": kind} if kind else {}
    with client() as api:
        page = api.get("/api/v1/trash", TrashPage, older_than=older_than, max_results=limit, **asked)
    show(page.items, columns=_COLUMNS, empty="The trash is empty.")
