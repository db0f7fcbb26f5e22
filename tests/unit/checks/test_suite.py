import msgspec
import polars as pl
import pytest

from tidemill.checks.errors import InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.suite import Report, Suite, parse_suite

FRAME = pl.DataFrame({"x": [1.0, 2.0, None], "c": ["a", "b", "b"]})


def test_a_suite_reports_every_check_and_the_worst_verdict():
    suite = parse_suite(["duplicates", {"missing_values": {"columns": ["x"]}}, {"ranges": {"low": 0}}])

    report = suite.run(Inputs(current=FRAME))

    assert [one.check for one in report.outcomes] == ["duplicates", "missing_values", "ranges"]
    assert [one.verdict for one in report.outcomes] == [Verdict.PASS, Verdict.FAIL, Verdict.PASS]
    assert report.verdict is Verdict.FAIL


def test_a_check_that_the_inputs_do_not_fit_is_inconclusive_and_stops_no_other():
    report = parse_suite(["drift", "roc_auc", "duplicates"]).run(Inputs(current=FRAME))

    assert [one.verdict for one in report.outcomes] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.PASS]
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "reference" in report.outcomes[0].reason


def test_an_empty_suite_passes():
    assert Suite([]).run(Inputs(current=FRAME)).verdict is Verdict.PASS


def test_a_report_goes_through_json():
    report = parse_suite(["duplicates", "missing_values"]).run(Inputs(current=FRAME))

    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


@pytest.mark.parametrize("entry", [5, {}, {"psi": 5}, {"psi": {}, "drift": {}}, None])
def test_what_is_no_entry_is_refused(entry):
    with pytest.raises(InvalidParam):
        parse_suite([entry])
