from tests.unit.answers import answer_two_days

from tidemill.app import Workspace
from tidemill.core.settings import Settings


def answered(tmp_path, **more):
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        answer_two_days(workspace, **more)


def test_a_window_is_told_a_line_a_column(bare, tmp_path):
    answered(tmp_path)

    ran = bare("monitor", "profile", "delay")

    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["NAME", "TYPE", "NULLS", "DISTINCT", "LOW", "HIGH", "MEAN", "MOVED", "PSI"]
    assert [line[0] for line in lines[1:]] == ["x/y", "kind", "mail", "output.probability", "truth"]
    assert float(lines[1][-2]) > 0.7
    assert "2026-03-02 00:00 to 2026-03-03 00:00 UTC: 120 rows answered by delay@1" in ran.err
    assert "120 truths are known" in ran.err
    assert "beside the training rows of delay@1, made from rows@1." in ran.err
    assert "not among the inputs, as a target is: 'gone'." in ran.err


def test_windows_are_named_by_moments_in_utc(bare, tmp_path):
    answered(tmp_path, trained=False)

    first = bare("monitor", "profile", "delay", "--window", "2026-03-01T23:59:59", "--json").json
    both = bare("monitor", "profile", "delay", "--window", "2026-03-01", "--through", "2026-03-02", "--json").json

    assert (first["start"], first["rows"]) == ("2026-03-01T00:00:00Z", 120)
    assert (both["end"], both["rows"], both["windows"]) == ("2026-03-03T00:00:00Z", 240, 2)
    held = bare("monitor", "profile", "delay", "--target", "truth", "--json").json
    assert held["relations"][0]["first"] == "truth"
    assert held["window"]["truths"] == 120
    assert {each["column"] for each in held["targets"]} == {"x/y", "kind", "output.probability"}


def test_a_report_is_written_and_slips_are_told(bare, tmp_path):
    answered(tmp_path)

    ran = bare("monitor", "profile", "delay", "--html", tmp_path / "r.html")

    assert "holds the report: 120 rows, 5 columns." in ran.err
    assert "Beside the training rows of delay@1" in (tmp_path / "r.html").read_text()
    wrong = bare("monitor", "profile", "delay", "--target", "trut")
    assert (wrong.code, "unknown_column" in wrong.err, "truth" in wrong.err) == (2, True, True)
    assert "nothing_answered" in bare("monitor", "profile", "delay", "--window", "2020-01-01").err
