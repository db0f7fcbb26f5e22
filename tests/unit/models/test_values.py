"""A model that a step returns is kept as a verified folder."""

import pytest

from tidemill.models.loading import load_predictor
from tidemill.models.values import ExampleMissing, ModelValues


def test_a_model_goes_and_comes_back(made, tmp_path):
    _, model, table = made
    values, place = ModelValues(), tmp_path / "value"
    place.mkdir()
    assert values.can_write(model)
    assert not values.can_write(table)
    values.write(model, place, example=table)
    assert load_predictor(place).predict_row([1.0, "a"])
    assert hasattr(values.read(place), "predict")


def test_without_a_table_it_is_refused(made, tmp_path):
    with pytest.raises(ExampleMissing):
        ModelValues().write(made[1], tmp_path, example=None)
