"""Is an XGBoost model sound? Compiled code follows the indices in its trees without looking, so they are looked at."""

import json
import struct
from typing import NamedTuple

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.integrations.frameworks.xgboost.ubjson import Reader
from tidemill.models.manifest import DamagedModel

_LEAF = -1
_MOST_FEATURES = 1_000_000
_MOST_GROUPS = 100_000


class UnsupportedBooster(InvalidInput):
    """An XGBoost model is of a kind that is not served."""

    code = "unsupported_booster"


class Head(NamedTuple):
    """What a model says of itself: its features, their names if it knows them, its objective and answers a row."""

    features: int
    names: tuple[str, ...]
    objective: str
    width: int
    trees: int


class _Tree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    default_left: list[int]
    tree_param: dict[str, str]
    base_weights: list[float] = []
    split_type: list[int] = []
    categories: list[int] = []


class _Trees(msgspec.Struct):
    trees: list[_Tree]
    tree_info: list[int]
    gbtree_model_param: dict[str, str]
    iteration_indptr: list[int] = []
    weight_drop: list[float] = []


class _GBTree(msgspec.Struct):
    name: str
    model: object = None


class _Objective(msgspec.Struct):
    name: str


class _Learner(msgspec.Struct):
    gradient_booster: _GBTree
    learner_model_param: dict[str, str]
    objective: _Objective
    feature_names: list[str] = []
    feature_types: list[str] = []


class _Model(msgspec.Struct):
    learner: _Learner


def check_model(content: bytes) -> Head:
    """Return what a model in XGBoost's JSON, of text or binary, says of itself, after walking every index in it.

    Raises:
        DamagedModel: If it is cut, crafted, or not such a model.
        UnsupportedBooster: If it is not made of plain trees on numbers.
    """
    try:
        learner = msgspec.convert(_parsed(content), _Model).learner
        return _checked(learner)
    except (ValueError, KeyError, IndexError, struct.error, RecursionError, OverflowError) as error:
        raise DamagedModel(
            f"This is not a whole XGBoost model: {shown(str(error), 200)}", hint="Save the model again."
        ) from None


def _parsed(content: bytes) -> object:
    if content[:2] == b'{"':
        return json.loads(content, object_pairs_hook=_once)
    if content[:1] == b"{":
        return Reader(content).whole()
    raise ValueError("it is neither JSON nor universal binary JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")  # readers differ in which one counts
    return found


def _checked(learner: _Learner) -> Head:
    if learner.gradient_booster.name != "gbtree":
        raise UnsupportedBooster(
            f"A booster {shown(learner.gradient_booster.name)} is not served", hint="Train with booster='gbtree'."
        )
    about, model = learner.learner_model_param, msgspec.convert(learner.gradient_booster.model, _Trees)
    if any(weight != 1.0 for weight in model.weight_drop):  # since 3.4 dropout has no booster of its own
        raise UnsupportedBooster("The model's trees were dropped and weighted", hint="Train without dropout.")
    features = int(about["num_feature"])
    classes, targets = int(about.get("num_class", "0")), int(about.get("num_target", "1"))
    groups = max(classes, targets, 1)
    _expect(0 < features <= _MOST_FEATURES and classes >= 0 and groups <= _MOST_GROUPS, "its head contradicts itself")
    _expect(not learner.feature_names or len(learner.feature_names) == features, "its features are not counted right")
    if "c" in learner.feature_types or any(any(tree.split_type) or tree.categories for tree in model.trees):
        raise UnsupportedBooster("The model was trained on category columns", hint="Encode them as numbers first.")
    count = len(model.trees)
    _expect(int(model.gbtree_model_param["num_trees"]) == count == len(model.tree_info), "its trees are not complete")
    _expect(all(0 <= group < groups for group in model.tree_info), "a tree is of no answer")
    pointers = model.iteration_indptr
    whole = not pointers or (pointers[0] == 0 and pointers[-1] == count and pointers == sorted(pointers))
    _expect(whole, "its rounds are not counted right")
    for tree in model.trees:
        _check_tree(tree, features)
    width = 1 if learner.objective.name == "multi:softmax" else groups
    return Head(features, tuple(learner.feature_names), learner.objective.name, width, count)


def _check_tree(tree: _Tree, features: int) -> None:
    if int(tree.tree_param.get("size_leaf_vector", "1")) > 1:
        raise UnsupportedBooster(
            "Its leaves hold several numbers", hint="Train with multi_strategy='one_output_per_tree'."
        )
    count = int(tree.tree_param["num_nodes"])
    left, right = tree.left_children, tree.right_children
    lists = (left, right, tree.split_indices, tree.split_conditions, tree.default_left)
    _expect(count > 0 and all(len(values) == count for values in lists), "the nodes of a tree are not counted right")
    _expect(len(tree.split_type) in {0, count}, "the nodes of a tree are not counted right")
    seen, waiting = {0}, [0]
    while waiting:  # a place that was freed by pruning is used again, so that the order of the nodes says nothing
        at = waiting.pop()
        children = (left[at], right[at])
        if children == (_LEAF, _LEAF):
            continue
        _expect(all(0 < child < count for child in children), "a node of a tree leads out of it")
        _expect(children[0] != children[1] and not seen & set(children), "a tree walks in circles")
        _expect(0 <= tree.split_indices[at] < features, "a node asks for a feature that is not there")
        seen.update(children)
        waiting += children


def _expect(sound: bool, problem: str) -> None:  # noqa: FBT001 - the one thing it judges
    if not sound:
        raise ValueError(problem)
