import pytest
from tests.unit.answers import answer_two_days

from tidemill.core.access import OWNER
from tidemill.server.pages.window_reports import window_report

PAGE = "/endpoints/delay/windows"


@pytest.fixture
def see(serve, workspace):
    http = serve()

    def seen(path, status=200):
        answer = http.get(path)
        assert answer.status_code == status
        return answer.text

    return seen


def test_an_endpoint_lists_its_windows(see, workspace):
    answer_two_days(workspace)

    shown = see("/endpoints/delay")

    assert "What it saw" in shown
    assert f'href="{PAGE}/2026-03-02T00:00:00Z"' in shown
    assert f'href="{PAGE}/2026-03-01T00:00:00Z"' in shown


def test_a_window_stands_beside_the_training_rows(see, workspace):
    answer_two_days(workspace)

    latest = see(f"{PAGE}/latest")

    assert latest == see(f"{PAGE}/2026-03-02T13:00:00+00:00")
    for told in ("2026-03-02 to 2026-03-03", "the training rows of delay@1", "moved 0.", "PSI", "What goes with truth"):
        assert told in latest
    assert 'href="/datasets/rows/1"' in latest
    assert "<code><bdi>gone</bdi></code>" in latest
    assert f'rel="prev" href="{PAGE}/2026-03-01T00:00:00Z"' in latest
    assert 'rel="next"' not in latest
    assert "&lt;b&gt;" in latest
    assert "person7@" not in latest
    assert latest.index("columns/x%2Fy") < latest.index("columns/kind")
    assert "columns/x%2Fy?with=truth#together" in latest
    assert "?with=" not in see(f"{PAGE}/latest?target=")


def test_a_column_is_drawn_beside_that_of_training_and_by_truth(see, workspace):
    answer_two_days(workspace)

    shown = see(f"{PAGE}/latest/columns/x%2Fy")
    texts = see(f"{PAGE}/latest/columns/kind")

    for told in (
        "In this window, beside",
        "share of rows by value",
        "in training,",
        "Rows with truth true, %, by x/y",
        "Rows with gone true, %, by x/y",
    ):
        assert told in shown
    assert "twins" in texts
    assert "person7@" not in see(f"{PAGE}/latest/columns/mail")
    assert "column_not_found" in see(f"{PAGE}/latest/columns/kin", status=404)
    assert see(f"{PAGE}/latest/columns/truth?with=kind")


def test_what_no_training_rows_are_said_of_stands_alone(see, workspace):
    answer_two_days(workspace, trained=False)

    assert "It is not said what delay@1 was trained on" in see(f"{PAGE}/latest")
    assert "In this window, beside" not in see(f"{PAGE}/latest/columns/x%2Fy")


def test_windows_that_are_not_there_are_told(see, workspace):
    assert "endpoint_not_found" in see(f"{PAGE}/latest", status=404)
    workspace.delivery.create_endpoint(OWNER, name="delay")
    assert "nothing_answered" in see(f"{PAGE}/latest", status=404)
    assert "window_unreadable" in see(f"{PAGE}/yesterday", status=400)


def test_a_report_holds_both_sides(workspace):
    answer_two_days(workspace)

    report = window_report(workspace.window_profiles.profile(OWNER, endpoint="delay"))

    for told in (
        "Beside the training rows of delay@1",
        "With <bdi>truth</bdi>",
        "delay: 2026-03-02 to 2026-03-03",
        "delay@1 (120 rows)",
    ):
        assert told in report
    assert "person7@" not in report
    assert "&lt;b&gt;" in report
