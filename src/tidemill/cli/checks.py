"""`tidemill checks …`."""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from tidemill.checks.outcome import Outcome, Verdict
from tidemill.cli.junit import junit_xml
from tidemill.cli.output import FAILED, cell, client, common, fail_with, show, talk, wants_json, write_file
from tidemill.client.client import part
from tidemill.data.checking.records import CheckReport, ReportHead, SuiteInfo

_LISTED = ["id", "suite", "version", "against", "label", "verdict", "counts", "created_at", "created_by"]
_SIGNS = {
    Verdict.PASS: ("✓", "green"),
    Verdict.WARN: ("!", "yellow"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
    Verdict.FAIL: ("✗", "red"),
}
_MOST_DETAILS = 5


@click.group()
def checks() -> None:
    """Check dataset versions before a training."""


@checks.command("run")
@click.argument("ref")
@click.option("--against", metavar="REF", help="The training version that REF is the test of.")
@click.option("--label", metavar="COLUMN", help="The column that holds the truth.")
@click.option(
    "--suite", type=click.Choice(["integrity", "train-test"]), help="Which checks; by --against when left out."
)
@click.option(
    "--feature", "features", multiple=True, metavar="COLUMN", help="A column that a model would see (repeat it)."
)
@click.option("--set", "settings", multiple=True, metavar="CHECK.PARAM=VALUE", help="Such as outliers.at_most=0.01.")
@click.option("--skip", "skipped", multiple=True, metavar="CHECK", help="Leave a check out (repeat it).")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as JUnit XML too.")
@common
def run(
    ref: str,
    *,
    against: str | None,
    label: str | None,
    suite: str | None,
    features: tuple[str, ...],
    settings: tuple[str, ...],
    skipped: tuple[str, ...],
    junit: Path | None,
) -> None:
    """Run a suite over REF, such as flights@3; exit code 1 when a check fails."""
    body = {
        "ref": ref,
        "against": against,
        "label": label,
        "suite": suite or "",
        "features": features,
        "settings": _settings(settings) | dict.fromkeys(skipped, False),
    }
    with client() as api:
        _tell(api.post("/api/v1/check-reports", CheckReport, body), junit)


@checks.command("list")
@click.argument("ref", default="")
@click.option("--limit", default=20, show_default=True, help="The most reports to show.")
@common
def list_(ref: str, limit: int) -> None:
    """List reports, newest first: all, those of a dataset, or those of a version."""
    with client() as api:
        found = api.get("/api/v1/check-reports", list[ReportHead], ref=ref, limit=limit)
    show(found, columns=_LISTED, empty="No reports yet. Check a version with `tidemill checks run`.")


@checks.command("show")
@click.argument("report_id")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as JUnit XML too.")
@common
def show_(report_id: str, junit: Path | None) -> None:
    """Show what each check of a report found; exit code 1 when one failed."""
    with client() as api:
        _tell(api.get(f"/api/v1/check-reports/{part(report_id)}", CheckReport), junit)


@checks.command("suites")
@common
def suites() -> None:
    """List the suites, and what each of their checks asks."""
    with client() as api:
        found = api.get("/api/v1/check-suites", list[SuiteInfo])
    show(found, columns=["name", "check", "severity", "asks"])


def _settings(texts: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        check, dot, param = name.partition(".")
        if not equals or not dot or not check or not param:
            raise click.BadParameter(f"{text} is not CHECK.PARAM=VALUE, such as outliers.at_most=0.01")
        params = found.setdefault(check, {})
        if isinstance(params, dict):
            params[param] = _plain(value)
    return found


def _plain(text: str) -> object:
    """Return a number, true, false or a list as JSON writes it, else the text itself."""
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return value


def _tell(report: CheckReport, junit: Path | None) -> None:
    if junit is not None:
        write_file(junit, junit_xml(report))
    if wants_json():
        show(report)
    else:
        for line in drawn(report):
            click.echo(line)
        talk(f"The page of the report is /checks/{report.head.id}.")
    if report.head.verdict is Verdict.FAIL:
        fail_with(FAILED)


def drawn(report: CheckReport) -> Iterator[str]:
    """Yield the lines that show a report to a person."""
    head = report.head
    verdict = click.style(head.verdict.value.upper(), fg=_SIGNS[head.verdict][1], bold=True)
    against = f" against {head.against}" if head.against else ""
    yield f"{head.version}{against}  {head.suite}  {verdict}  report {head.id}"
    told = f"{head.rows:,} rows" + (f" against {head.rows_against:,}" if head.rows_against is not None else "")
    yield f"{told}; {', '.join(f'{count} {verdict}' for verdict, count in sorted(head.counts.items()))}"
    for outcome in report.findings.outcomes:
        yield from _outcome(outcome)
    for name, why in report.findings.skipped.items():
        yield click.style(f"- {name}: skipped, {why}", dim=True)


def _outcome(outcome: Outcome) -> Iterator[str]:
    sign, colour = _SIGNS[outcome.verdict]
    yield f"{click.style(sign, fg=colour, bold=True)} {outcome.check}: {outcome.reason}"
    if outcome.verdict is Verdict.PASS:
        return
    for row in outcome.table.rows[:_MOST_DETAILS]:
        yield "    " + "  ".join(
            f"{name}={cell(value)}" for name, value in zip(outcome.table.columns, row, strict=True) if value is not None
        )
    if len(outcome.table.rows) > _MOST_DETAILS:
        yield f"    and {len(outcome.table.rows) - _MOST_DETAILS} more"
