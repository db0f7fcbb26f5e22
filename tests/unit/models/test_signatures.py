"""A signature is typed, unique in its names, and goes to MLflow and back."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.models import signatures
from tidemill.models.signatures import Field, InvalidSignature, Signature

TYPES = ["double", "float", "long", "integer", "string", "boolean", "datetime"]
FIELDS = st.builds(Field, name=st.text("abc é_", min_size=1), type=st.sampled_from(TYPES), required=st.booleans())


@pytest.mark.parametrize(
    ("values", "kind", "required"),
    [
        ([1.5, 2.0], "double", True),
        ([1, 2], "long", True),
        ([1, None], "long", False),
        ([1, 2.5], "double", True),
        ([1, float("nan")], "double", False),
        (["a", None], "string", False),
        ([True, False], "boolean", True),
        ([None, None], "double", False),
        ([date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC)], "datetime", True),
    ],
)
def test_a_column_shows_its_type_and_whether_it_may_be_null(values, kind, required):
    assert signatures.infer_field("x", values) == Field(name="x", type=kind, required=required)


@pytest.mark.parametrize("values", [[1, "a"], [True, 1], [b"x"], [[1]], [object()]])
def test_a_column_of_mixed_or_strange_values_is_refused(values):
    with pytest.raises(InvalidSignature, match="'x' of the example holds"):
        signatures.infer_field("x", values)


@given(st.lists(FIELDS, min_size=1, max_size=5))
def test_mlflow_text_comes_back_the_same(fields):
    text = signatures.to_mlflow(fields)
    assert signatures.from_mlflow(text, text) == Signature(inputs=tuple(fields), outputs=tuple(fields))


def test_a_column_without_a_name_gets_one():
    found = signatures.from_mlflow('[{"type": "long"}, {"type": "string"}]', '[{"type": "double"}]')
    assert [field.name for field in found.inputs] == ["input_0", "input_1"]
    assert [field.name for field in found.outputs] == ["prediction"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '[{"type": "tensor"}]', '[{"type": "array", "name": "x"}]', "[" * 100_000, '[{"name": "x"}]'],
)
def test_a_text_that_is_no_list_of_scalar_columns_is_refused(text):
    with pytest.raises(InvalidSignature):
        signatures.from_mlflow(text, None)


@pytest.mark.parametrize("names", [["x", "x"], [""], ["a\0"], ["\ud800"], ["x" * 501], []])
def test_names_that_are_twice_there_or_unfit_are_refused(names):
    fields = tuple(Field(name=name, type="double") for name in names)
    good = (Field(name="y", type="double"),)
    for signature in (Signature(inputs=fields, outputs=good), Signature(inputs=good, outputs=fields)):
        with pytest.raises(InvalidSignature):
            signatures.check_signature(signature)


def test_an_unknown_type_is_refused_when_decoded():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": "x", "type": "tensor"}, Field)
