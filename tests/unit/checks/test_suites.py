import numpy as np
import polars as pl
import pytest

from tidemill.checks.errors import InvalidParam, UnknownCheck, UnknownSuite
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.suites import SUITES, check_settings, choose_suite

RNG = np.random.default_rng(0)
ROWS = 2000
FRAME = pl.DataFrame(
    {
        "id": np.arange(ROWS),
        "x": RNG.normal(size=ROWS),
        "c": RNG.choice(["a", "b"], ROWS),
        "late": RNG.random(ROWS) < 0.3,
    }
)
WHOLE = Inputs(current=FRAME, reference=FRAME.with_columns(pl.col("id") - ROWS), truth="late", key=("id",), time="id")


def params(chosen):
    return {check.name: check for check in chosen.suite.checks}


@pytest.mark.parametrize("name", SUITES)
def test_every_check_of_a_suite_is_made_and_runs(name):
    chosen = choose_suite(name, WHOLE)

    report = chosen.suite.run(WHOLE)

    assert chosen.skipped == {}
    assert [one.check for one in report.outcomes] == [entry.name for entry in SUITES[name]]


def test_a_clean_table_passes_as_a_whole():
    chosen = choose_suite("integrity", WHOLE)

    assert chosen.suite.run(WHOLE).verdict is Verdict.PASS


def test_checks_that_lack_what_they_need_are_left_out_with_the_reason():
    chosen = choose_suite("integrity", Inputs(current=FRAME.select("x")))

    assert chosen.skipped["class_balance"] == "no label is given"
    assert chosen.skipped["mixed_types"] == "the table has no column of texts"
    assert {check.name for check in chosen.suite.checks} >= {"single_value", "outliers"}


def test_inference_shares_one_error_rate():
    chosen = choose_suite("train-test", WHOLE)
    rates = params(chosen)

    assert rates["drift"].false_alarm_rate == pytest.approx(0.05 / 4)
    assert rates["multivariate_drift"].confidence == pytest.approx(1 - 0.05 / 4)


def test_settings_change_limits_and_leave_checks_out():
    chosen = choose_suite("integrity", WHOLE, {"outliers": False, "missing_values": {"at_most": 0.5}})
    made = params(chosen)

    assert chosen.skipped["outliers"] == "it was left out"
    assert (made["missing_values"].at_most, made["missing_values"].severity) == (0.5, "warn")


@pytest.mark.parametrize(
    ("suite", "settings", "error", "hint"),
    [
        ("integrty", {}, UnknownSuite, "integrity"),
        ("integrity", {"outlier": False}, UnknownCheck, "outliers"),
        ("integrity", {"drift": False}, InvalidParam, ""),
        ("integrity", {"outliers": {"at_mots": 1}}, InvalidParam, "at_most"),
        ("integrity", {"outliers": 3}, InvalidParam, "false"),
    ],
)
def test_settings_that_do_not_fit_are_refused(suite, settings, error, hint):
    with pytest.raises(error) as raised:
        check_settings(suite, settings)

    assert hint in raised.value.hint
