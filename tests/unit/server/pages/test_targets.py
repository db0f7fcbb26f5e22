import polars as pl
import pytest

from tidemill.data.profile.build import profile_frame
from tidemill.data.profile.records import Profile
from tidemill.server.pages.targets import target_view


@pytest.fixture(scope="module")
def profile() -> Profile:
    return profile_frame(
        pl.DataFrame(
            {
                "hour": [at % 24 for at in range(240)],
                "late": [at % 24 > 11 for at in range(240)],
                "carrier": [("<b>", "UA")[at % 2] for at in range(240)],
                "day": pl.date_range(pl.date(2026, 1, 1), pl.date(2026, 8, 28), eager=True),
            }
        )
    )


def view(profile: Profile, column: str, target: str, positive: str = ""):
    held = profile.column(column)
    assert held is not None
    return target_view(profile.relations, held, profile.column(target), positive)


def test_bins_of_whole_numbers_say_which_numbers_they_hold(profile):
    found = view(profile, "hour", "late")

    assert "Rows with late true, %, by hour" in found.drawing
    assert "0 to 1" in found.drawing
    assert "2 to 3" in found.drawing
    assert "22 to 23" in found.drawing
    assert found.overall.startswith("50")
    assert (found.rows, found.choices, found.positive) == (240, ("false", "true"), "true")


def test_moments_are_bins_with_their_days(profile):
    assert "2026-01-01 to 2026-01-20" in view(profile, "day", "hour").drawing


def test_columns_of_few_values_are_a_line_each(profile):
    found = view(profile, "carrier", "late")

    assert not found.drawing
    assert [line.label for line in found.lines] == ["<b>", "UA"]
    assert found.lines[0].width == "100%"


def test_text_of_any_origin_is_harmless_in_a_drawing(profile):
    assert "<b>" not in view(profile, "hour", "carrier", "<b>").drawing


def test_moments_are_no_target_and_a_column_is_none_of_itself(profile):
    assert view(profile, "hour", "day") is None
    assert view(profile, "hour", "hour") is None
    assert view(profile, "hour", "no such") is None
