"""Are the trees inside an estimator sound?

skops leaves scikit-learn's trees off its list of safe types on purpose: their nodes hold raw indices, which the
compiled code follows without looking, so that a crafted file could read outside its memory or walk in circles. Here
the trees are allowed and every index in them is looked at before the first prediction.
"""

from collections.abc import Iterator
from typing import Any

from tidemill.core.lazy import lazy
from tidemill.models.manifest import DamagedModel

np = lazy("numpy")

CHECKED = frozenset({"sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})
"""Types that are safe because of this check."""

_NO_CHILD = -1


def check_trees(estimator: Any) -> None:  # noqa: ANN401 - any estimator
    """Look at every tree in an estimator.

    Raises:
        DamagedModel: If an index leads out of a tree, backwards, or to a feature that the estimator does not take.
    """
    try:
        for found in _objects(estimator):
            _check(found)
    except (AttributeError, TypeError, ValueError, IndexError, KeyError) as error:
        raise _damaged(f"{type(error).__name__}") from None


def _objects(root: Any) -> Iterator[Any]:  # noqa: ANN401 - whatever an estimator holds
    waiting, seen = [root], set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, str | bytes | int | float | complex | None) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        if isinstance(found, dict):
            waiting += [*found.keys(), *found.values()]
        elif isinstance(found, list | tuple | set | frozenset):
            waiting += found
        elif isinstance(found, np.ndarray):
            waiting += found.ravel().tolist() if found.dtype.hasobject else []
        else:
            waiting += vars(found).values() if hasattr(found, "__dict__") else []


def _check(found: Any) -> None:  # noqa: ANN401 - whatever an estimator holds
    name = type(found).__name__
    if name == "Tree":
        _check_tree(found)
    elif hasattr(found, "tree_"):
        _expect(found.tree_.n_features == found.n_features_in_, "a tree takes other features than its estimator")
    if "_predictors" in getattr(found, "__dict__", {}):
        _check_histogram_trees(found)
    if hasattr(found, "estimators_") and hasattr(found, "n_features_in_"):
        parts = np.asarray(found.estimators_, dtype=object).ravel()
        chosen = getattr(found, "estimators_features_", None)
        for at, part in enumerate(parts):
            if hasattr(part, "tree_"):
                width = found.n_features_in_ if chosen is None else len(chosen[at])
                _expect(part.tree_.n_features == width, "a tree takes other features than its forest")


def _check_tree(tree: Any) -> None:  # noqa: ANN401 - compiled
    _expect(0 < tree.node_count <= tree.capacity, "the nodes of a tree are not counted right")
    at = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    inner = left != _NO_CHILD
    # A node is numbered after the node above it, so a walk down always ends.
    for children in (left, right):
        inside = (children > at) & (children < tree.node_count)
        _expect(bool(inside[inner].all()), "a node of a tree leads out of it")
    feature = tree.feature[inner]
    _expect(bool(((feature >= 0) & (feature < tree.n_features)).all()), "a node asks for a feature that is not there")


def _check_histogram_trees(model: Any) -> None:  # noqa: ANN401 - a HistGradientBoosting model
    width = model.n_features_in_
    for predictor in [one for row in model._predictors for one in row]:  # noqa: SLF001 - where they are
        nodes = predictor.nodes
        _expect(nodes.ndim == 1 and nodes.size > 0, "a tree has no nodes")
        inner = nodes["is_leaf"] == 0
        at = np.arange(nodes.size)[inner]
        kept = nodes[inner]
        for side in ("left", "right"):
            children = kept[side].astype(np.int64)
            _expect(bool(((children > at) & (children < nodes.size)).all()), "a node of a tree leads out of it")
        feature = kept["feature_idx"]
        _expect(bool(((feature >= 0) & (feature < width)).all()), "a node asks for a feature that is not there")
        of_sets = kept[kept["is_categorical"] != 0]
        if of_sets.size:
            sets = predictor.raw_left_cat_bitsets
            _expect(sets.ndim == 2 and sets.shape[1] == 8, "the sets of categories are of another shape")
            _expect(bool((of_sets["bitset_idx"] < len(sets)).all()), "a node asks for a set that is not there")
            known = np.asarray(model._bin_mapper.is_categorical_)  # noqa: SLF001 - what the sets are looked up by
            _expect(known.size == width and bool(known[of_sets["feature_idx"]].all()), "a set is of no category column")


def _expect(sound: bool, problem: str) -> None:  # noqa: FBT001 - the one thing it judges
    if not sound:
        raise _damaged(problem)


def _damaged(problem: str) -> DamagedModel:
    return DamagedModel(f"The model's trees are not sound: {problem}", hint="Save the model again.")
