"""Which types a file of skops may bring to life."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.integrations.frameworks.sklearn.soundness import CHECKED, check_trees
from tidemill.models.manifest import DamagedModel, UnsafeModel, UntrustedTypes

skops_io = lazy("skops.io")

_PLAIN = frozenset(
    {
        "numpy.dtype",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    }
)
"""Types of scikit-learn that skops does not list and that are plain Python around arrays: they run nothing of a
caller's choosing and index no memory by hand."""

_NEVER = frozenset(
    {
        *("asyncio", "builtins", "cloudpickle", "code", "codeop", "ctypes", "dill", "importlib", "joblib"),
        *("marshal", "multiprocessing", "nt", "operator", "os", "pickle", "posix", "pty", "runpy", "shelve", "shutil"),
        *("socket", "subprocess", "sys", "webbrowser"),
    }
)


def types_in(path: Path) -> list[str]:
    """Return the types in a file that skops does not know to be safe.

    Raises:
        DamagedModel: If the file is not one of skops'.
    """
    try:
        return sorted(skops_io.get_untrusted_types(file=path))
    except Exception as error:  # noqa: BLE001 - skops says what is wrong with a file in a dozen ways
        raise DamagedModel(
            f"{path.name} is not a file of skops: {shown(str(error), 200)}",
            hint="Save the model again. A pickle is never loaded, whatever its name.",
        ) from None


def check_types(path: Path, trusted: Sequence[str]) -> tuple[str, ...]:
    """Return the types in a file that the caller had to vouch for.

    Types are compared by their full name, and those of modules that run programs or code are refused whoever vouches.

    Raises:
        UntrustedTypes: If there is a type that is neither known to be safe nor vouched for.
        UnsafeModel: If there is one that nobody can vouch for.
        DamagedModel: If the file is not one of skops'.
    """
    found = types_in(path)
    for name in found:
        if name.partition(".")[0] in _NEVER:
            raise UnsafeModel(f"The model would bring {shown(name)} to life", hint="Save it without.")
    unknown = [name for name in found if name not in (*trusted, *_PLAIN, *CHECKED)]
    if unknown:
        raise UntrustedTypes(
            f"The model holds types that are not known to be safe: {', '.join(shown(name) for name in unknown)}",
            hint=f"If you know them and their authors, save it with trusted={unknown!r}; that is recorded.",
            details={"types": unknown},
        )
    return tuple(name for name in found if name not in _PLAIN | CHECKED)


def load(path: Path, trusted: Sequence[str]) -> Any:  # noqa: ANN401 - any estimator
    """Return the estimator in a file, if every type in it may be there and its trees are sound.

    Raises as `check_types` does.
    """
    vouched = check_types(path, trusted)
    try:
        found = skops_io.load(path, trusted=[*vouched, *_PLAIN, *CHECKED])
    except Exception as error:  # noqa: BLE001 - whatever a constructor raises, the file is no good
        raise DamagedModel(
            f"{path.name} cannot be read: {type(error).__name__}: {shown(str(error), 200)}",
            hint="Save the model again with the scikit-learn that is installed here.",
        ) from None
    check_trees(found)
    return found
