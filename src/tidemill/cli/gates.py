"""`tidemill gates …`."""

import json
from collections.abc import Iterator, Sequence

import click

from tidemill.checks.bounds import parse_bound
from tidemill.checks.errors import InvalidBound
from tidemill.cli.output import FAILED, client, common, fail_with, show, talk, wants_json
from tidemill.client.client import part
from tidemill.delivery.records import GateReport, GateStatus, RuleResult

_COLUMNS = ["id", "model", "version", "status", "champion", "rows", "created_at", "created_by"]
_SIGNS = {"pass": ("✓", "green"), "fail": ("✗", "red"), "inconclusive": ("?", "yellow"), "waiting": ("…", "cyan")}
_COLOURS = {GateStatus.OPEN: "green", GateStatus.SHUT: "red", GateStatus.WAITING: "cyan"}
_WIDTH = 49
_MOST_DETAILS = 8


@click.group()
def gates() -> None:
    """Judge model versions before they are deployed."""


@gates.command("evaluate")
@click.argument("model")
@click.option("--metric", "metrics", multiple=True, metavar="RULE", help="Such as 'roc_auc >= champion - 0.005'.")
@click.option("--check", "checks", multiple=True, metavar="NAME[=JSON]", help="Such as leakage.")
@click.option("--approval", "approvals", multiple=True, metavar="WHO", help="Ask for a person's yes.")
@click.option("--holdout", required=True, help="The rows to judge on: artifact:DIGEST or dataset_version:ID.")
@click.option("--training", default="", help="The rows that the model learned from, for leakage.")
@click.option("--label", default="", help="The column that holds the truth.")
@click.option("--positive", help="Which of its values is the positive class.")
@click.option("--score", default="", help="Which output of the model is its score.")
@click.option("--time", help="The column by whose day rows are judged as one group.")
@common
def evaluate(  # noqa: PLR0913 - the options of the command line
    model: str,
    *,
    metrics: tuple[str, ...],
    checks: tuple[str, ...],
    approvals: tuple[str, ...],
    holdout: str,
    training: str,
    label: str,
    positive: str | None,
    score: str,
    time: str | None,
) -> None:
    """Judge MODEL, such as delay@3; exit code 1 when the gate stays shut."""
    rules: list[dict[str, object]] = [{"metric": text} for text in metrics]
    rules += [{"check": _check(text)} for text in checks]
    rules += [{"approval": text} for text in approvals]
    body = {
        "model": model,
        "rules": rules,
        "holdout": holdout,
        "training": training,
        "label": label,
        "positive": None if positive is None else _plain(positive),
        "score": score,
        "time": time,
    }
    with client() as api:
        _tell(api.post("/api/v1/gate-reports", GateReport, body))


@gates.command("list")
@click.option("--model", default="", help="Only reports of this model.")
@click.option("--version", type=int, help="Only reports of this version.")
@click.option("--limit", default=20, show_default=True, help="The most reports to show.")
@common
def list_(model: str, version: int | None, limit: int) -> None:
    """List gate reports, newest first."""
    with client() as api:
        found = api.get("/api/v1/gate-reports", list[GateReport], model=model, version=version, limit=limit)
        show(found, columns=_COLUMNS, empty="No gate reports yet. Judge a version with `tidemill gates evaluate`.")


@gates.command("show")
@click.argument("report_id")
@common
def show_(report_id: str) -> None:
    """Show how each rule was judged; exit code 1 when the gate is shut."""
    with client() as api:
        _tell(api.get(f"/api/v1/gate-reports/{part(report_id)}", GateReport))


@gates.command("approve")
@click.argument("report_id")
@click.option("--comment", default="", help="Why, for the record.")
@common
def approve(report_id: str, comment: str) -> None:
    """Say yes to the version of a report."""
    with client() as api:
        _tell(api.post(f"/api/v1/gate-reports/{part(report_id)}/approve", GateReport, {"comment": comment}))


@gates.command("reject")
@click.argument("report_id")
@click.option("--comment", default="", help="Why, for the record.")
@common
def reject(report_id: str, comment: str) -> None:
    """Say no to the version of a report: its gate shuts."""
    with client() as api:
        body = {"comment": comment}
        found = api.post(f"/api/v1/gate-reports/{part(report_id)}/reject", GateReport, body)
    if wants_json():
        show(found)
    talk(f"The gate of {found.model}@{found.version} is shut.")


def _tell(report: GateReport) -> None:
    if wants_json():
        show(report)
    else:
        for line in drawn(report):
            click.echo(line)
    if report.status is GateStatus.SHUT:
        fail_with(FAILED)


def drawn(report: GateReport) -> Iterator[str]:
    """Yield the lines that show a report to a person."""
    status = click.style(report.status.value.upper(), fg=_COLOURS[report.status], bold=True)
    yield f"{report.model}@{report.version}  {status}  report {report.id}"
    champion = f"beside the champion, version {report.champion}" if report.champion else "no champion to compare with"
    yield f"judged on {report.rows:,} rows of {report.holdout[:40]}, {champion}"
    for result in report.results:
        yield ""
        yield from _rule(result)
    for approval in report.approvals:
        word = "yes" if approval.approved else "no"
        own = " (own work)" if approval.own_work else ""
        yield f"{approval.actor}{own} said {word}{': ' + approval.comment if approval.comment else ''}"
    yield ""
    yield _sentence(report)


def _rule(result: RuleResult) -> Iterator[str]:
    sign, colour = _SIGNS[result.verdict]
    yield f"{click.style(sign, fg=colour, bold=True)} {result.rule}"
    yield f"  {result.reason}"
    scale = picture(result)
    if scale:
        yield f"  {scale}"
        told = f"{result.confidence:.0%} interval" if result.confidence is not None else "interval"
        yield f"  ● value  ━ {told}  ┃ threshold {result.threshold}"
    if result.error_rate and result.verdict != "waiting":
        yield f"  error rate: {result.error_rate}"
    if result.verdict in {"fail", "inconclusive"}:
        for detail in result.details[:_MOST_DETAILS]:
            yield "    " + "  ".join(f"{key}={_short(value)}" for key, value in detail.items())


def picture(result: RuleResult) -> str:
    """Return value, interval and threshold of a rule on a line; empty where there is nothing to draw."""
    value, threshold = result.value, _threshold(result.threshold)
    if value is None or threshold is None:
        return ""
    low = value if result.low is None else result.low
    high = value if result.high is None else result.high
    first, last = min(low, threshold, value), max(high, threshold, value)
    if last <= first:
        return ""

    def column(number: float) -> int:
        return round((number - first) / (last - first) * (_WIDTH - 1))

    cells = ["·"] * _WIDTH
    cells[column(low) : column(high) + 1] = "━" * (column(high) - column(low) + 1)
    cells[column(value)] = "●"
    cells[column(threshold)] = "┃"
    return f"{first:.4g} {''.join(cells)} {last:.4g}"


def _threshold(text: str) -> float | None:
    try:
        return parse_bound(text).value
    except InvalidBound:
        return None


def _sentence(report: GateReport) -> str:
    named = f"{report.model}@{report.version}"
    if report.status is GateStatus.OPEN:
        return f"The gate is open: deploy with `tidemill endpoints deploy ENDPOINT {named}`."
    if report.status is GateStatus.WAITING:
        return f"The gate waits for a person: `tidemill gates approve {report.id}`."
    stopped = [result.rule for result in report.results if result.verdict in {"fail", "inconclusive"}]
    why = _joined(stopped) if stopped else "a person said no"
    return f"The gate is shut, because of {why}." if stopped else f"The gate is shut: {why}."


def _joined(texts: Sequence[str]) -> str:
    return ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + texts[-1]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _check(text: str) -> object:
    name, equals, params = text.partition("=")
    if not equals:
        return name
    try:
        return {name: json.loads(params)}
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"the params of {name} are no JSON: {error}") from None


def _plain(text: str) -> object:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, str | int | float | bool) else text
