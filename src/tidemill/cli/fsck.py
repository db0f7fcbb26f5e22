"""`tidemill fsck`."""

from typing import TYPE_CHECKING

import click

from tidemill.app.records import FsckReport
from tidemill.cli.output import DONE, FAILED, client, common, fail_with, settings, show, talk, wants_json
from tidemill.core.lazy import lazy
from tidemill.ledger import holder_of

if TYPE_CHECKING:
    from tidemill.app import fsck as whole
else:
    whole = lazy("tidemill.app.fsck")


@click.command("fsck")
@common
def fsck() -> None:
    """Check that rows, audit, lineage and objects are what was written; exit 1 when something is not."""
    chosen = settings()
    if chosen.url or holder_of(chosen.home).get("url"):
        with client() as api:
            report = api.post("/api/v1/fsck", FsckReport)
    else:
        # Without a server the folder is read as it is: a damaged ledger could not carry the API.
        report = whole.check_folder(chosen.home, chosen.database)
    if wants_json():
        show(report)
    else:
        _tell(report)
    fail_with(DONE if report.is_clean else FAILED)


def _tell(report: FsckReport) -> None:
    looked_at = ", ".join(f"{count} {what}" for what, count in report.checked.items())
    talk(f"Looked at {looked_at or 'what could be read'}.")
    for finding in report.findings:
        click.secho(f"{finding.part}: {finding.subject}: {finding.problem}", fg="red")
        for name in finding.needed_by:
            click.echo(f"    needed by {name}")
    if report.is_clean:
        click.echo("Clean.")
    else:
        talk("Restore what is damaged from a backup: `tidemill restore FILE --home NEW_FOLDER`.")
