"""Two versions side by side: schema, rows by key, distributions by how far they moved, files by path."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tidemill.app import Workspace
from tidemill.checks.drift.reference import CategoryReference, NumericReference
from tidemill.core.access import Actor
from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.data.records import Diff, DistributionChange, FileChange, RowSample
from tidemill.server.pages import words
from tidemill.server.pages.charts.distributions import small_pair
from tidemill.server.pages.columns import bins_of, full_drawing
from tidemill.server.pages.shell import page, render
from tidemill.server.permits import StatedRoute

MOVED_A_PAGE = 24
_FILES_A_PAGE = 200
_SAMPLES = 20
_SHOWN_VALUES = 6
_SHOWN_COLUMNS = 100
_MOVED = 0.1
"""From this distance on a column is drawn large."""
_LARGE = 4


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a column moved, with both of its shapes."""

    change: DistributionChange
    drawing: Markup
    is_large: bool
    is_moment: bool

    @property
    def tone(self) -> str:
        """How much it matters: a Jensen-Shannon distance of 0.1 is seen, one of 0.3 is another column."""
        return "bad" if self.change.distance >= 0.3 else "warn" if self.change.distance >= _MOVED else "idle"


@dataclass(frozen=True, slots=True)
class SampleRows:
    """Rows of a difference as a table: for changed rows each cell has both sides."""

    head: list[str]
    rows: list[list[tuple[str | None, str | None, bool]]]
    width: int


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the route of this page."""
    data = workspace.data

    def diff(request: Request, actor: Actor) -> Response:
        name, query = request.path_params["name"], request.query_params
        versions = data.versions(actor, name=name)
        newest = versions[0].number
        after = query.get("after", "") or str(newest)
        before = query.get("before", "") or str(max(1, newest - 1))
        if query.get("swap"):
            return RedirectResponse(diff_url(name, after, before), 303)
        first, second = (data.get(actor, ref=f"{name}@{side}") for side in (before, after))
        found = data.diff(actor, before=first.ref, after=second.ref, samples=_SAMPLES)
        start = _start(query.get("page", ""))
        shown = [each.column for each in found.distributions[(start - 1) * MOVED_A_PAGE : start * MOVED_A_PAGE]]
        sides = [data.profile(actor, ref=each.ref, columns=shown) if shown else None for each in (first, second)]
        values = {
            "here": "datasets",
            "title": f"{first.ref} and {second.ref}",
            "name": name,
            "versions": versions,
            "first": first,
            "second": second,
            "diff": found,
            "swap": diff_url(name, str(second.number), str(first.number)),
            "here_url": diff_url(name, str(first.number), str(second.number)),
            **diff_values(found, sides[0], sides[1], start),
            **_files(found, query.get("change", ""), start),
            "start": start,
        }
        return render(request, "dataset_diff.html", values)

    return [page("/datasets/{name}/diff", diff)]


def diff_url(name: str, before: str, after: str) -> str:
    """Return the address of the page of two versions."""
    return f"/datasets/{quote(name, safe='')}/diff?{urlencode({'before': before, 'after': after})}"


def _start(page_: str) -> int:
    return int(page_) if page_.isdecimal() and 0 < len(page_) < 6 else 1


def diff_values(
    found: Diff, before: Profile | None, after: Profile | None, start: int = 1, most: int = MOVED_A_PAGE
) -> dict[str, object]:
    """Return what the parts about rows and distributions show."""
    first = (start - 1) * most
    shown = found.distributions[first : first + most]
    rows = found.rows
    return {
        "moved": moved_views(shown, before, after, (found.before, found.after), first) if before and after else [],
        "moved_total": len(found.distributions),
        "moved_more": first + most < len(found.distributions),
        "added": sample_rows(rows.added_sample, rows.key) if rows else None,
        "removed": sample_rows(rows.removed_sample, rows.key) if rows else None,
        "changed": sample_rows(rows.changed_sample, rows.key) if rows else None,
    }


def moved_views(
    changes: Sequence[DistributionChange], before: Profile, after: Profile, names: tuple[str, str], first: int = 0
) -> list[Moved]:
    """Return how far columns moved, each with both of its shapes.

    Args:
        changes: The columns.
        before: One table.
        after: The other.
        names: What the two are called.
        first: The place of the first of them among all; those in front are drawn large.
    """
    old, new = ({column.name: column for column in side.columns} for side in (before, after))
    return [_moved(each, old[each.column], new[each.column], names, at + first) for at, each in enumerate(changes)]


def _moved(
    change: DistributionChange, old: ColumnProfile, new: ColumnProfile, names: tuple[str, str], place: int
) -> Moved:
    is_large = place < _LARGE and change.distance >= _MOVED
    numeric = isinstance(old.bins, NumericReference) and isinstance(new.bins, NumericReference)
    if numeric and is_large:
        drawing = full_drawing("Share of rows by value", [(names[0], "6", old), (names[1], "1", new)], 11.0)
    elif isinstance(old.bins, NumericReference) and isinstance(new.bins, NumericReference):
        drawing = small_pair(
            bins_of(old.bins) if old.bins.edges else [],
            bins_of(new.bins) if new.bins.edges else [],
            f"{change.column}: {names[0]} as bars, {names[1]} as a line",
        )
    else:
        drawing = value_pairs(old, new)
    return Moved(change, drawing, is_large and numeric, old.is_moment)


def value_pairs(old: ColumnProfile, new: ColumnProfile) -> Markup:
    """Return the values whose shares are largest or moved most, with a bar for each side."""
    sides = [_shares(column) for column in (old, new)]
    names = sorted(
        {*sides[0], *sides[1]},
        key=lambda name: (-max(abs(sides[0].get(name, 0) - sides[1].get(name, 0)), 0.2 * sides[1].get(name, 0)), name),
    )[:_SHOWN_VALUES]
    names.sort(key=lambda name: (-sides[1].get(name, 0.0), name))
    most = max((side.get(name, 0.0) for side in sides for name in names), default=0) or 1
    lines = Markup("").join(
        Markup(
            '<li><span class="name" title="{0}"><bdi>{0}</bdi></span><span class="twin"><i class="tone-6" '
            'style="width:{1:.1f}%"></i><i class="tone-1" style="width:{2:.1f}%"></i></span>'
            '<span class="num">{3} → {4}</span></li>'
        ).format(
            words.visible(name) or "(empty)",
            sides[0].get(name, 0) / most * 100,
            sides[1].get(name, 0) / most * 100,
            words.percent(sides[0].get(name, 0.0)),
            words.percent(sides[1].get(name, 0.0)),
        )
        for name in names
    )
    return Markup('<ul class="bars twins">{}</ul>').format(lines)


def _shares(column: ColumnProfile) -> dict[str, float]:
    if isinstance(column.bins, CategoryReference):
        pairs = list(zip(column.bins.values, column.bins.counts, strict=True))
    else:
        pairs = [(each.value, each.count) for each in column.top]
    return {value: count / column.rows for value, count in pairs} if column.rows else {}


def sample_rows(samples: Sequence[RowSample], key: Sequence[str]) -> SampleRows | None:
    """Return rows of a difference as a table of its first columns."""
    if not samples:
        return None
    every = list(dict.fromkeys([*key, *(name for each in samples for name in {**each.before, **each.after})]))
    names = every[:_SHOWN_COLUMNS]
    rows = []
    for each in samples:
        is_change = bool(each.before and each.after)
        cells: list[tuple[str | None, str | None, bool]] = []
        for name in names:
            if name in each.key:
                cells.append((each.key[name], None, False))
            elif is_change and name in each.before:
                cells.append((each.before[name], each.after.get(name), True))
            elif is_change:
                cells.append(("", None, False))
            else:
                cells.append((each.before.get(name) if each.before else each.after.get(name), None, False))
        rows.append(cells)
    return SampleRows(names, rows, len(every))


def _files(found: Diff, change: str, start: int) -> dict[str, object]:
    counts: dict[str, int] = {}
    for each in found.files:
        counts[each.change] = counts.get(each.change, 0) + 1
    kept: Sequence[FileChange] = [each for each in found.files if change in {"", each.change}]
    first = (start - 1) * _FILES_A_PAGE
    return {
        "file_counts": counts,
        "change": change,
        "files": kept[first : first + _FILES_A_PAGE],
        "files_more": first + _FILES_A_PAGE < len(kept),
    }
