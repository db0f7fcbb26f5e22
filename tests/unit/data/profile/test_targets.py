import polars as pl
import pytest

from tidemill.data.masking import mask_profile
from tidemill.data.profile.build import profile_frame
from tidemill.data.profile.records import Profile
from tidemill.data.profile.targets import OTHERS, target_curve

ROWS = 240


@pytest.fixture(scope="module")
def profile() -> Profile:
    late = [at * 2 > ROWS for at in range(ROWS)]
    return profile_frame(
        pl.DataFrame(
            {
                "distance": [at + 0.25 for at in range(ROWS)],
                "late": late,
                "answer": ["no" if one else "yes" for one in late],
                "grade": ["abc"[at % 3] for at in range(ROWS)],
                "mail": [f"p{at if at % 2 else 0}@example.com" for at in range(ROWS)],
                "delay": [float(at) + 0.5 for at in range(ROWS)],
            }
        )
    )


def test_the_mean_of_a_number_by_bin_of_another(profile):
    curve = target_curve(profile.relations, "distance", "delay")

    assert curve is not None
    assert curve.kind == "mean"
    assert curve.overall == pytest.approx((ROWS - 1) / 2 + 0.5)
    assert [each.rows for each in curve.bins] == [ROWS // 12] * 12
    assert curve.bins[0].low == 0.25
    assert curve.bins[-1].high == ROWS - 0.75
    assert curve.bins[0].value == pytest.approx(ROWS / 24)
    assert curve.bins[0].error is not None


def test_the_rate_of_the_positive_class_by_bin_of_a_number(profile):
    curve = target_curve(profile.relations, "distance", "late")

    assert curve is not None
    assert (curve.kind, curve.positive, curve.choices) == ("rate", "true", ("false", "true"))
    assert [each.value for each in curve.bins] == [0.0] * 6 + [pytest.approx(19 / 20)] + [1.0] * 5


def test_another_class_can_be_counted(profile):
    curve = target_curve(profile.relations, "distance", "answer", "no")

    assert curve is not None
    assert curve.positive == "no"
    assert curve.bins[-1].value == 1.0
    assert (target_curve(profile.relations, "distance", "answer") or curve).positive == "yes"
    assert (target_curve(profile.relations, "distance", "grade", "z") or curve).positive in {"a", "b", "c"}


def test_columns_of_few_values_and_frequent_texts_are_bins_too(profile):
    grades = target_curve(profile.relations, "grade", "delay")
    classes = target_curve(profile.relations, "late", "answer")
    mails = target_curve(profile.relations, "mail", "late")

    assert grades is not None
    assert [(each.label, each.rows) for each in grades.bins] == [("a", 80), ("b", 80), ("c", 80)]
    assert classes is not None
    assert [(each.label, each.value) for each in classes.bins] == [("false", 1.0), ("true", 0.0)]
    assert mails is not None
    assert [each.label for each in mails.bins] == ["p0@example.com", OTHERS]


def test_nothing_is_told_of_what_is_not_kept(profile):
    assert target_curve(None, "distance", "late") is None
    assert target_curve(profile.relations, "distance", "distance") is None
    assert target_curve(profile.relations, "distance", "mail") is None
    assert target_curve(profile.relations, "no such", "late") is None


def test_bins_of_what_is_personal_are_not_told(profile):
    masked = mask_profile(profile, {"mail": ("email",), "distance": ("phone",)})

    assert target_curve(masked.relations, "mail", "late") is None
    assert target_curve(masked.relations, "distance", "late") is None
    assert b"p0@example.com" not in repr(masked.relations).encode()
