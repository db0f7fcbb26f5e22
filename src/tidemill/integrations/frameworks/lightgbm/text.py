"""LightGBM's text format: what it says of a model, and whether its trees are sound.

The C library follows indices in the text without looking; a crafted or cut file could send it out of bounds or round
in circles. So the trees are checked here before the library sees them.
"""

import json
import re
from dataclasses import dataclass

from tidemill.core.names import shown
from tidemill.models.manifest import DamagedModel

_CATEGORIES = "pandas_categorical:"
_LARGEST_FEATURES = 1_000_000


@dataclass(frozen=True, slots=True)
class Header:
    """What the text says of the model.

    Args:
        features: Names of the features, in order.
        objective: First word of the objective, empty for one of the user's own.
        classes: Answers a row.
        categorical: Indices of the categorical features, as far as the trees know them.
        categories: For each pandas category column, its categories; None when it was not trained on pandas.
    """

    features: tuple[str, ...]
    objective: str
    classes: int
    categorical: tuple[int, ...]
    categories: list[list[str | int | float | bool]] | None


def read_header(text: str) -> Header:
    """Return what a model's text says.

    Raises:
        DamagedModel: If it is cut, or not such a text.
    """
    if not text.startswith("tree\n") or "\nend of trees\n" not in text:
        raise _damaged("it does not begin and end as a model does")
    head = dict(line.partition("=")[::2] for line in text.partition("\nTree=")[0].splitlines())
    try:
        count = int(head["max_feature_idx"]) + 1
        features = tuple(head["feature_names"].split(" "))
        kinds = head["feature_infos"].split(" ")
        classes = int(head["num_tree_per_iteration"])
    except (KeyError, ValueError):
        raise _damaged("its head is not complete") from None
    if (
        not 0 < count <= _LARGEST_FEATURES
        or len(features) != count
        or len(kinds) != count
        or not 0 < classes <= count * 10**6
    ):
        raise _damaged("its head contradicts itself")
    categorical = tuple(at for at, kind in enumerate(kinds) if kind != "none" and not kind.startswith("["))
    objective = head.get("objective", "").partition(" ")[0]
    return Header(features, objective, classes, categorical, _read_categories(text))


def _read_categories(text: str) -> list[list[str | int | float | bool]] | None:
    line = text.rstrip().rpartition("\n")[2]
    if not line.startswith(_CATEGORIES):
        raise _damaged("its last line is missing")
    try:
        found = json.loads(line[len(_CATEGORIES) :])
    except (ValueError, RecursionError):
        raise _damaged("its categories cannot be read") from None
    plain = found is None or (
        isinstance(found, list)
        and all(isinstance(one, list) and all(isinstance(value, str | int | float) for value in one) for one in found)
    )
    if not plain:
        raise _damaged("its categories are not lists of plain values")
    return found  # type: ignore[no-any-return]  # judged just above


_TREE = re.compile(r"^Tree=(\d+)\n(.*?)\n\n", re.MULTILINE | re.DOTALL)


def check_trees(text: str, header: Header) -> int:
    """Return the number of trees after walking every index in them.

    Raises:
        DamagedModel: If an index leads out of its tree, backwards, or to a feature that does not exist.
    """
    body = text.partition("\nend of trees\n")[0]
    count = 0
    for match in _TREE.finditer(body + "\n\n"):
        count += 1
        lines = dict(line.partition("=")[::2] for line in match[2].splitlines())
        try:
            _check_tree(lines, len(header.features))
        except (KeyError, ValueError, OverflowError, IndexError):
            raise _damaged(f"tree {shown(match[1])} is not sound") from None
    sizes = re.search(r"^tree_sizes=(.*)$", text[: 64 << 20], re.MULTILINE)
    if (
        count == 0
        or count != body.count("\nTree=")
        or count % header.classes
        or (sizes and len(sizes[1].split()) != count)
    ):
        raise _damaged("its trees are not complete")
    return count


def _check_tree(lines: dict[str, str], features: int) -> None:
    leaves, categorical = int(lines["num_leaves"]), int(lines["num_cat"])
    splits = leaves - 1
    _expect(leaves >= 1 and len(lines["leaf_value"].split()) == leaves)
    if splits == 0:
        return
    used = [int(word) for word in lines["split_feature"].split()]
    kinds = [int(word) for word in lines["decision_type"].split()]
    limits = lines["threshold"].split()
    _expect(len(used) == len(kinds) == len(limits) == splits and min(used) >= 0 and max(used) < features)
    for side in ("left_child", "right_child"):
        children = [int(word) for word in lines[side].split()]
        # A split is numbered after the split above it, so a walk down always ends.
        _expect(len(children) == splits)
        _expect(all(at < child < splits if child >= 0 else ~child < leaves for at, child in enumerate(children)))
    if any(kind & 1 for kind in kinds):
        bounds = [int(word) for word in lines["cat_boundaries"].split()]
        words = len(lines["cat_threshold"].split())
        _expect(len(bounds) == categorical + 1 and bounds == sorted(bounds) and bounds[0] == 0 and bounds[-1] == words)
        _expect(all(0 <= int(limit) < categorical for limit, kind in zip(limits, kinds, strict=True) if kind & 1))
    if lines.get("is_linear", "0") != "0":
        widths = [int(word) for word in lines["num_features"].split()]
        wanted = lines["leaf_features"].split()
        _expect(len(widths) == leaves and sum(widths) == len(wanted) == len(lines["leaf_coeff"].split()))
        _expect(all(0 <= int(word) < features for word in wanted))
        _expect(len(lines["leaf_const"].split()) == leaves)


def _expect(sound: bool) -> None:  # noqa: FBT001 - the one thing it takes
    if not sound:
        raise ValueError


def _damaged(problem: str) -> DamagedModel:
    return DamagedModel(f"This is not a whole LightGBM model: {problem}", hint="Save the model again.")
