from datetime import UTC, datetime

import pytest
from tests.unit.answers import answer_two_days

import tidemill
from tidemill.app import Workspace
from tidemill.core.settings import Settings
from tidemill.data.errors import UnknownColumn


@pytest.fixture
def settings(tmp_path):
    found = Settings(home=tmp_path / "home")
    with Workspace(found) as workspace:
        answer_two_days(workspace)
    return found


def test_a_window_is_looked_at_in_python(settings, tmp_path):
    seen = tidemill.window_profile("delay", settings=settings)

    assert seen.window is not None
    assert seen.window.start == datetime(2026, 3, 2, tzinfo=UTC)
    assert [each.column for each in seen.moved] == ["x/y", "kind"]
    assert seen["x/y"].mean == pytest.approx(3, abs=0.3)
    assert seen.target == "truth"
    curve = seen.by_target("output.probability")
    assert curve is not None
    assert curve.overall == pytest.approx(0.5, abs=0.15)
    assert seen.relations()[0].first == "truth"
    assert "tidemill-output" in seen._repr_html_()
    assert "Beside the training rows of delay@1" in seen.save(tmp_path / "w.html").read_text()
    with pytest.raises(UnknownColumn):
        seen["y"]


def test_windows_are_named_by_moments_or_texts(settings):
    both = tidemill.window_profile("delay", "2026-03-01", through=datetime(2026, 3, 2, 5), settings=settings)  # noqa: DTZ001
    first = tidemill.window_profile("delay", datetime(2026, 3, 1, 5, tzinfo=UTC), target="kind", settings=settings)

    assert (both.profile.rows, first.profile.rows, first.target) == (240, 120, "kind")
