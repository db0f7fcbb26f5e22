"""A crafted or cut model is refused before XGBoost sees it, in either of its two writings."""

import json

import numpy as np
import pytest
import xgboost as xgb

from tidemill.integrations.frameworks.xgboost.soundness import UnsupportedBooster, check_model
from tidemill.integrations.frameworks.xgboost.ubjson import Reader
from tidemill.models.manifest import DamagedModel

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def trained(**more):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    given = {"objective": "binary:logistic", "max_depth": 3, **more}
    return xgb.train(given, xgb.DMatrix(rows, rows[:, 0] > 0, feature_names=["a", "b", "c d"]), 4)


@pytest.fixture(scope="module")
def text():
    return bytes(trained().save_raw("json"))


@pytest.fixture(scope="module")
def binary():
    return bytes(trained().save_raw("ubj"))


def test_both_writings_say_the_same(text, binary):
    head = check_model(text)

    assert head == check_model(binary)
    assert (head.features, head.names, head.objective, head.width, head.trees) == (
        3,
        ("a", "b", "c d"),
        "binary:logistic",
        1,
        4,
    )


def test_trees_that_were_pruned_are_sound():
    assert check_model(bytes(trained(gamma=20.0, tree_method="exact", updater="grow_colmaker,prune").save_raw("ubj")))


def bend(text, change):
    model = json.loads(text)
    change(model["learner"])
    return json.dumps(model).encode()


def tree_of(learner):
    return learner["gradient_booster"]["model"]["trees"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda learner: tree_of(learner)["left_children"].__setitem__(0, 900_000),
        lambda learner: tree_of(learner)["left_children"].__setitem__(0, -7),
        lambda learner: tree_of(learner)["right_children"].__setitem__(1, 0),
        lambda learner: tree_of(learner)["right_children"].__setitem__(0, 1),
        lambda learner: tree_of(learner)["right_children"].__setitem__(0, -1),
        lambda learner: tree_of(learner)["split_indices"].__setitem__(0, 3),
        lambda learner: tree_of(learner)["split_indices"].pop(),
        lambda learner: tree_of(learner)["tree_param"].__setitem__("num_nodes", "99999"),
        lambda learner: tree_of(learner).pop("split_conditions"),
        lambda learner: learner["gradient_booster"]["model"]["tree_info"].__setitem__(0, 5),
        lambda learner: learner["gradient_booster"]["model"]["trees"].pop(),
        lambda learner: learner["gradient_booster"]["model"]["iteration_indptr"].__setitem__(-1, 999),
        lambda learner: learner["learner_model_param"].__setitem__("num_feature", "2"),
        lambda learner: learner["learner_model_param"].__setitem__("num_feature", "many"),
    ],
)
def test_an_index_that_leads_astray_is_found(text, change):
    with pytest.raises(DamagedModel):
        check_model(bend(text, change))


def test_a_name_that_stands_twice_is_refused(text):
    with pytest.raises(DamagedModel, match="twice"):
        check_model(text.replace(b'{"learner":', b'{"version":[3,2,0],"learner":', 1))


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 10, 100, 1000, -1])
def test_what_is_cut_is_refused(text, binary, cut):
    for content in (text, binary):
        with pytest.raises(DamagedModel):
            check_model(content[:cut])


def test_any_bent_byte_is_refused_or_sound(binary):
    rng = np.random.default_rng(1)
    for _ in range(300):
        bent = bytearray(binary)
        bent[int(rng.integers(len(bent)))] = int(rng.integers(256))
        try:
            check_model(bytes(bent))
        except (DamagedModel, UnsupportedBooster):
            continue


def test_a_pickle_and_the_old_format_are_refused():
    for content in (b"\x80\x04.", b"binf" + bytes(100)):
        with pytest.raises(DamagedModel):
            check_model(content)


@pytest.mark.parametrize("more", [{"booster": "gblinear"}, {"booster": "dart", "rate_drop": 0.9, "one_drop": 1}])
def test_other_boosters_are_not_served(more):
    with pytest.raises(UnsupportedBooster):
        check_model(bytes(trained(**more).save_raw("json")))


def test_category_columns_are_not_served():
    rows = np.random.default_rng(0).integers(0, 4, (200, 1))
    data = xgb.DMatrix(rows, rows[:, 0] == 2, feature_types=["c"], enable_categorical=True)

    with pytest.raises(UnsupportedBooster, match="category"):
        check_model(bytes(xgb.train({"max_depth": 2}, data, 2).save_raw("json")))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"Z", None),
        (b"T", True),
        (b"i\xff", -1),
        (b"SU\x02ab", "ab"),
        (b"Cx", "x"),
        (b"[i\x01i\x02]", [1, 2]),
        (b"[$U#U\x02\x01\x02", [1, 2]),
        (b"[#U\x01T", [True]),
        (b"{U\x01aT}", {"a": True}),
        (b"{#U\x01U\x01ai\x05", {"a": 5}),
        (b"{}", {}),
    ],
)
def test_universal_binary_json_is_read(content, wanted):
    assert Reader(content).whole() == wanted
