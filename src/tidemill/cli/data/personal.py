"""`tidemill data personal …`."""

from typing import TYPE_CHECKING

import click

from tidemill.checks.personal.scan import SAMPLE, PersonalColumn, PersonalReport
from tidemill.cli.output import client, common, show, talk, wants_json
from tidemill.client.client import part
from tidemill.core.lazy import lazy
from tidemill.data.sources.here import is_file

if TYPE_CHECKING:
    from tidemill.data.checking import files
else:
    files = lazy("tidemill.data.checking.files")

_MOST = 100


@click.command("personal")
@click.argument("source", metavar="REF-OR-FILE")
@click.option("--sample", default=SAMPLE, show_default=True, help="About how many rows are looked at.")
@click.option("--detector", "detectors", multiple=True, metavar="NAME", help="Ask a further finder too: presidio.")
@common
def personal(source: str, sample: int, *, detectors: tuple[str, ...]) -> None:
    """Show which columns of a version or a file hold personal data, with masked examples."""
    if is_file(source):
        found = files.scan_file(source, sample=sample, detectors=",".join(detectors))
    else:
        with client() as api:
            place = f"/api/v1/dataset-versions/{part(source)}/personal"
            found = api.get(place, PersonalReport, sample=sample, detectors=",".join(detectors))
    if wants_json():
        show(found)
        return
    rows = [_told(each) for each in found.columns]
    show(rows, empty="No personal data was found.", most=_MOST, rest="columns; all of them with --json, or into a file")
    talk(f"Looked at {found.sampled:,} of {found.rows:,} rows and {found.looked_at:,} columns; {found.error_rate}.")


def _told(column: PersonalColumn) -> dict[str, object]:
    share = f"{column.share:.1%} ({column.low:.1%} to {column.high:.1%})" if column.rows else "-"
    return {
        "column": column.column,
        "kind": column.kind,
        "found by": column.found_by,
        "values": share,
        "examples": ", ".join(column.examples),
    }
