"""Datasets, their versions, and what is known of one version without reading its rows."""

from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.access import Actor
from tidemill.core.errors import MissingExtra
from tidemill.core.moments import from_us
from tidemill.data.profile.records import ColumnProfile
from tidemill.data.records import DatasetKind, DatasetVersion, Diff, Sample
from tidemill.server.pages import words
from tidemill.server.pages.charts.bars import Bin, histogram, value_bars
from tidemill.server.pages.charts.lines import spark
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_MOST_COLUMNS = 60
_SAMPLE_ROWS = 8


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column's small multiple."""

    name: str
    type: str
    facts: list[tuple[str, str]]
    drawing: Markup
    low: str
    high: str
    quantiles: list[tuple[str, str]]
    null_share: float


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    data = workspace.data

    def table(request: Request, actor: Actor) -> Response:
        rows = [(each, data.get(actor, ref=each.name)) for each in data.list(actor)]
        return render(request, "datasets.html", {"here": "datasets", "title": "Datasets", "rows": rows})

    def versions(request: Request, actor: Actor) -> Response:
        name = request.path_params["name"]
        found = data.versions(actor, name=name)
        sizes = [each.rows for each in reversed(found)]
        about = next((each.description for each in data.list(actor) if each.name == name), "")
        values = {
            "here": "datasets",
            "title": name,
            "name": name,
            "about": about,
            "versions": found,
            "growth": spark([float(size) if size is not None else None for size in sizes], "Rows by version"),
        }
        return render(request, "dataset.html", values)

    def version(request: Request, actor: Actor) -> Response:
        ref = f"{request.path_params['name']}@{request.path_params['number']}"
        found = data.get(actor, ref=ref)
        return render(request, "dataset_version.html", _version_values(workspace, actor, found))

    return [
        page("/datasets", table),
        page("/datasets/{name}", versions),
        page("/datasets/{name}/{number}", version),
    ]


def _version_values(workspace: Workspace, actor: Actor, found: DatasetVersion) -> dict[str, object]:
    data = workspace.data
    is_table = found.kind is DatasetKind.TABLE
    profile = data.profile(actor, ref=found.ref) if is_table else None
    columns = profile.columns if profile else ()
    report = data.report(actor, ref=found.ref) if is_table else None
    outcomes = [(each, tone_of(each.verdict.value)) for each in report.findings] if report else []
    return {
        "here": "datasets",
        "title": found.ref,
        "version": found,
        "is_table": is_table,
        "columns": [column_view(column) for column in columns[:_MOST_COLUMNS]],
        "moments": {column.name for column in columns if column.is_moment},
        "left_out": max(len(columns) - _MOST_COLUMNS, 0),
        "report": report,
        "broken": value_bars(
            [(f"{each.column}: {each.rule}" if each.column else each.rule, each.rows) for each in report.broken],
            report.rows_read,
        )
        if report and report.broken
        else "",
        "outcomes": outcomes,
        "quarantine": _sample(workspace, actor, found, quarantined=True) if found.quarantined else None,
        "sample": _sample(workspace, actor, found) if is_table else None,
        "diff": _diff(workspace, actor, found),
        "lineage": short_lineage(workspace, actor, f"dataset_version:{found.id}"),
    }


def _sample(workspace: Workspace, actor: Actor, found: DatasetVersion, *, quarantined: bool = False) -> Sample | None:
    try:
        return workspace.data.sample(actor, ref=found.ref, rows=_SAMPLE_ROWS, quarantined=quarantined)
    except MissingExtra:
        return None


def _diff(workspace: Workspace, actor: Actor, found: DatasetVersion) -> Diff | None:
    if found.number == 1:
        return None
    try:
        return workspace.data.diff(actor, before=f"{found.dataset}@{found.number - 1}", after=found.ref, samples=5)
    except MissingExtra:
        return None


def column_view(column: ColumnProfile) -> ColumnView:
    """Return the small multiple of a column."""
    numeric = isinstance(column.bins, NumericReference)
    quantiles = _quantiles(column) if isinstance(column.bins, NumericReference) else []
    mean = None if column.is_moment or column.type == "bool" else column.mean
    null_share = column.nulls / column.rows if column.rows else 0.0
    facts = [("nulls", words.percent(null_share)), ("distinct", _distinct(column))]
    if mean is not None:
        facts.append(("mean", words.number(mean)))
    elif column.type == "bool" and column.mean is not None:
        facts.append(("true", words.percent(column.mean)))
    elif column.length is not None:
        facts.append(("length", f"{column.length.shortest} to {column.length.longest}"))
    return ColumnView(
        name=column.name,
        type=column.type,
        facts=facts,
        drawing=_drawing(column),
        low=_end(column, column.low) if numeric else "",
        high=_end(column, column.high) if numeric else "",
        quantiles=quantiles,
        null_share=null_share,
    )


def _distinct(column: ColumnProfile) -> str:
    if column.distinct is None:
        return words.NOTHING
    return words.count(column.distinct) if column.is_distinct_exact else f"≈ {words.count(column.distinct)}"


def _drawing(column: ColumnProfile) -> Markup:
    known = column.rows - column.nulls
    if known <= 0:
        return Markup('<p class="quiet">no values</p>')
    if isinstance(column.bins, NumericReference) and column.bins.edges:
        return histogram(bins_of(column.bins), f"Distribution of {column.name}")
    if isinstance(column.bins, CategoryReference) and column.bins.values:
        shown = list(zip(column.bins.values, column.bins.counts, strict=True))[:6]
        rest = sum(column.bins.counts[6:]) + column.bins.other
        more = [(f"other ({words.count((column.distinct or 0) - len(shown))})", rest)] if rest else []
        return value_bars([*shown, *more], column.rows)
    return value_bars([(each.value, each.count) for each in column.top[:6]], column.rows)


def bins_of(reference: NumericReference) -> list[Bin]:
    """Return a reference's bins with both ends; discrete values become bins without width."""
    edges, counts = reference.edges, reference.counts
    start = reference.low if reference.low is not None else edges[0]
    found = []
    for at, edge in enumerate(edges):
        low = edge if reference.is_discrete else max(edges[at - 1] if at else start, start)
        found.append(Bin(low, max(edge, low), counts[at]))
    return found


def _quantiles(column: ColumnProfile) -> list[tuple[str, str]]:
    reference = column.bins
    if not isinstance(reference, NumericReference) or not reference.edges:
        return []
    total = sum(reference.counts)
    found = []
    for share in (0.01, 0.25, 0.5, 0.75, 0.99):
        seen = 0
        for edge, rows in zip(reference.edges, reference.counts, strict=False):
            seen += rows
            if seen >= share * total:
                found.append((words.percent(share), _end(column, edge)))
                break
    return found


def _end(column: ColumnProfile, value: float | str | None) -> str:
    if value is None:
        return ""
    if column.is_moment and isinstance(value, int | float):
        form = "%Y-%m-%d" if column.type == "date" else "%Y-%m-%d %H:%M"
        return from_us(int(value * 1_000_000)).strftime(form)
    return str(value)[:16].replace("T", " ") if isinstance(value, str) else words.number(value)
