"""LightGBM models as MLflow's client logs them: a Booster as text, the scikit-learn classes in a file of skops.

A Booster inside a file of skops is LightGBM's text again, which skops hands to the C library as it is. So the text is
found in the file and looked at before anything is made of it.
"""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.integrations.frameworks.lightgbm.predictors import read_model
from tidemill.integrations.frameworks.lightgbm.text import check_trees, read_header
from tidemill.models.formats import file_of
from tidemill.models.manifest import DamagedModel, UnsafeModel, UntrustedTypes
from tidemill.models.ports import Logged, Restored

lgb = lazy("lightgbm")
skops_io = lazy("skops.io")

_SCHEMA = "schema.json"
_LARGEST_BYTES = 1 << 30
_BOOSTER = "lightgbm.basic.Booster"
_CLASSES = ("LGBMClassifier", "LGBMModel", "LGBMRanker", "LGBMRegressor")
_MODELS = frozenset(f"lightgbm.sklearn.{name}" for name in _CLASSES)
_KNOWN = frozenset({*_MODELS, _BOOSTER, "collections.OrderedDict", "collections.defaultdict"})
"""Plain Python around the text, which is looked at here."""

_VOUCHABLE = frozenset({"collections", "lightgbm", "numpy", "scipy", "sklearn"})
"""Packages whose other types somebody may vouch for; a LightGBM model holds none of others, but for code."""


def can_restore(logged: Logged) -> bool:
    """Return whether a folder holds a model of LightGBM, also one that was logged as an estimator of scikit-learn."""
    if "lightgbm" in logged.flavors:
        return True
    name = logged.flavors.get("sklearn", {}).get("pickled_model")
    if not isinstance(name, str) or not zipfile.is_zipfile(logged.folder / name):
        return False
    try:
        return _name_of(_schema(logged.folder / name)) in _MODELS
    except DamagedModel:
        return False


def restore(logged: Logged, trusted: Sequence[str]) -> Restored:
    """Return the model in a folder that MLflow's client wrote.

    Raises:
        UnsafeModel: If it is a pickle.
        UntrustedTypes: If it holds a type besides LightGBM's own that nobody vouches for.
        DamagedModel: If it is not a whole and sound LightGBM model.
    """
    if "lightgbm" in logged.flavors:
        path = file_of(logged, "lightgbm", "data", own=".lgb")
        release = logged.flavors["lightgbm"].get("lgb_version")
    else:
        path, release = file_of(logged, "sklearn", "pickled_model"), None
    model = _from_skops(path, trusted) if zipfile.is_zipfile(path) else lgb.Booster(model_str=read_model(path)[0])
    return Restored(model=model, release=release if isinstance(release, str) else "")


def _from_skops(path: Path, trusted: Sequence[str]) -> Any:  # noqa: ANN401 - LightGBM has no types
    schema = _schema(path)
    if _name_of(schema) not in _MODELS:
        raise DamagedModel(f"{path.name} holds a {shown(_name_of(schema))}", hint="Log the LightGBM model itself.")
    for node in _nodes(schema):
        if node.get("__class__") == "Booster":
            _check_booster(node)
    try:
        unknown = [name for name in skops_io.get_untrusted_types(file=path) if name not in _KNOWN]
    except Exception as error:  # noqa: BLE001 - skops says what is wrong with a file in a dozen ways
        raise _damaged(path.name, error) from None
    for name in unknown:
        if name.partition(".")[0] not in _VOUCHABLE:
            raise UnsafeModel(f"The model would bring {shown(name)} to life", hint="Log it without.")
    unknown = [name for name in unknown if name not in trusted]
    if unknown:
        raise UntrustedTypes(
            f"The model holds types that are not known to be safe: {', '.join(map(shown, unknown))}",
            hint=f"If you know them and their authors, vouch for them with trusted={unknown!r}; that is recorded.",
            details={"types": unknown},
        )
    try:
        return skops_io.load(path, trusted=[*_KNOWN, *trusted])
    except Exception as error:  # noqa: BLE001 - whatever a constructor raises, the file is no good
        raise _damaged(path.name, error) from None


def _check_booster(node: dict[str, Any]) -> None:
    """Look at the text that a Booster is made of; it must stand right there, not somewhere that a node points to."""
    state = node.get("content")
    inside = state.get("content") if isinstance(state, dict) and state.get("__loader__") == "DictNode" else None
    handle = inside.get("_handle") if isinstance(inside, dict) and node.get("__loader__") == "ObjectNode" else None
    text = None
    if isinstance(handle, dict) and handle.get("__loader__") == "JsonNode" and isinstance(handle.get("content"), str):
        with suppress(ValueError, RecursionError):
            text = json.loads(handle["content"])
    if not isinstance(text, str):
        raise DamagedModel("The file of skops holds a Booster without its text", hint="Log the model again.")
    check_trees(text, read_header(text))


def _schema(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(_SCHEMA).file_size > _LARGEST_BYTES:
                raise DamagedModel(f"{path.name} is over {_LARGEST_BYTES} bytes", hint="Log a smaller model.")
            found = json.loads(archive.read(_SCHEMA))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError, OSError, NotImplementedError) as error:
        raise _damaged(path.name, error) from None
    if not isinstance(found, dict):
        raise DamagedModel(f"{path.name} is not a file of skops", hint="Log the model again.")
    return found


def _nodes(root: object) -> Iterator[dict[str, Any]]:
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _name_of(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _damaged(name: str, error: Exception) -> DamagedModel:
    return DamagedModel(
        f"{name} cannot be read: {type(error).__name__}: {shown(str(error), 200)}", hint="Log the model again."
    )
