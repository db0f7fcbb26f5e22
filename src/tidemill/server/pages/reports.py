"""A profile as one file of HTML, and records as notebooks show them: the same look, nothing from outside."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from markupsafe import Markup

from tidemill.data.profile.interest import interest
from tidemill.data.profile.records import Profile
from tidemill.data.profile.relations import relations_of
from tidemill.data.records import DatasetVersion, Diff, Sample
from tidemill.server.pages import assets, shell
from tidemill.server.pages.columns import ColumnDetail, ColumnView, column_detail, column_view
from tidemill.server.pages.dataset_diffs import sample_rows
from tidemill.server.pages.profiles import MOST_RELATIONS, Asked, RelationView, kind_of, relation_views, section_of
from tidemill.server.pages.targets import TargetView, target_view

MOST_DETAILED = 300
"""From so many columns on a report holds their small multiples alone, so that it opens at once."""
MOST_REPORTED = 1000
_MOST_IN_NOTEBOOK = 60


@dataclass(frozen=True, slots=True)
class Reported:
    """A column of a report."""

    view: ColumnView
    kind: str
    detail: ColumnDetail | None
    related: list[RelationView]
    target: TargetView | None = None


def profile_report(
    profile: Profile, *, title: str, about: str = "", target: str = "", sample: Sample | None = None
) -> str:
    """Return a profile as one file of HTML that asks for nothing else.

    Args:
        profile: What is known of the table.
        title: What it is of.
        about: A line about where it came from.
        target: The column that the others are held against.
        sample: Some rows.
    """
    shown = _worth_a_look(profile, target)
    section = section_of(shown, Asked(target=target), most=len(shown.columns) or 1)
    detailed = len(shown.columns) <= MOST_DETAILED
    held = profile.column(target)
    columns = [
        Reported(
            view,
            kind_of(column),
            column_detail(column) if detailed else None,
            relation_views(relations_of(profile.relations, column.name)[:8]) if detailed else [],
            target_view(profile.relations, column, held) if detailed else None,
        )
        for view, column in zip(section.columns, shown.columns, strict=True)
    ]
    values = {
        "title": title,
        "about": about,
        "profile": profile,
        "section": section,
        "columns": columns,
        "sample": sample,
        "target": target,
        "beside": None,
    }
    return standalone("profile_report.html", values)


def _worth_a_look(profile: Profile, target: str) -> Profile:
    """Return the profile with as many columns as a browser shows at once: the target, and those most worth a look."""
    if len(profile.columns) <= MOST_REPORTED:
        return profile
    ordered = sorted(profile.columns, key=lambda column: (column.name != target, -interest(column).score))
    return msgspec.structs.replace(profile, columns=tuple(ordered[:MOST_REPORTED]))


def standalone(template: str, values: Mapping[str, object]) -> str:
    """Return a page with its styles and scripts inside."""
    script = assets.content("charts.js").replace("export function", "function")
    return shell.fragment(
        template,
        {
            **values,
            "styles": Markup(assets.content("tidemill.css")),  # noqa: S704 - ours, as it is on disk
            "script": Markup(script),  # noqa: S704 - ours too
        },
    )


def notebook_html(record: object) -> str:
    """Return what a notebook shows for a record."""
    if isinstance(record, Profile):
        return profile_fragment(record)
    if isinstance(record, DatasetVersion):
        return version_fragment(record)
    if isinstance(record, Diff):
        return diff_fragment(record)
    raise TypeError(f"no notebook view of {type(record).__name__}")


def profile_fragment(profile: Profile) -> str:
    """Return a profile as a notebook shows it."""
    shown = profile.columns[:_MOST_IN_NOTEBOOK]
    values = {
        "profile": profile,
        "views": [column_view(column) for column in shown],
        "left_out": len(profile.columns) - len(shown),
        "relations": relation_views(relations_of(profile.relations)[:MOST_RELATIONS]),
    }
    return _framed(shell.fragment("notebook_profile.html", values))


def version_fragment(version: DatasetVersion) -> str:
    """Return a version of a dataset as a notebook shows it."""
    return _framed(shell.fragment("notebook_version.html", {"version": version}))


def diff_fragment(diff: Diff) -> str:
    """Return what differs between two versions as a notebook shows it."""
    found = diff.rows
    kinds = (
        [
            ("Changed", sample_rows(found.changed_sample, found.key), found.changed),
            ("Added", sample_rows(found.added_sample, found.key), found.added),
            ("Removed", sample_rows(found.removed_sample, found.key), found.removed),
        ]
        if found
        else []
    )
    rows = [(title, table, total) for title, table, total in kinds if table]
    return _framed(shell.fragment("notebook_diff.html", {"diff": diff, "rows": rows}))


def _framed(content: str) -> str:
    """Return a part of a notebook with its styles, which hold inside of it alone."""
    styles = assets.content("tidemill.css").replace(":root", "&")
    return f'<div class="tidemill-output"><style>.tidemill-output {{\n{styles}\n}}</style>{content}</div>'
