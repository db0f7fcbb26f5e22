"""From a model folder that MLflow's client logged to one of our own, verified. Nothing here unpickles."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.models.examples import ExampleUnlikeModel
from tidemill.models.loading import check_folder, find_framework, framework_names
from tidemill.models.logged import rows_of
from tidemill.models.manifest import MANIFEST, Manifest
from tidemill.models.mlmodel import MLMODEL, read_mlmodel
from tidemill.models.ports import Framework, Logged
from tidemill.models.rules import check_trusted
from tidemill.models.saving import save_model

_TOLERANCE = 1e-9
"""Linear algebra over one row and over many differs in the last digits; more than this is another answer."""

_EVERYBODYS = "python_function"
_MOST_REQUIREMENTS = 500
_LONGEST_LINE = 500
_LARGEST_REQUIREMENTS = 1 << 20


class CannotPrepare(InvalidInput):
    """A logged model is of a kind that no installed framework can serve."""

    code = "cannot_prepare"


class Adopted(NamedTuple):
    """A folder of our own, and what is to be known of how it came about."""

    folder: Path
    manifest: Manifest
    requirements: list[str]
    notes: list[str]


def adopt(folder: Path, target: Path, *, run_id: str | None, trusted: Sequence[str] = ()) -> Adopted:
    """Make a verified model folder of one that MLflow's client logged; one of our own stays as it is.

    Args:
        folder: The files that were logged.
        target: Where the new folder goes; it must not exist.
        run_id: The run that made the model.
        trusted: Full names of types in the model that the caller vouches for.

    Raises:
        CannotPrepare: If it is of no flavour that an installed framework reads.
        UnsafeModel: If it was logged as a pickle.
        UntrustedTypes: If it holds a type that is neither known to be safe nor vouched for; what the folder itself
            says of that is its author's word.
        InputsUnknown: If nothing says what it takes.
        ModelDiffers: If what was written does not answer as the logged model does.
    """
    if folder.joinpath(MANIFEST).exists():
        manifest = check_folder(folder)
        check_trusted(manifest.trusted, trusted)
        return Adopted(folder, manifest, requirements_of(folder), [])
    about = read_mlmodel(folder, is_foreign=True)
    logged = Logged(folder=folder, flavors=about.flavors)
    framework = _framework_of(logged)
    restored = framework.restore(logged, trusted=trusted)
    rows = rows_of(folder, about)
    example = framework.lay_out(restored.model, rows.fields, rows.columns)
    try:
        manifest = save_model(
            restored.model, target, example=example, run_id=run_id, trusted=trusted, tolerance=_TOLERANCE
        )
    except ExampleUnlikeModel as error:
        hint = "Log the model again with `input_example=` a few rows as it was trained on."
        raise ExampleUnlikeModel(error.message, hint=hint if rows.is_made else error.hint) from error
    notes = []
    if restored.release and restored.release != manifest.framework_version:
        notes.append(f"Logged with {framework.name} {restored.release}, read with {manifest.framework_version}.")
    if rows.is_made:
        notes.append("Verified on rows that the signature allows, because no input example was logged.")
    return Adopted(target, manifest, requirements_of(folder), notes)


def requirements_of(folder: Path) -> list[str]:
    """Return the lines of a logged model's `requirements.txt`; none if there is none to read."""
    path = folder / "requirements.txt"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_REQUIREMENTS:
        return []
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    kept = [line for line in lines if line.isprintable() and 0 < len(line) <= _LONGEST_LINE and line[0] != "#"]
    return kept[:_MOST_REQUIREMENTS]


def _framework_of(logged: Logged) -> Framework:
    for name in framework_names():
        framework = find_framework(name)
        if framework.can_restore(logged):
            return framework
    flavors = ", ".join(shown(name) for name in logged.flavors if name != _EVERYBODYS)
    raise CannotPrepare(
        f"No installed framework serves a model of the flavour {flavors}"
        if flavors
        else f"{MLMODEL} names no flavour but python_function, which is code and is not run here",
        hint=f"Frameworks here: {', '.join(framework_names()) or 'none'}. Log the model by its library's own flavour.",
    )
