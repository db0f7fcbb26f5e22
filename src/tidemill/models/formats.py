"""Which files of a logged model may be read at all. The serving process comes through here: nothing heavy."""

from pathlib import Path

from tidemill.models.manifest import PICKLES, DamagedModel, UnsafeModel, check_inside
from tidemill.models.ports import Logged

_PICKLED = frozenset({"pickle", "cloudpickle", "joblib", "dill"})


class NotSafeFormat(UnsafeModel):
    """A model was logged in a format that runs code when it is read."""

    code = "not_safe_format"


def file_of(logged: Logged, flavor: str, key: str, *, own: str = "") -> Path:
    """Return the file that a flavour names.

    Args:
        logged: What was logged.
        flavor: The flavour.
        key: Under which word it names the file.
        own: How a file in the framework's own format ends: it is that, whatever format is named beside it. MLflow 3.10
            names one with every model of LightGBM and uses it for those that are no Boosters.

    Raises:
        NotSafeFormat: If it is a pickle.
        DamagedModel: If there is no such file.
    """
    about = logged.flavors[flavor]
    name = about.get(key)
    is_own = bool(own) and isinstance(name, str) and name.endswith(own)
    found = "" if is_own else str(about.get("serialization_format") or "")
    if found in _PICKLED or (isinstance(name, str) and name.endswith(PICKLES)):
        raise NotSafeFormat(
            f"The model was logged as a {found if found in _PICKLED else 'pickle'}, which can run any code when it is "
            "read, and is never read here",
            hint=f'Log it with mlflow.{flavor}.log_model(…, serialization_format="skops") of MLflow 3.10 or newer.',
        )
    path = logged.folder / check_inside(name) if isinstance(name, str) else None
    if path is None or path.is_symlink() or not path.is_file():
        raise DamagedModel("MLmodel names no file of the model", hint="Log the model again.", where=flavor)
    return path
