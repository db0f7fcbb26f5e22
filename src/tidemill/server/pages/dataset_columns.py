"""One column of one version: all of its figures, what it goes with, and how it was in other versions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import NotFound
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.masking import mask_profile
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.profile.relations import Group, groups_of, relations_of, table_of
from tidemill.server.pages import words
from tidemill.server.pages.charts.figure import Frame
from tidemill.server.pages.charts.lines import Axes, Line, Point, line_chart
from tidemill.server.pages.charts.strips import Cell, Row, heat_strip
from tidemill.server.pages.columns import column_detail, null_share
from tidemill.server.pages.profiles import column_url, relation_views
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.targets import TargetView, target_view
from tidemill.server.permits import StatedRoute

_MOST_RELATED = 24
_MOST_VERSIONS = 30
_MOST_PROFILED = 60_000
"""The most columns that are read to show how one of them was over versions."""


class ColumnNotFound(NotFound):
    """A version has no such column."""

    code = "column_not_found"


@dataclass(frozen=True, slots=True)
class Together:
    """How a column goes with one other.

    Args:
        name: The other.
        target: The other by bin of this one.
        drawing: Rows by value of both.
        groups: For a number and a column of few values, the groups with their bars.
        number: That number.
    """

    name: str
    target: TargetView | None
    drawing: Markup
    groups: list[tuple[Group, str]]
    number: str


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of this page."""
    data = workspace.data

    def column(request: Request, actor: Actor) -> Response:
        name, wanted = request.path_params["name"], request.path_params["column"]
        found = data.get(actor, ref=f"{name}@{request.path_params['number']}")
        outline = data.outline(found)
        names = [each.name for each in outline.columns]
        if wanted not in names:
            raise ColumnNotFound(f"{found.ref} has no column {shown(wanted)}", hint=did_you_mean(wanted, names))
        at = names.index(wanted)
        related = relations_of(outline.relations, wanted)[:_MOST_RELATED]
        partner = request.query_params.get("with", related[0].second if related else "")
        read = [wanted, partner] if partner in names else [wanted]
        profile = mask_profile(outline.part(list(dict.fromkeys(read))), data.masks.of(found))
        kept = profile.columns[0]
        values = {
            "here": "datasets",
            "title": f"{wanted} of {found.ref}",
            "version": found,
            "column": kept,
            "detail": column_detail(kept),
            "place_in_table": f"{words.count(at + 1)} of {words.count(len(names))}",
            "before": column_url(name, found.number, names[at - 1]) if at else "",
            "after": column_url(name, found.number, names[at + 1]) if at + 1 < len(names) else "",
            "related": relation_views(related),
            "together": together_of(profile, kept, partner, request.query_params.get("positive", "")),
            "history": _history(workspace, actor, name, found.number, kept, len(names)),
            "here_url": column_url(name, found.number, wanted),
        }
        return render(request, "dataset_column.html", values)

    return [page("/datasets/{name}/{number}/columns/{column:path}", column)]


def together_of(profile: Profile, column: ColumnProfile, partner: str, positive: str = "") -> Together | None:
    """Return how a column goes with one other; None where the profile knows nothing of that.

    Args:
        profile: The table's.
        column: The column.
        partner: The other.
        positive: Which value of the other is counted, where it has few.
    """
    relations = profile.relations
    other = profile.column(partner)
    if relations is None or other is None or partner == column.name:
        return None
    target = target_view(relations, column, other, positive)
    for axis, number in ((column.name, partner), (partner, column.name)):
        groups = groups_of(relations, axis, number)
        if len(groups) > 1:
            is_moment = column.is_moment if number == column.name else other.is_moment
            return Together(partner, target, Markup(""), [] if is_moment else _with_bars(groups), number)
    table = table_of(relations, column.name, partner)
    if table is None:
        return Together(partner, target, Markup(""), [], "")
    mine, theirs, counts = table
    rows = [
        Row(value, [_cell(int(count), int(line.sum())) for count in line], words.count(int(line.sum())))
        for value, line in zip(mine.values, counts, strict=True)
    ]
    caption = f"Rows of each {column.name} by {partner}; darker holds more of the line"
    drawing = heat_strip(caption, [words.visible(value) for value in theirs.values], rows)
    return Together(partner, target, drawing, [], "")


def _cell(count: int, total: int) -> Cell | None:
    if not count:
        return None
    return Cell(count / total, "1", f"{words.count(count)} rows, {words.percent(count / total)} of the line")


def _with_bars(groups: Sequence[Group]) -> list[tuple[Group, str]]:
    most = max(abs(group.mean) for group in groups) or 1.0
    ordered = sorted(groups, key=lambda group: -group.mean)
    return [(group, f"{abs(group.mean) / most * 100:.0f}%") for group in ordered]


def _history(
    workspace: Workspace, actor: Actor, name: str, number: int, column: ColumnProfile, width: int
) -> list[Markup]:
    """Return what a column was like in the versions up to this one."""
    most = max(1, min(_MOST_VERSIONS, _MOST_PROFILED // max(1, width)))
    versions = [each for each in workspace.data.versions(actor, name=name) if each.number <= number][:most]
    past = []
    for version in reversed(versions):
        if version.profile_digest and any(each.name == column.name for each in version.columns):
            found = workspace.data.profile(actor, ref=version.ref, columns=[column.name]).columns[0]
            if found.rows:
                past.append((version.number, found))
    if len(past) < 2:
        return []
    axes = Axes(x_name="version")
    lines = [Line("nulls", [Point(at, null_share(each) * 100) for at, each in past], "2")]
    frame = Frame("Share of nulls by version, %", height=7.0)
    drawn = [line_chart(frame, lines, Axes(x_name="version", low=0))] if any(each.nulls for _, each in past) else []
    if not column.is_moment and any(each.quantiles for _, each in past):
        points = [_band(at, each) for at, each in past]
        frame = Frame("Median by version, with the middle half of the rows", height=9.0)
        drawn.insert(0, line_chart(frame, [Line("median", points)], axes))
    elif any(each.distinct is not None for _, each in past):
        counts = [Point(at, None if each.distinct is None else float(each.distinct)) for at, each in past]
        drawn.insert(0, line_chart(Frame("Distinct values by version", height=9.0), [Line("distinct", counts)], axes))
    return drawn


def _band(at: int, column: ColumnProfile) -> Point:
    values = {each.share: each.value for each in column.quantiles}
    low, middle, high = (_number(values.get(share)) for share in (0.25, 0.5, 0.75))
    return Point(at, middle, low, high)


def _number(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
