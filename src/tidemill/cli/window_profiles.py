"""`tidemill monitor profile`: what an endpoint saw in a window, beside what its model was trained on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidemill.cli.data.profiling import held_against
from tidemill.cli.output import client, common, show, talk, wants_json, write_file
from tidemill.client.client import part
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import UnknownColumn
from tidemill.data.profile.relations import relations_of
from tidemill.monitoring.profiling.records import WindowProfile

if TYPE_CHECKING:
    from tidemill.server.pages import window_reports
else:
    window_reports = lazy("tidemill.server.pages.window_reports")

_SHOWN = ["name", "type", "nulls", "distinct", "low", "high", "mean", "moved", "psi"]
_MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.command("profile")
@click.argument("endpoint")
@click.option(
    "--window",
    type=_MOMENTS,
    metavar="MOMENT",
    help="Any moment of the window, such as 2026-01-31, in UTC; the latest when left out.",
)
@click.option("--through", type=_MOMENTS, metavar="MOMENT", help="Any moment of the last window, where it is several.")
@click.option(
    "--html",
    "target_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a report that any browser opens, with nothing outside of it.",
)
@click.option("--target", metavar="COLUMN", default="", help="Hold the other columns against this one, such as truth.")
@common
def profile(
    endpoint: str, *, window: datetime | None, through: datetime | None, target_file: Path | None, target: str
) -> None:
    """Show what ENDPOINT saw in a window: inputs, outputs and truths, and how far they are from the training rows."""
    with client() as api:
        path = f"/api/v1/endpoints/{part(endpoint)}/profile"
        found = api.get(path, WindowProfile, window=_in_utc(window), through=_in_utc(through))
    names = [column.name for column in found.profile.columns]
    if target and target not in names:
        raise UnknownColumn(f"{shown(endpoint)} saw no column {shown(target)}", hint=did_you_mean(target, names))
    if target_file:
        write_file(target_file, window_reports.window_report(found, target=target).encode())
        talk(f"{target_file} holds the report: {found.rows:,} rows, {len(names):,} columns.")
    if wants_json():
        show({"window": found, **held_against(found.profile, target)} if target else found)
    elif not target_file:
        _tell(found, target)


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell(found: WindowProfile, target: str) -> None:
    strength = {each.second: f"{each.value:.2f}" for each in relations_of(found.profile.relations, target)}
    moved = {each.column: each for each in found.moved}
    rows = []
    for column in found.profile.columns:
        change = moved.get(column.name)
        rows.append(
            {
                "name": column.name,
                "type": column.type,
                "nulls": column.nulls,
                "distinct": column.distinct,
                "low": column.low,
                "high": column.high,
                "mean": None if column.is_moment else column.mean,
                "moved": f"{change.distance:.2f}" if change else "",
                "psi": f"{change.psi:.3f}" if change else "",
            }
            | ({"with target": strength.get(column.name, "")} if target else {})
        )
    versions = ", ".join(f"{each.model}@{each.version}" for each in found.versions)
    talk(f"{found.start:%Y-%m-%d %H:%M} to {found.end:%Y-%m-%d %H:%M} UTC: {found.rows:,} rows answered by {versions}")
    talk(f"{found.truths:,} truths are known")
    show(rows, columns=[*_SHOWN, *(["with target"] if target else [])])
    if found.training is not None:
        beside = found.training.name if found.training.profile else f"nothing: {found.training.absent}"
        made = ", ".join(each for each in found.training.datasets if each != found.training.name)
        talk(f"Moved is the Jensen-Shannon distance, 0 to 1, beside {beside}{f', made from {made}' if made else ''}.")
    if found.missing:
        names = ", ".join(shown(name) for name in found.missing)
        talk(f"In the training rows and not among the inputs, as a target is: {names}.")
