from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tidemill.checks.errors import InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.leakage.leakage import Leakage
from tidemill.checks.leakage.row_overlap import RowOverlap
from tidemill.checks.leakage.single_feature import SingleFeature
from tidemill.checks.leakage.time_overlap import TimeOverlap
from tidemill.checks.outcome import Verdict

START = datetime(2013, 1, 1)  # noqa: DTZ001 - columns hold times without a zone


def flights(first_hour, rows, seed, **more):
    rng = np.random.default_rng(seed)
    late = (rng.random(rows) < 0.3).astype(float)
    return pl.DataFrame(
        {
            "at": [START + timedelta(hours=first_hour + index) for index in range(rows)],
            "distance": rng.normal(1000, 300, rows),
            "weather": late + rng.normal(0, 2, rows),
            "tail": [f"N{value}" for value in rng.integers(0, 10_000_000, rows)],
            "late": late,
            **more,
        }
    )


TRAIN, TEST = flights(0, 3000, 0), flights(3000, 1000, 1)


def inputs(train, test):
    return Inputs(current=test, reference=train, truth="late", time="at")


def test_a_clean_split_by_time_passes_every_check():
    outcome = Leakage().run(inputs(TRAIN, TEST))

    assert outcome.verdict is Verdict.PASS
    assert [row[0] for row in outcome.table.rows] == ["time_overlap", "row_overlap", "single_feature"]


def test_a_random_split_overlaps_in_time():
    rows = pl.concat([TRAIN, TEST]).sample(fraction=1, shuffle=True, seed=0)

    outcome = TimeOverlap().run(inputs(rows.head(3000), rows.tail(1000)))

    assert outcome.verdict is Verdict.FAIL
    assert float(outcome.value or 0) > 0.9


def test_the_gap_that_labels_need_is_kept():
    assert TimeOverlap(gap="1h").run(inputs(TRAIN, TEST)).verdict is Verdict.FAIL
    assert TimeOverlap(gap="30m").run(inputs(TRAIN, TEST)).verdict is Verdict.PASS


def test_test_rows_in_training_are_found_and_told():
    outcome = RowOverlap().run(inputs(TRAIN, pl.concat([TEST, TRAIN.head(100)])))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.value == pytest.approx(100 / 1100)
    assert str(outcome.table.rows[0][0]).startswith("1001, 1002, ")


def test_rows_are_compared_by_the_key():
    given = Inputs(current=TEST.with_columns(id=pl.lit(7)), reference=TRAIN.with_columns(id=pl.lit(7)), key=("id",))

    assert RowOverlap().run(given).value == 1


@pytest.mark.parametrize(
    "leak",
    [
        lambda frame: frame["late"] * 2 + 1,
        lambda frame: 1 - frame["late"],
        lambda frame: frame["late"].replace_strict({0.0: "no", 1.0: "yes"}),
        lambda frame: pl.select(pl.when(frame["late"] == 1).then(5.0)).to_series(),
    ],
)
def test_a_feature_that_tells_the_truth_is_found(leak):
    frame = TEST.with_columns(leak(TEST).alias("leak"))

    outcome = SingleFeature().run(Inputs(current=frame, truth="late"))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.table.rows[0][0] == "leak"


def test_an_identifier_is_no_oracle():
    outcome = SingleFeature(columns=("tail",)).run(Inputs(current=TRAIN, truth="late"))

    assert outcome.value == pytest.approx(0.5, abs=0.05)


def test_a_number_as_truth_is_judged_by_variance_explained():
    frame = TEST.with_columns(minutes=pl.col("distance") * 2)

    outcome = SingleFeature(columns=("distance", "weather"), at_most=0.9).run(Inputs(current=frame, truth="minutes"))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.table.rows[0][:2] == ("distance", "r2")


def test_times_of_other_types_are_refused():
    with pytest.raises(InvalidParam):
        TimeOverlap().run(inputs(TRAIN, TEST.with_columns(pl.col("at").cast(pl.String))))


def test_only_what_the_inputs_allow_is_run_and_said():
    outcome = Leakage().run(Inputs(current=TEST, truth="late"))

    assert "Not run: row_overlap, time_overlap" in outcome.reason
