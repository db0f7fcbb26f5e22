"""Which types a file of skops may bring to life."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidemill.core.errors import Refused
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.models.manifest import DamagedModel, UnsafeModel

skops_io = lazy("skops.io")

_NEVER = frozenset(
    "builtins os posix nt sys subprocess importlib runpy code codeop pty socket shutil ctypes pickle cloudpickle "
    "joblib dill marshal shelve multiprocessing asyncio webbrowser operator functools".split()
)


class UntrustedTypes(Refused):
    """A model holds types that are not known to be safe."""

    code = "untrusted_types"


def check_types(path: Path, trusted: Sequence[str]) -> tuple[str, ...]:
    """Return the types in a file that the caller had to vouch for.

    Types are compared by their full name, and those of modules that run programs or code are refused whoever vouches.

    Raises:
        UntrustedTypes: If there is a type that is neither known to be safe nor vouched for.
        UnsafeModel: If there is one that nobody can vouch for.
        DamagedModel: If the file is not one of skops'.
    """
    try:
        found = sorted(skops_io.get_untrusted_types(file=path))
    except Exception as error:
        raise DamagedModel(
            f"{path.name} is not a file of skops: {shown(str(error), 200)}",
            hint="Save the model again. A pickle is never loaded, whatever its name.",
        ) from error
    for name in found:
        if name.partition(".")[0] in _NEVER:
            raise UnsafeModel(f"The model would bring {shown(name)} to life", hint="Save it without.")
    unknown = [name for name in found if name not in trusted]
    if unknown:
        raise UntrustedTypes(
            f"The model holds types that are not known to be safe: {', '.join(shown(name) for name in unknown)}",
            hint=f"If you know them and their authors, save it with trusted={unknown!r}; that is recorded.",
            details={"types": unknown},
        )
    return tuple(found)


def load(path: Path, trusted: Sequence[str]) -> Any:  # noqa: ANN401 - any estimator
    """Return the estimator in a file, if every type in it may be there; raises as `check_types` does."""
    vouched = check_types(path, trusted)
    try:
        return skops_io.load(path, trusted=list(vouched))
    except Exception as error:
        raise DamagedModel(
            f"{path.name} cannot be read: {type(error).__name__}: {shown(str(error), 200)}",
            hint="Save the model again with the scikit-learn that is installed here.",
        ) from error
