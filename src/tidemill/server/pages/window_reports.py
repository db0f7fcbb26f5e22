"""What an endpoint saw in a window, as one file of HTML."""

from tidemill.data.profile.relations import relations_of
from tidemill.monitoring.profiling.records import TRUTH, WindowProfile
from tidemill.server.pages import words
from tidemill.server.pages.besides import beside_of, detail_beside, window_name
from tidemill.server.pages.columns import column_view
from tidemill.server.pages.profiles import MOST_RELATIONS, kind_of, relation_views
from tidemill.server.pages.reports import MOST_DETAILED, Reported, standalone
from tidemill.server.pages.targets import target_view


def window_report(found: WindowProfile, *, target: str = "") -> str:
    """Return what an endpoint saw in a window as one file of HTML that asks for nothing else.

    Args:
        found: What is known of it.
        target: The column that the others are held against; `truth`, where any is known, when left out.
    """
    profile, beside = found.profile, beside_of(found)
    held = target or (TRUTH if found.truths else "")
    detailed = len(profile.columns) <= MOST_DETAILED
    versions = ", ".join(f"{each.model}@{each.version} ({words.count(each.rows)} rows)" for each in found.versions)
    columns = [
        Reported(
            column_view(column),
            kind_of(column),
            detail_beside(column, beside) if detailed else None,
            relation_views(relations_of(profile.relations, column.name)[:8]) if detailed else [],
            target_view(profile.relations, column, profile.column(held)) if detailed else None,
        )
        for column in profile.columns
    ]
    values = {
        "title": f"{found.endpoint}: {window_name(found)}",
        "about": f"Answered by {versions}. {words.count(found.truths)} truths are known.",
        "profile": profile,
        "section": {"relations": relation_views(relations_of(profile.relations, held)[:MOST_RELATIONS])},
        "columns": columns,
        "sample": None,
        "target": held,
        "beside": beside,
    }
    return standalone("profile_report.html", values)
