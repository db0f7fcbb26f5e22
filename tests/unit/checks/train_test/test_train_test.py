"""What the checks of training beside test find."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.train_test.association_change import AssociationChange
from tidemill.checks.train_test.dataset_sizes import DatasetSizes
from tidemill.checks.train_test.key_overlap import KeyOverlap
from tidemill.checks.train_test.label_drift import LabelDrift
from tidemill.checks.train_test.multivariate_drift import MultivariateDrift
from tidemill.checks.train_test.new_categories import NewCategories
from tidemill.checks.train_test.new_labels import NewLabels
from tidemill.checks.train_test.new_variants import NewVariants
from tidemill.checks.train_test.time_duplicates import TimeDuplicates

START = date(2013, 1, 1)


def table(seed, rows=3000, first_day=0, *, rate=0.3, together=0.0):
    rng = np.random.default_rng(seed)
    late = rng.random(rows) < rate
    x = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "id": np.arange(rows) + 100_000 * first_day,
            "day": [START + timedelta(days=first_day + at * 20 // rows) for at in range(rows)],
            "x": x,
            "y": together * x + np.sqrt(1 - together**2) * rng.normal(size=rows),
            "c": rng.choice(["JFK", "LGA", "EWR"], rows),
            "late": late,
        }
    )


def inputs(train, test):
    return Inputs(current=test, reference=train, truth="late", time="day", key=("id",))


TRAIN, TEST = table(0), table(1, first_day=20)
CHECKS = [
    AssociationChange(), DatasetSizes(), KeyOverlap(), LabelDrift(), MultivariateDrift(), NewCategories(), NewLabels(),
    NewVariants(), TimeDuplicates(),
]  # fmt: skip


def run(check, inputs):
    return check.run(inputs)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_clean_split_passes(check):
    outcome = run(check, inputs(TRAIN, TEST))

    assert outcome.check == check.name
    assert outcome.verdict is Verdict.PASS


def test_a_small_test_is_told():
    outcome = run(DatasetSizes(), inputs(TRAIN, TEST.head(20)))

    assert outcome.verdict is Verdict.WARN
    assert "fewer than 500 rows, less than 1% of training" in outcome.reason


def test_classes_and_categories_that_training_lacks_are_told():
    train = TRAIN.with_columns(late=pl.lit(value=False)).filter(pl.col("c") != "EWR")

    labels, categories = (run(check, inputs(train, TEST)) for check in (NewLabels(), NewCategories()))

    assert labels.verdict is Verdict.FAIL
    assert "'true'" in labels.reason
    assert categories.verdict is Verdict.WARN
    assert categories.table.rows[0][0] == "c"
    assert categories.value == pytest.approx((TEST["c"] == "EWR").mean())


def test_a_column_of_names_holds_no_categories():
    named = [
        frame.with_columns((pl.col("id") + shift).cast(pl.String).alias("c"))
        for frame, shift in ((TRAIN, 0), (TEST, 10**9))
    ]

    assert run(NewCategories(), inputs(*named)).verdict is Verdict.INCONCLUSIVE
    assert run(NewCategories(columns=("c",)), inputs(*named)).value == 1.0


def test_words_written_otherwise_than_in_training_fail():
    test = TEST.with_columns(pl.when(pl.col("c") == "JFK").then(pl.lit("j.f.k.")).otherwise("c").alias("c"))

    outcome = run(NewVariants(), inputs(TRAIN, test))

    assert outcome.verdict is Verdict.FAIL
    assert "'j.f.k.'" in outcome.reason


def test_keys_and_days_on_both_sides_are_told():
    again = pl.concat([TEST, TRAIN.head(30)])

    keys, days = (run(check, inputs(TRAIN, again)) for check in (KeyOverlap(), TimeDuplicates()))

    assert keys.verdict is days.verdict is Verdict.FAIL
    assert keys.value == days.value == pytest.approx(30 / again.height)


def test_a_label_that_moved_fails_by_its_own_name():
    outcome = run(LabelDrift(), inputs(TRAIN, table(2, first_day=20, rate=0.7)))

    assert (outcome.check, outcome.verdict) == ("label_drift", Verdict.FAIL)


def test_columns_that_no_longer_go_together_are_found_though_none_has_moved():
    outcome = run(MultivariateDrift(), inputs(TRAIN, table(3, first_day=20, together=0.9)))

    assert outcome.verdict is Verdict.FAIL
    assert {row[0] for row in outcome.table.rows[:2]} == {"x", "y"}


def test_tables_of_one_origin_are_hardly_ever_told_apart():
    verdicts = [
        run(MultivariateDrift(at_most=0.5), inputs(table(seed, 1000), table(1000 + seed, 1000, 20))).verdict
        for seed in range(60)
    ]

    assert verdicts.count(Verdict.FAIL) <= 5  # 1.5 of 60 at a rate of 0.025


def test_a_feature_that_told_more_in_training_is_found():
    leaking = TRAIN.with_columns(pl.when(pl.col("late")).then(pl.col("x") + 2).otherwise("x").alias("x"))

    outcome = run(AssociationChange(), inputs(leaking, TEST))

    assert outcome.verdict is Verdict.WARN
    assert outcome.table.rows[0][0] == "x"
    assert outcome.interval.high < -0.1
