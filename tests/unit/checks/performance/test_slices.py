import numpy as np
import polars as pl
import pytest

from tidemill.checks.errors import ColumnMissing, InvalidParam
from tidemill.checks.inputs import Inputs
from tidemill.checks.outcome import Verdict
from tidemill.checks.performance.slices import Slices


def inputs(rng, rows=8000, groups=8, bad=None):
    group = rng.integers(0, groups, rows)
    truth = (rng.random(rows) < 0.4).astype(float)
    score = truth + rng.normal(0, 1, rows)
    if bad is not None:
        score = np.where(group == bad, rng.normal(0, 1, rows), score)
    frame = pl.DataFrame({"carrier": group.astype(str), "half": rng.integers(0, 2, rows), "t": truth, "p": score})
    return Inputs(current=frame, truth="t", prediction="p")


def test_the_group_that_is_no_better_than_chance_is_found():
    outcome = Slices(by=("carrier",), worst=">= 0.65").run(inputs(np.random.default_rng(0), bad=3))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.table.rows[0][0] == "carrier=3"
    assert outcome.value == pytest.approx(0.5, abs=0.05)


def test_equal_groups_just_above_the_bound_rarely_fail():
    rng = np.random.default_rng(1)
    true = 0.76  # of a normal shift of one deviation

    fails = sum(
        Slices(by=("carrier",), worst=f">= {true}").run(inputs(rng)).verdict is Verdict.FAIL for _ in range(100)
    )

    assert fails <= 9


def test_groups_are_combinations_or_columns_apart():
    given = inputs(np.random.default_rng(2))

    together = Slices(by=("carrier", "half")).run(given)
    apart = Slices(by=("carrier", "half"), apart=True).run(given)

    assert len(together.table.rows) == 16
    assert len(apart.table.rows) == 10
    assert any(row[0] == "carrier=1, half=0" for row in together.table.rows)


def test_groups_that_are_too_small_are_counted_and_left_out():
    given = inputs(np.random.default_rng(3), rows=2000, groups=100)

    assert Slices(by=("carrier",)).run(given).verdict is Verdict.INCONCLUSIVE


def test_losses_are_worst_where_they_are_largest():
    given = inputs(np.random.default_rng(4), bad=2)

    outcome = Slices(by=("carrier",), metric="rmse", worst="<= 2").run(given)

    assert outcome.value == max(float(row[1] or 0) for row in outcome.table.rows)


@pytest.mark.parametrize(
    "params", [{"by": ()}, {"by": ("carrier",), "worst": "<= 0.6"}, {"by": ("carrier",), "metric": "x"}]
)
def test_params_without_sense_are_refused(params):
    with pytest.raises(InvalidParam):
        Slices(**params).run(inputs(np.random.default_rng(0)))


def test_an_unknown_column_is_named():
    with pytest.raises(ColumnMissing, match="carrierr"):
        Slices(by=("carrierr",)).run(inputs(np.random.default_rng(0)))
