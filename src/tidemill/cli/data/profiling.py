"""`tidemill data profile`: what is known of each column, of a version or of any file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tidemill.app.trackers.records import Report
from tidemill.cli.drawing import Bar
from tidemill.cli.output import client, common, show, some, talk, wants_json, write_file
from tidemill.client.client import part
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import UnknownColumn
from tidemill.data.profile.interest import Interest, interest
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.profile.relations import relations_of
from tidemill.data.profile.targets import target_curves
from tidemill.data.records import Sample
from tidemill.data.rules import choose
from tidemill.data.sources.here import is_file

if TYPE_CHECKING:
    from tidemill.data import profiling
    from tidemill.server.pages import reports
else:
    profiling = lazy("tidemill.data.profiling")
    reports = lazy("tidemill.server.pages.reports")

_VERSIONS = "/api/v1/dataset-versions"
_MOST = 100
_SHOWN = ["name", "type", "nulls", "distinct", "low", "high", "mean", "deviation"]


@click.command("profile")
@click.argument("what", metavar="FILE|REF")
@click.option(
    "--html",
    "target_file",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a report that any browser opens, with nothing outside of it.",
)
@click.option("--target", metavar="COLUMN", default="", help="Hold the other columns against this one.")
@click.option("--column", "columns", multiple=True, metavar="COLUMN", help="Show this column; may be given again.")
@click.option("--delimiter", help="What stands between fields of CSV; found when left out.")
@click.option("--encoding", help="How text is encoded; found when left out.")
@click.option("--sheet", help="The sheet of a workbook, by name or number.")
@common
def profile(
    what: str,
    *,
    target_file: Path | None,
    target: str,
    columns: tuple[str, ...],
    delimiter: str | None,
    encoding: str | None,
    sheet: str | None,
) -> None:
    """Show what is known of each column of a file, or of a version of a dataset.

    A file needs no workspace: CSV, JSON lines, Parquet, Arrow, Avro and Excel, packed or not. Where a file and a
    dataset have one name, it is the file; name@latest is the dataset. Of a wide table a terminal shows the columns that
    are worth a look.
    """
    sample: Sample | None
    if is_file(what):
        found, sample, about = _of_file(what, delimiter=delimiter, encoding=encoding, sheet=sheet)
    else:
        with client() as api:
            found = api.get(f"{_VERSIONS}/{part(what)}/profile", Profile)
            sample = api.get(f"{_VERSIONS}/{part(what)}/sample", Sample, rows=20) if target_file else None
        about = ""
    names = [column.name for column in found.columns]
    if target and target not in names:
        raise UnknownColumn(f"{shown(what)} has no column {shown(target)}", hint=did_you_mean(target, names))
    if columns:
        held = {column.name: column for column in found.columns}
        found = msgspec.structs.replace(found, columns=tuple(held[name] for name in choose(held, columns)))
    if target_file:
        content = reports.profile_report(found, title=Path(what).name, about=about, target=target, sample=sample)
        write_file(target_file, content.encode())
        talk(f"{target_file} holds the report: {found.rows:,} rows, {len(names):,} columns.")
    if wants_json():
        show({"profile": found, **held_against(found, target)} if target else found)
    elif not target_file:
        _tell(found, target)


def held_against(found: Profile, target: str) -> dict[str, object]:
    """Return how columns go with a target, and how it follows them."""
    return {"relations": relations_of(found.relations, target), "targets": target_curves(found, target)}


def _of_file(what: str, **options: str | None) -> tuple[Profile, Sample, str]:
    bar = Bar({}, unit="rows")
    if not wants_json():
        size = Path(what).expanduser().stat().st_size
        Bar({}, unit="bytes").draw(Report(doing=f"Reading {Path(what).name}", done=size))
    try:
        found = profiling.profile_file(
            what,
            options=profiling.plain_options(**options),
            told=lambda done, total: bar.draw(Report(doing="Profiling", done=done, total=total)),
        )
    finally:
        bar.clear()
    if found.mixed:
        talk(f"Values of more than one type, taken as text: {', '.join(shown(name) for name in found.mixed)}.")
    return found.profile, found.sample, f"{found.size_bytes:,} bytes"


def _tell(found: Profile, target: str) -> None:
    strength = {each.second: f"{each.value:.2f}" for each in relations_of(found.relations, target)} if target else {}
    rows = [_told(each) | ({"with target": strength.get(each.name, "")} if target else {}) for each in found.columns]
    if target:
        rows.sort(key=lambda row: -abs(float(str(row["with target"] or 0))))
    elif len(some(rows, _MOST)) < len(rows):
        looks = [interest(column) for column in found.columns]
        rows = [row | {"look": look.why} for look, row in sorted(zip(looks, rows, strict=True), key=_by_score)]
    talk(f"{found.rows:,} rows, {len(found.columns):,} columns")
    more = [name for name in ("with target", "look") if rows and name in rows[0]]
    rest = "columns; name those that you want with --column, or see all with --html, --json, or in a file"
    show(rows, columns=[*_SHOWN, *more], empty="No columns.", most=_MOST, rest=rest)


def _by_score(one: tuple[Interest, object]) -> float:
    return -one[0].score


def _told(column: ColumnProfile) -> dict[str, object]:
    """Return what a person reads of a column; the mean of moments is seconds since 1970 and tells nobody anything."""
    about = "" if column.is_distinct_exact else "~"
    distinct = None if column.distinct is None else f"{about}{column.distinct:,}"
    counts = {"nulls": f"{column.nulls:,}", "distinct": distinct}
    facts: dict[str, object] = msgspec.structs.asdict(column) | counts
    return facts | ({"mean": None, "deviation": None} if column.is_moment else {})
