"""`tidemill monitor …`, `predictions …`, `feedback …`, `alerts …`."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import msgspec

from tidemill.cli import window_profiles
from tidemill.cli.output import FAILED, cell, client, common, fail_with, show, talk, wants_json
from tidemill.client.client import part
from tidemill.core.errors import InvalidInput
from tidemill.monitoring.records import (
    Alert,
    FeedbackReceipt,
    FeedbackReport,
    Monitor,
    MonitorReferenceInfo,
    Notification,
    Prediction,
    Status,
    Tick,
    Trigger,
    Window,
)

_ALERTS = ["id", "endpoint", "kind", "state", "bad_windows", "opened_at", "reason"]
_TRIGGERS = ["id", "endpoint", "cause", "state", "moment", "reason"]
_PREDICTIONS = ["id", "at", "event_time", "model", "version", "route", "outputs", "truth"]
_AT_ONCE = 100_000


class FeedbackFileUnfit(InvalidInput):
    """A file of truths cannot be read."""

    code = "feedback_file_unfit"


class _WindowLine(msgspec.Struct, frozen=True):
    start: datetime
    state: str
    rows: int
    errors: int
    refused: int
    p99_ms: float | None
    drift: str
    performance: str
    value: float | None
    low: float | None
    high: float | None
    labelled: float | None
    baseline: float | None
    difference: float | None


@click.group()
def monitor() -> None:
    """Watch what endpoints see and say."""


@monitor.command("status")
@click.argument("endpoint")
@click.option("--windows", default=20, show_default=True, help="The most windows to show.")
@click.option("--details", is_flag=True, help="Everything, instead of a line a window.")
@common
def status(endpoint: str, windows: int, details: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Show an endpoint's windows: traffic, drift, performance."""
    with client() as api:
        found = api.get(f"/api/v1/endpoints/{part(endpoint)}/status", Status, windows=windows)
    if details:
        show(found)
        return
    show(
        [_line(window) for window in found.windows], empty="No window yet. Seal and judge with `tidemill monitor run`."
    )
    fresh = f", {found.fresh_rows} not sealed yet" if found.fresh_rows else ""
    talk(f"{found.rows} answered rows{fresh}; {len(found.alerts)} open alerts.")
    for alert in found.alerts:
        talk(f"  {alert.kind.value} alert: {alert.reason}")
    judged = next((window for window in reversed(found.windows) if window.performance is not None), None)
    if judged is not None and judged.performance is not None:
        talk(f"Performance of the window of {judged.start:%Y-%m-%d}: {judged.performance.reason}")


def _line(window: Window) -> _WindowLine:
    found = window.performance
    return _WindowLine(
        start=window.start,
        state=window.state.value,
        rows=window.rows,
        errors=window.faults,
        refused=window.failures - window.faults,
        p99_ms=window.latency.p99 if window.latency else None,
        drift=window.drift.verdict if window.drift else "",
        performance=found.verdict if found else "",
        value=found.value if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        labelled=found.share if found else None,
        baseline=found.baseline.value if found and found.baseline else None,
        difference=found.difference if found else None,
    )


@monitor.command("show")
@click.argument("endpoint")
@common
def show_(endpoint: str) -> None:
    """Show what an endpoint's monitor is told."""
    with client() as api:
        found = api.get(f"/api/v1/endpoints/{part(endpoint)}/monitor", Monitor)
    if wants_json():
        show(found)
        return
    click.secho(f"Monitor of {found.endpoint}", bold=True)
    _tell(found.settings)


def _tell(settings: msgspec.Struct, indent: str = "  ") -> None:
    """Write settings a line each, those of a part below its name."""
    told = msgspec.structs.asdict(settings)
    width = max(map(len, told))
    for name, value in told.items():
        if isinstance(value, msgspec.Struct):
            click.echo(f"{indent}{name}:")
            _tell(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(one, msgspec.Struct) for one in value):
            click.echo(f"{indent}{name}:")
            for one in value:
                click.echo(f"{indent}  - {cell(one)}")
        else:
            click.echo(f"{indent}{name.ljust(width)}  {cell(value)}")


monitor.add_command(window_profiles.profile)


@monitor.command("configure")
@click.argument("endpoint")
@click.argument("settings", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@common
def configure(endpoint: str, settings: Path) -> None:
    """Tell an endpoint's monitor what the JSON file SETTINGS says."""
    try:
        told = json.loads(settings.read_bytes())
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{settings} is not JSON: {error}") from None
    with client() as api:
        show(api.put(f"/api/v1/endpoints/{part(endpoint)}/monitor", Monitor, {"settings": told}))


@monitor.command("reference")
@click.argument("model")
@click.argument("rows")
@click.option("--holdout", default="", help="Rows that it did not see, for what its score was like.")
@click.option("--time", default=None, help="The column that says when a row happened.")
@common
def reference(model: str, rows: str, holdout: str, time: str | None) -> None:
    """Say that MODEL (name@number) was trained on ROWS (artifact:DIGEST or dataset_version:ID)."""
    with client() as api:
        body = {"model": model, "rows": rows, "holdout": holdout, "time": time}
        show(api.post("/api/v1/monitoring/references", MonitorReferenceInfo, body))


@monitor.command("run")
@click.option("--closed-only", is_flag=True, help="Leave what is captured and not in a closed file yet.")
@common
def run(closed_only: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Seal, judge, alert, fire and notify now; the running server does it by itself. Exit code 1 when a part failed."""
    with client() as api:
        found = api.post("/api/v1/monitoring/tick", Tick, {"fresh": not closed_only})
    show(found)
    for problem in found.problems:
        talk(f"not done: {problem.what}: {problem.message}")
    if found.problems:
        fail_with(FAILED)


@monitor.command("fire")
@click.argument("endpoint")
@click.option(
    "--cause",
    type=click.Choice(["manual", "new_data", "schedule"]),
    default="manual",
    show_default=True,
    help="What asks for it.",
)
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--key", default="", help="Firing again with the same key changes nothing.")
@common
def fire(endpoint: str, cause: str, reason: str, key: str) -> None:
    """Ask for a retraining of what ENDPOINT serves."""
    with client() as api:
        body = {"cause": cause, "reason": reason, "key": key}
        show(api.post(f"/api/v1/endpoints/{part(endpoint)}/triggers", Trigger, body))


@monitor.command("triggers")
@click.option("--endpoint", default="", help="Only of this endpoint.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most triggers to show.")
@common
def triggers(endpoint: str, limit: int) -> None:
    """List what asked for retrainings, newest first."""
    with client() as api:
        found = api.get("/api/v1/triggers", list[Trigger], endpoint=endpoint, limit=limit)
        show(found, columns=_TRIGGERS, empty="Nothing was fired yet.")


@monitor.command("settle")
@click.argument("trigger")
@click.argument("outcome", type=click.Choice(["helped", "no_help", "failed"]))
@click.option("--detail", default="", help="More about it, for the record.")
@common
def settle(trigger: str, outcome: str, detail: str) -> None:
    """Say what came of the retraining that TRIGGER started."""
    with client() as api:
        body = {"outcome": outcome, "detail": detail}
        show(api.post(f"/api/v1/triggers/{part(trigger)}/settle", Trigger, body), columns=_TRIGGERS)


@click.group()
def predictions() -> None:
    """Look at captured predictions."""


@predictions.command("list")
@click.argument("endpoint")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most predictions to show.")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]),
    metavar="MOMENT",
    help="Only those that arrived before, such as 2026-01-31 or 2026-01-31T12:00:00+01:00; local time without a zone.",
)
@common
def list_predictions(endpoint: str, limit: int, before: datetime | None) -> None:
    """List an endpoint's predictions, newest first."""
    with client() as api:
        path = f"/api/v1/endpoints/{part(endpoint)}/predictions"
        moment = before.astimezone() if before else None
        found = api.get(path, list[Prediction], limit=limit, before=moment)
        show(found, columns=_PREDICTIONS, empty="No predictions yet.")


@predictions.command("show")
@click.argument("prediction")
@common
def show_prediction(prediction: str) -> None:
    """Show a prediction: inputs, outputs, who answered, and what became true."""
    with client() as api:
        show(api.get(f"/api/v1/predictions/{part(prediction)}", Prediction))


@click.group()
def feedback() -> None:
    """Say what became true of predictions."""


@feedback.command("add")
@click.argument("endpoint")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--id", "identifier", help="The id of one prediction, in place of a file.")
@click.option("--truth", help='What was true of it, as JSON (true, 1.5, "late") or plain text.')
@common
def add(endpoint: str, file: Path | None, identifier: str | None, truth: str | None) -> None:
    """Record truths: one by --id and --truth, or those of FILE.

    FILE is CSV with the columns id, truth and perhaps at, or JSON lines with these keys.
    """
    if (file is None) == (identifier is None) or (identifier is not None and truth is None):
        raise click.UsageError("Give FILE, or --id and --truth.")
    rows = _rows(file) if file else iter([{"id": identifier, "truth": _value(truth or "")}])
    accepted = repeated = 0
    with client() as api:
        for lot in _lots(rows):
            path = f"/api/v1/endpoints/{part(endpoint)}/feedback"
            receipt = api.post(path, FeedbackReceipt, {"rows": lot})
            accepted, repeated = accepted + receipt.accepted, repeated + receipt.repeated
    show(FeedbackReceipt(accepted=accepted, repeated=repeated))


def _rows(file: Path) -> Iterator[dict[str, object]]:
    with file.open(encoding="utf-8", newline="") as lines:
        try:
            if file.suffix == ".csv":
                for row in csv.DictReader(lines):
                    found: dict[str, object] = {"id": row["id"], "truth": _value(row["truth"])}
                    yield found | ({"at": row["at"]} if row.get("at") else {})
            else:
                yield from (json.loads(line) for line in lines if line.strip())
        except (KeyError, ValueError, UnicodeDecodeError) as error:
            raise FeedbackFileUnfit(
                f"{file.name} cannot be read as truths: {error!r}", hint="Use CSV with id,truth or JSON lines."
            ) from error


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text or None


def _lots(rows: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    lot: list[dict[str, object]] = []
    for row in rows:
        lot.append(row)
        if len(lot) == _AT_ONCE:
            yield lot
            lot = []
    if lot:
        yield lot


@feedback.command("report")
@click.argument("endpoint")
@common
def report(endpoint: str) -> None:
    """Show how an endpoint's truths meet its predictions."""
    with client() as api:
        show(api.get(f"/api/v1/endpoints/{part(endpoint)}/feedback", FeedbackReport))


@click.group()
def alerts() -> None:
    """See what needs a person."""


@alerts.command("list")
@click.option("--endpoint", default="", help="Only of this endpoint.")
@click.option("--state", type=click.Choice(["open", "closed"]), default=None, help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most alerts to show.")
@common
def list_alerts(endpoint: str, state: str | None, limit: int) -> None:
    """List alerts, newest first."""
    with client() as api:
        found = api.get("/api/v1/alerts", list[Alert], endpoint=endpoint, state=state, limit=limit)
        show(found, columns=_ALERTS, empty="No alerts.")


@alerts.command("show")
@click.argument("alert")
@common
def show_alert(alert: str) -> None:
    """Show an alert."""
    with client() as api:
        show(api.get(f"/api/v1/alerts/{part(alert)}", Alert))


@alerts.command("acknowledge")
@click.argument("alert")
@common
def acknowledge(alert: str) -> None:
    """Say that you have seen an alert."""
    with client() as api:
        show(api.post(f"/api/v1/alerts/{part(alert)}/acknowledge", Alert), columns=_ALERTS)


@alerts.command("notifications")
@click.option("--alert", default="", help="Only of this alert.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most notifications to show.")
@common
def notifications(alert: str, limit: int) -> None:
    """List what was sent of alerts, or is to be."""
    with client() as api:
        found = api.get("/api/v1/notifications", list[Notification], alert=alert, limit=limit)
        show(found, empty="Nothing was to be sent yet.")
