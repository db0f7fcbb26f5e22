"""`tidemill data …`: rules held against what is there, and rules found in it."""

from pathlib import Path

import click

from tidemill.checks.outcome import Verdict
from tidemill.cli.anywhere import client_anywhere
from tidemill.cli.data.looking import show_rows
from tidemill.cli.data.rules_file import placed, read_rules
from tidemill.cli.data.rules_junit import row_line, write_junit
from tidemill.cli.data.versions import absolute
from tidemill.cli.output import FAILED, client, common, fail_with, show, talk, wants_json
from tidemill.cli.runs import pairs
from tidemill.client.client import part
from tidemill.data.judging.records import Judgement, RowsByRule, Suggestions

SIGNS = {
    Verdict.PASS: ("✓", "green"),
    Verdict.WARN: ("!", "yellow"),
    Verdict.INCONCLUSIVE: ("?", "yellow"),
    Verdict.FAIL: ("✗", "red"),
}


@click.command("check")
@click.argument("target", metavar="REF_OR_FILE")
@click.option("--rule", "rules", multiple=True, metavar="COLUMN=RULES", help="Such as 'distance={between: [1, 6000]}'.")
@click.option(
    "--rules-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A YAML or JSON file with rules by column.",
)
@click.option("--like", metavar="REF", help="Hold files to the rules and the key of this version.")
@click.option(
    "--key", "-k", multiple=True, metavar="COLUMN", help="A column that names a row of the files (repeat it)."
)
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="Read a CSV column as this type.")
@click.option("--missing", multiple=True, metavar="WORD", help="A word of CSV that stands for a missing value.")
@click.option("--delimiter", help="What stands between fields of CSV; found when left out.")
@click.option("--encoding", help="How text is encoded, such as cp1252; found when left out.")
@click.option("--sheet", help="The name or number of a workbook's sheet.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write what was found as JUnit XML too.")
@common
def check(  # noqa: PLR0913 - the options of the command line
    target: str,
    *,
    rules: tuple[str, ...],
    rules_file: Path | None,
    like: str | None,
    key: tuple[str, ...],
    types: tuple[str, ...],
    missing: tuple[str, ...],
    delimiter: str | None,
    encoding: str | None,
    sheet: str | None,
    junit: Path | None,
) -> None:
    """Hold rules against a version, or against files without keeping them; exit code 1 when one is broken."""
    is_source = _is_source(target)
    body = {
        "ref": "" if is_source else target,
        "source": absolute(target) if is_source else "",
        "like": like or "",
        "rules": read_rules(rules_file, rules) if rules or rules_file else None,
        "key": key,
        "types": pairs(types),
        "missing": missing or None,
        "delimiter": delimiter,
        "encoding": encoding,
        "sheet": sheet,
    }
    with placed(rules_file, rules), client_anywhere() if is_source and not like else client() as api:
        found = api.post("/api/v1/rule-checks", Judgement, body)
    if junit:
        write_junit(junit, target, found.report, found.examples)
    if wants_json():
        show(found)
    else:
        _tell(target, found)
    if found.report.verdict is Verdict.FAIL:
        fail_with(FAILED)


@click.command("suggest-rules")
@click.argument("ref")
@click.option("--yaml", "as_yaml", is_flag=True, help="As YAML, ready to paste or for --rules-file.")
@common
def suggest_rules(ref: str, *, as_yaml: bool) -> None:
    """Suggest rules that a version keeps, each with what was seen."""
    with client() as api:
        found = api.get(f"/api/v1/dataset-versions/{part(ref)}/suggested-rules", Suggestions)
    if wants_json():
        show(found)
    elif as_yaml:
        click.echo(found.yaml, nl=False)
    else:
        columns = ["column", "rule", "value", "evidence"]
        show(
            [
                {"column": one.column or "table", "rule": one.rule, "value": one.value, "evidence": one.evidence}
                for one in found.suggestions
            ],
            columns=columns,
            empty="Nothing stands out.",
        )


@click.command("bad-rows")
@click.argument("ref")
@click.option(
    "--rows", "-n", type=click.IntRange(min=1), default=5, show_default=True, help="The most rows of each rule."
)
@common
def bad_rows(ref: str, rows: int) -> None:
    """Show some of the rows that break each rule of a version."""
    with client() as api:
        found = api.get(f"/api/v1/dataset-versions/{part(ref)}/bad-rows", list[RowsByRule], rows=rows)
    if wants_json():
        show(found)
        return
    for at, one in enumerate(found):
        click.secho(
            f"{chr(10) if at else ''}{one.rule} ({'put aside' if one.put_aside else 'kept, with a warning'})", bold=True
        )
        show_rows(one.sample)
    if not found:
        talk("No row breaks a rule.")


def _is_source(target: str) -> bool:
    """Return whether a target names files or an address, not a version."""
    named = any(sign in target for sign in ":/*?[")  # no name of a version holds one
    return named or Path(target).expanduser().exists()


def _tell(target: str, found: Judgement) -> None:
    report = found.report
    if not report.findings:
        talk(f"{target}: {report.rows_read:,} rows, and no rules to hold them to. Give --rules-file, --rule or --like.")
        return
    for one in report.findings:
        sign, colour = SIGNS[one.verdict]
        click.secho(f"{sign} ", fg=colour, nl=False)
        click.echo(f"{one.name}: {one.reason}")
        for row in [each for each in found.examples if each.rule == one.name]:
            click.secho(f"    {row_line(row)}", dim=True)
    broken = sum(one.verdict is not Verdict.PASS for one in report.findings)
    words = f"{report.quarantined:,} of {report.rows_read:,} rows would be put aside"
    kept = f"{broken} of {len(report.findings)} rules are not kept" if broken else "Every rule is kept"
    talk(f"{target}: {report.verdict.value}. {kept}; {words}.")
