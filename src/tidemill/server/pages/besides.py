"""A table beside another: what a window saw beside what its model was trained on, column by column."""

from dataclasses import dataclass, replace

from tidemill.data.profile.records import ColumnProfile, Profile
from tidemill.monitoring.profiling.records import WindowProfile
from tidemill.server.pages.columns import ColumnDetail, column_detail, full_drawing
from tidemill.server.pages.dataset_diffs import Moved, moved_views, value_pairs

MOST_MOVED = 24


@dataclass(frozen=True, slots=True)
class Beside:
    """What a table stands beside.

    Args:
        before: What people call the other one.
        after: What they call this one.
        profile: The other one.
        moved: How far the columns of this one are from those, the furthest first.
        total: How many columns both have.
    """

    before: str
    after: str
    profile: Profile
    moved: list[Moved]
    total: int


def window_name(found: WindowProfile) -> str:
    """Return what people call a window, or several."""
    whole_days = not (found.start.hour or found.start.minute or found.end.hour or found.end.minute)
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M"
    return f"{found.start.strftime(form)} to {found.end.strftime(form)}"


def beside_of(found: WindowProfile, first: int = 0, most: int = MOST_MOVED) -> Beside | None:
    """Return what a window stands beside; None where it is not known what its model was trained on.

    Args:
        found: What is known of the window.
        first: How many of the furthest moved are left out.
        most: The most columns.
    """
    training = found.training
    if training is None or training.profile is None:
        return None
    names = (training.name, "this window")
    views = moved_views(found.moved[first : first + most], training.profile, found.profile, names, first)
    return Beside(*names, training.profile, views, len(found.moved))


def detail_beside(column: ColumnProfile, beside: Beside | None) -> ColumnDetail:
    """Return all that is drawn of a column, its distribution beside that of the same column there."""
    detail = column_detail(column)
    other = beside.profile.column(column.name) if beside else None
    if beside is None or other is None or column.bins is None or other.bins is None:
        return detail
    if type(column.bins) is not type(other.bins):
        return detail
    if column.quantiles and other.quantiles:
        title = f"{column.name}: share of rows by value"
        drawing = full_drawing(title, [(beside.before, "6", other), (beside.after, "1", column)])
    else:
        drawing = value_pairs(other, column)
    return replace(detail, drawing=drawing)
