"""Values become the doubles that LightGBM would have seen."""

import struct
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.integrations.frameworks.lightgbm.features import Features, UnfitValue
from tidemill.models.manifest import FORMAT, DamagedModel, Manifest
from tidemill.models.signatures import Field, Signature

MANIFEST = Manifest(
    format=FORMAT,
    framework="lightgbm",
    framework_version="4",
    kind="classifier",
    model_file="model.lgb",
    signature=Signature(
        inputs=(Field(name="x", type="double"), Field(name="kind", type="string"), Field(name="n", type="long")),
        outputs=(Field(name="probability", type="double"),),
    ),
    files={},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    settings={"category_columns": ["kind"]},
)
FEATURES = Features(MANIFEST, [["a", "b"]])


def row(*values):
    return struct.unpack("3d", FEATURES.row(values))


def test_categories_become_their_place_and_the_rest_numbers():
    assert row(1.5, "b", True) == (1.5, 1.0, 1.0)


@pytest.mark.parametrize("missing", [None, "never seen", "", float("nan")])
def test_a_category_that_is_missing_or_was_never_seen_is_missing(missing):
    assert np.isnan(row(1.0, missing, 1)[1])


def test_a_missing_number_is_missing():
    assert np.isnan(row(None, "a", None)[::2]).all()
    assert np.isnan(row(float("nan"), "a", 1)[0])


@pytest.mark.parametrize(
    "values",
    [(1.0, "a"), (1.0, "a", 1, 1), ("1", "a", 1), (1.0, "a", 10**400), (1.0, ["a"], 1), (b"1", "a", 1), ()],
)
def test_a_row_that_does_not_fit_is_refused(values):
    with pytest.raises(UnfitValue):
        FEATURES.row(values)


def test_the_message_names_the_column():
    with pytest.raises(UnfitValue, match="'n' got"):
        FEATURES.row((1.0, "a", "many"))
    with pytest.raises(UnfitValue, match="'x' got"):
        FEATURES.columns({"x": ["1"], "kind": ["a"], "n": [1]}, 1)


@pytest.mark.parametrize(
    "columns",
    [{"x": [1.0], "n": [1]}, {"x": [1.0], "kind": ["a"], "n": []}, {"x": [1.0, 2.0], "kind": ["a"], "n": [1]}],
)
def test_columns_that_are_missing_or_of_another_length_are_refused(columns):
    with pytest.raises(UnfitValue):
        FEATURES.columns(columns, 1)


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(allow_nan=False),
            st.none() | st.sampled_from(["a", "b", "c"]),
            st.none() | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_rows_and_columns_give_the_same_doubles_as_numpy(rows):
    columns = {name: [one[at] for one in rows] for at, name in enumerate(["x", "kind", "n"])}
    found = np.frombuffer(FEATURES.columns(columns, len(rows))).reshape(3, -1).T
    singly = np.array([np.frombuffer(FEATURES.row(one)) for one in rows])
    assert np.array_equal(found, singly, equal_nan=True)
    plain = np.array([[one[0], {"a": 0, "b": 1}.get(one[1]), one[2]] for one in rows], dtype=float)
    assert np.array_equal(found, plain, equal_nan=True)


def test_columns_that_do_not_fit_the_model_are_found_out():
    for settings in ({}, {"category_columns": ["other"]}, {"category_columns": 3}, {"category_columns": ["kind", "x"]}):
        with pytest.raises(DamagedModel):
            Features(msgspec.structs.replace(MANIFEST, settings=settings), [["a", "b"]])
