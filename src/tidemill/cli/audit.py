"""`tidemill audit`."""

import click

from tidemill.cli.output import client, common, show
from tidemill.ledger.records import AuditEvent


@click.command("audit")
@click.option("--of", "subject", metavar="KIND:ID", help="Only what was done to this thing.")
@click.option("--before", type=int, metavar="SEQ", help="Only events before this number.")
@click.option("--limit", default=50, show_default=True, help="The most events to show.")
@common
def audit(subject: str | None, before: int | None, limit: int) -> None:
    """Show who did what when, newest first."""
    with client() as api:
        found = api.get("/api/v1/audit", list[AuditEvent], subject=subject, before=before, limit=limit)
        show(found, columns=["seq", "at", "actor", "action", "subject", "detail"], empty="Nothing happened yet.")
