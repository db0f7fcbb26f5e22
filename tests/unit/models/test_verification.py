"""What was written is compared with the original, and a doubtful way to predict is not served."""

from typing import Any

import numpy as np
import pytest

from tidemill.models import verification
from tidemill.models.examples import read_example
from tidemill.models.loading import check_folder, find_framework, load_predictor
from tidemill.models.manifest import DamagedModel
from tidemill.models.saving import verify_model
from tidemill.models.signatures import Field
from tidemill.models.verification import ModelDiffers, edge_rows, verify


class Bent:
    """A framework whose predictors answer as told for some plans."""

    plans = ("native", "package")

    def __init__(self, real, bend, *, row_only=False):
        self._real, self._bend, self._row_only = real, bend, row_only
        self.ask = real.ask

    def read(self, folder, manifest, *, plan):
        return BentPredictor(self._real.read(folder, manifest, plan=plan), self._bend.get(plan), self._row_only)


class BentPredictor:
    def __init__(self, real, by, row_only):
        if isinstance(by, Exception):
            raise by
        self.signature, self.cost_hint_us = real.signature, 1.0
        self._real, self._by, self._row_only = real, by or 0.0, row_only

    def predict_columns(self, columns, count):
        found = self._real.predict_columns(columns, count)
        if not self._row_only:
            found["probability"] = [value + self._by for value in found["probability"]]
        return found

    def predict_row(self, row):
        probability, label = self._real.predict_row(row)
        return probability + self._by, label


def compare(made, bend, **more):
    folder, model, table = made
    row_only = more.pop("row_only", False)
    framework: Any = Bent(find_framework("lightgbm"), bend, row_only=row_only)
    return verify(folder, check_folder(folder), framework, model, read_example(table), **more)


def test_the_fastest_way_that_agrees_is_chosen(made):
    found = compare(made, {})
    assert (found.chosen, [plan.plan for plan in found.plans]) == ("native", ["native"])
    assert found.single_row
    assert found.plans[0].largest_difference == 0.0


def test_a_way_that_differs_or_fails_is_passed_over_and_the_reason_kept(made):
    for bend in (1e-9, DamagedModel("no such library")):
        found = compare(made, {"native": bend})
        assert found.chosen == "package"
        assert [plan.agrees for plan in found.plans] == [False, True]
        assert found.plans[0].problem


def test_when_nothing_agrees_the_model_is_refused(made):
    with pytest.raises(ModelDiffers, match="probability of row 0"):
        compare(made, {"native": 0.5, "package": 0.5})


def test_a_difference_within_the_tolerance_is_recorded(made):
    found = compare(made, {"native": 1e-9}, tolerance=1e-6)
    assert found.chosen == "native"
    assert found.plans[0].largest_difference == pytest.approx(1e-9, rel=1e-3)


def test_a_single_row_that_differs_alone_is_not_served_alone(made):
    found = compare(made, {"native": 1e-9}, row_only=True)
    assert found.chosen == "native"
    assert not found.single_row
    assert "probability" in found.plans[0].problem


def test_verifying_again_records_the_outcome(folder, made):
    _, model, table = made
    report = verify_model(folder, model, table.head(10))
    assert check_folder(folder).verification == report
    assert report.sample_rows == 10
    load_predictor(folder)


def test_another_model_is_found_out(folder, made):
    import lightgbm as lgb

    table = made[2]
    other = lgb.LGBMClassifier(n_estimators=5, verbose=-1).fit(table, np.arange(len(table)) % 2)
    with pytest.raises(ModelDiffers):
        verify_model(folder, other, table)


def test_edge_rows_hold_nulls_only_where_allowed_and_values_never_seen():
    fields = [
        Field(name="x", type="double", required=False),
        Field(name="s", type="string"),
        Field(name="n", type="long"),
    ]
    example = read_example({"x": [1.0, None], "s": ["a", "b"], "n": [1, 2]})
    rows = edge_rows(fields, example)
    assert None in rows["x"]
    assert None not in rows["s"]
    assert None not in rows["n"]
    assert verification._UNSEEN in rows["s"]
    assert {1e308, -1e308, 2.0**53} <= set(rows["x"]) - {None}
    assert 2**53 in rows["n"]
    assert len({len(values) for values in rows.values()}) == 1
