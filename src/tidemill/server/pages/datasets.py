"""Datasets, their versions, and what is known of one version without reading its rows."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.app.records import Trashed
from tidemill.checks.outcome import Verdict
from tidemill.core.access import Actor, Permission
from tidemill.core.errors import MissingExtra
from tidemill.data.masking import mask_profile
from tidemill.data.profile.outline import Outline
from tidemill.data.profile.records import ColumnProfile
from tidemill.data.records import DatasetKind, DatasetVersion, Sample
from tidemill.data.service import SAID_OF_BAD
from tidemill.server.pages import forms
from tidemill.server.pages.charts.bars import value_bars
from tidemill.server.pages.charts.lines import spark
from tidemill.server.pages.dataset_diffs import diff_url
from tidemill.server.pages.lineage import short_lineage
from tidemill.server.pages.profiles import KINDS, Asked, Section, asked_of, section_read
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.pages.tones import tone_of
from tidemill.server.permits import StatedRoute

_SAMPLE_ROWS = 8
_MOST_IN_TRASH = 1000
_MOST_MASKED = 40
MOST_SAMPLED = 100


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    data = workspace.data

    def table(request: Request, actor: Actor) -> Response:
        rows = [(each, data.get(actor, ref=each.name)) for each in data.list(actor)]
        values = {"here": "datasets", "title": "Datasets", "rows": rows, "works": workspace.folders.works(actor)}
        return render(request, "datasets.html", values)

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
            "gone": _in_trash(workspace, actor, name),
            "removed": workspace.deleting.removed(actor, name=name),
            "works": [each for each in workspace.folders.works(actor) if each.dataset == name],
            "growth": spark([float(size) if size is not None else None for size in sizes], "Rows by version"),
        }
        return render(request, "dataset.html", values)

    def version(request: Request, actor: Actor) -> Response:
        ref = f"{request.path_params['name']}@{request.path_params['number']}"
        found = data.get(actor, ref=ref)
        return render(
            request, "dataset_version.html", _version_values(workspace, actor, found, asked_of(request.query_params))
        )

    return [
        page("/datasets", table),
        page("/datasets/{name}", versions),
        page("/datasets/{name}/{number}", version),
        *_changes(workspace),
    ]


def _changes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes into the trash and out of it."""
    deleting = workspace.deleting

    def delete(request: Request, actor: Actor) -> Response:
        deleting.delete(actor, name=request.path_params["name"])
        return back_to("/datasets?said=Moved+to+the+trash.")

    def delete_version(request: Request, actor: Actor) -> Response:
        name, number = request.path_params["name"], request.path_params["number"]
        deleting.delete_version(actor, ref=f"{name}@{number}")
        return back_to(f"/datasets/{quote(name, safe='')}?said=Moved+to+the+trash.")

    def restore_version(request: Request, actor: Actor) -> Response:
        name, number = request.path_params["name"], request.path_params["number"]
        if not number.isascii() or not number.isdigit():
            raise forms.InvalidForm(f"{quote(number)} is no version", hint="Use the buttons of the page.")
        found = deleting.restore_version(actor, name=name, number=int(number[:18]))
        return back_to(f"/datasets/{quote(name, safe='')}/{found.number}?said=Taken+out+of+the+trash.")

    return [
        page("/datasets/{name}/delete", delete, Permission.WRITE, "POST"),
        page("/datasets/{name}/{number}/delete", delete_version, Permission.WRITE, "POST"),
        page("/datasets/{name}/{number}/restore", restore_version, Permission.WRITE, "POST"),
    ]


def _in_trash(workspace: Workspace, actor: Actor, name: str) -> list[Trashed]:
    found = workspace.maintenance.list_trash(actor, kind="dataset_version", max_results=_MOST_IN_TRASH).items
    return [each for each in found if each.name.rpartition("@")[0] == name]


def _version_values(workspace: Workspace, actor: Actor, found: DatasetVersion, asked: Asked) -> dict[str, object]:
    data = workspace.data
    is_table = found.kind is DatasetKind.TABLE
    outline = data.outline(found) if is_table else None
    report = data.report(actor, ref=found.ref) if is_table else None
    outcomes = (
        [(each, tone_of(each.verdict.value)) for each in report.findings if each.verdict is not Verdict.PASS]
        if report
        else []
    )
    masked = data.masks.of(found)
    earlier = (each.number for each in data.versions(actor, name=found.dataset) if each.number < found.number)
    before = next(earlier, None)
    return {
        "here": "datasets",
        "title": found.ref,
        "version": found,
        "is_table": is_table,
        "section": _section(workspace, found, outline, asked) if outline and outline.columns else None,
        "kinds": KINDS,
        "url": f"/datasets/{quote(found.dataset, safe='')}/{found.number}",
        "before": before,
        "diff": diff_url(found.dataset, str(before), str(found.number)) if before else "",
        "report": report,
        "checks": [
            (each, tone_of(each.verdict.value)) for each in workspace.checks.list_reports(actor, ref=found.ref, limit=5)
        ],
        "masked": sorted(masked.items())[:_MOST_MASKED],
        "masked_more": max(0, len(masked) - _MOST_MASKED),
        "broken": value_bars(
            [(f"{each.column}: {each.rule}" if each.column else each.rule, each.rows) for each in report.broken],
            report.quarantined,
        )
        if report and report.broken
        else "",
        "outcomes": outcomes,
        "quarantine": _sample(workspace, actor, found, quarantined=True) if found.quarantined else None,
        "sample": _sample(workspace, actor, found),
        "lineage": short_lineage(workspace, actor, f"dataset_version:{found.id}"),
    }


def _section(workspace: Workspace, found: DatasetVersion, outline: Outline, asked: Asked) -> Section:
    """Return the profile as far as it is shown: of the other columns no value is read or masked."""
    kinds = workspace.data.masks.of(found)

    def read(names: Sequence[str]) -> Sequence[ColumnProfile]:
        return mask_profile(outline.part(names), kinds).columns

    return section_read(outline.columns, outline.relations, asked, read)


def _sample(workspace: Workspace, actor: Actor, found: DatasetVersion, *, quarantined: bool = False) -> Sample | None:
    most = MOST_SAMPLED - len(SAID_OF_BAD) if quarantined else MOST_SAMPLED
    names = [column.name for column in found.columns[:most]]
    try:
        return workspace.data.sample(actor, ref=found.ref, rows=_SAMPLE_ROWS, columns=names, quarantined=quarantined)
    except MissingExtra:
        return None
