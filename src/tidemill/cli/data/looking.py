"""`tidemill data …`: what is in a version, and what changed."""

from pathlib import Path

import click

from tidemill.checks.quality.finding import Finding
from tidemill.cli.changes import print_diff
from tidemill.cli.data.rules_junit import write_junit
from tidemill.cli.output import client, common, show, some, tell_rest, wants_json
from tidemill.client.client import part
from tidemill.data.records import DatasetVersion, Diff, Sample
from tidemill.data.report import QualityReport

_VERSIONS = "/api/v1/dataset-versions"
_MOST_COLUMNS = 40


@click.command("report")
@click.argument("ref")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as JUnit XML too.")
@common
def report(ref: str, *, junit: Path | None) -> None:
    """Show what the quality rules found in a version."""
    with client() as api:
        found = api.get(f"{_VERSIONS}/{part(ref)}/report", QualityReport)
    if junit:
        write_junit(junit, ref, found)
    if wants_json():
        show(found)
        return
    show(found, columns=["verdict", "rows_read", "rows", "quarantined"])
    if found.broken:
        click.echo()
        show(list(found.broken))
    if found.findings:
        click.echo()
        show([_finding(each) for each in found.findings])


@click.command("sample")
@click.argument("ref")
@click.option("--rows", "-n", type=click.IntRange(min=1), default=20, show_default=True, help="The most rows to show.")
@click.option("--column", "columns", multiple=True, metavar="COLUMN", help="Show this column; may be given again.")
@click.option("--quarantined", is_flag=True, help="Rows that were put aside, with the rule that each broke.")
@click.option("--unmasked", is_flag=True, help="Show personal data as it is; for admins, on record.")
@common
def sample(ref: str, rows: int, *, columns: tuple[str, ...], quarantined: bool, unmasked: bool) -> None:
    """Show the first rows of a version, personal data masked; of a folder, its first files.

    Of a wide table a terminal shows the first columns; --column names others.
    """
    place = f"{_VERSIONS}/{part(ref)}"
    with client() as api:
        held = [] if columns or wants_json() else [each.name for each in api.get(place, DatasetVersion).columns]
        first = some(held, _MOST_COLUMNS)
        found = api.get(
            f"{place}/sample",
            Sample,
            rows=rows,
            columns=list(columns) or (first if len(first) < len(held) else []),
            quarantined=quarantined,
            unmasked=unmasked,
        )
    if wants_json():
        show(found)
        return
    show_rows(found, empty="No row was put aside." if quarantined else "There are no rows.")
    tell_rest(len(held), _MOST_COLUMNS, "columns; name those that you want: --column NAME")


def show_rows(found: Sample, *, empty: str = "") -> None:
    """Write rows of data as a table."""
    show([dict(zip(found.columns, row, strict=True)) for row in found.rows], empty=empty)


@click.command("diff")
@click.argument("before")
@click.argument("after")
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="The most rows to show of each kind of change.",
)
@common
def diff(before: str, after: str, samples: int) -> None:
    """Show what differs between two versions: columns, rows by key, distributions."""
    with client() as api:
        found = api.get(f"{_VERSIONS}/{part(before)}/diff/{part(after)}", Diff, samples=samples)
    if wants_json():
        show(found)
    else:
        print_diff(found)


def _finding(found: Finding) -> dict[str, object]:
    """Return what a person reads of a finding."""
    return {"rule": found.name, "verdict": found.verdict, "bad": found.bad, "of": found.rows, "reason": found.reason}
