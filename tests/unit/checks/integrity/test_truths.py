"""What the checks of truths and of rows find."""

import numpy as np
import polars as pl
import pytest

from tidemill.checks.inputs import Inputs
from tidemill.checks.integrity.class_balance import ClassBalance
from tidemill.checks.integrity.conflicting_labels import ConflictingLabels
from tidemill.checks.integrity.feature_correlation import FeatureCorrelation
from tidemill.checks.integrity.identifier_leakage import IdentifierLeakage
from tidemill.checks.integrity.outliers import Outliers
from tidemill.checks.leakage.single_feature import SingleFeature
from tidemill.checks.outcome import Verdict

ROWS = 2000


def table(seed=0, rows=ROWS):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "x": rng.normal(size=rows),
            "y": rng.lognormal(size=rows),
            "c": rng.choice(["a", "b", "c"], rows),
            "late": rng.random(rows) < 0.3,
        }
    )


def inputs(frame):
    return Inputs(current=frame, truth="late", key=("id",))


def run(check, inputs):
    return check.run(inputs)


@pytest.mark.parametrize(
    "check", [ClassBalance(), ConflictingLabels(), FeatureCorrelation(), IdentifierLeakage(), Outliers()], ids=str
)
def test_a_clean_table_passes(check):
    assert run(check, inputs(table())).verdict is Verdict.PASS


def test_rows_alike_with_other_truths_limit_every_model():
    frame = pl.DataFrame({"x": [1, 1, 1, 2, 3], "late": [True, True, False, True, False]})

    outcome = run(ConflictingLabels(), Inputs(current=frame, truth="late"))

    assert outcome.value == 0.6
    assert "no model of these features can be right in more than 80.00% of the rows" in outcome.reason
    assert outcome.table.rows == ((3, 2, "1, 3"),)


def test_a_rare_class_is_told():
    frame = pl.DataFrame({"late": ["no"] * 990 + ["yes"] * 10})

    outcome = run(ClassBalance(), Inputs(current=frame, truth="late"))

    assert outcome.verdict is Verdict.WARN
    assert outcome.value == pytest.approx(10 / 990)


def test_amounts_have_no_balance():
    frame = pl.DataFrame({"late": np.random.default_rng(0).normal(size=100)})

    assert run(ClassBalance(), Inputs(current=frame, truth="late")).verdict is Verdict.INCONCLUSIVE


def test_a_table_sorted_by_its_truth_leaks_through_the_identifier():
    frame = table().sort("late").with_columns(pl.int_range(pl.len()).alias("id"))

    outcome = run(IdentifierLeakage(), inputs(frame))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.interval.low > 0.9


def test_features_that_say_the_same_are_paired_whatever_their_types():
    rng = np.random.default_rng(1)
    frame = table().with_columns(
        (pl.col("x").exp() + pl.lit(pl.Series(rng.normal(0, 1e-3, ROWS)))).alias("x2"),
        pl.col("c").replace({"a": "A", "b": "B"}).alias("c2"),
        pl.when(pl.col("c") == "a").then(5.0).otherwise(1.0).alias("cost"),
    )

    outcome = run(FeatureCorrelation(), inputs(frame))

    pairs = {row[:3]: row[3] for row in outcome.table.rows}
    assert outcome.verdict is Verdict.WARN
    assert pairs["x", "x2", "spearman"] > 0.99
    assert pairs["c", "c2", "cramers_v"] == pytest.approx(1.0)
    assert pairs["c", "cost", "correlation_ratio"] == pytest.approx(1.0)
    assert pairs["x", "y", "spearman"] < 0.1


def test_correlation_is_measured_over_the_rows_that_have_both():
    frame = table().with_columns(pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("x")).alias("half"))

    outcome = run(FeatureCorrelation(columns=("x", "half")), inputs(frame))

    assert outcome.value > 0.99
    assert outcome.table.rows[0][6] == ROWS // 2


def test_no_pair_of_independent_columns_is_surely_related_in_any_of_many_tables():
    found = [
        run(FeatureCorrelation(at_most=0.0), inputs(table(seed, 500))).verdict is Verdict.FAIL for seed in range(40)
    ]

    assert False in found  # any interval above nothing at all would be a false alarm
    limits = [run(FeatureCorrelation(at_most=0.1), inputs(table(seed, 500))) for seed in range(40)]
    assert all(one.table.rows[0][4] <= 0.1 for one in limits)


def test_rows_far_from_all_others_are_found_with_their_numbers():
    frame = table()
    strange = pl.DataFrame({"id": [0], "x": [40.0], "y": [900.0], "c": ["a"], "late": [True]}, schema=frame.schema)

    outcome = run(Outliers(at_most=0.0), inputs(pl.concat([frame, strange])))

    assert outcome.table.rows[0][0] == ROWS + 1
    assert outcome.table.rows[0][1] > 0.99
    assert outcome.table.rows[0][2:] == ("y", "900.0")


def test_a_share_of_outliers_on_a_sample_has_an_interval():
    rng = np.random.default_rng(3)
    strange = rng.random(20_000) < 0.01
    frame = pl.DataFrame({"x": np.where(strange, 10 ** rng.uniform(1, 6, 20_000), rng.normal(size=20_000))})

    outcome = run(Outliers(sample=3000, at_most=0.001), Inputs(current=frame))

    assert outcome.verdict is Verdict.WARN
    assert 0.001 < outcome.interval.low < outcome.value < 0.01
    assert "of 20,000 rows" in outcome.reason


def test_a_feature_that_tells_one_of_many_words_is_found():
    rng = np.random.default_rng(5)
    words = rng.choice(["red", "green", "blue", "black"], ROWS)
    frame = pl.DataFrame({"word": words, "leak": (words == "blue") * 1.0, "noise": rng.normal(size=ROWS)})

    outcome = run(SingleFeature(), Inputs(current=frame, truth="word"))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.table.rows[0][0] == "leak"
    assert outcome.table.rows[1][2] < 0.6
