"""A model in memory to a model folder, verified."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tidemill.core.errors import Conflict, InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.moments import utc_now
from tidemill.core.names import shown
from tidemill.models.examples import read_example
from tidemill.models.loading import check_folder, find_framework, framework_names
from tidemill.models.manifest import FORMAT, FileEntry, Manifest, Verification, read_manifest, write_manifest
from tidemill.models.mlmodel import write_mlflow_files
from tidemill.models.ports import Framework
from tidemill.models.verification import verify
from tidemill.objects import digest_file


class UnknownModelKind(InvalidInput):
    """No installed framework knows how to write an object."""

    code = "unknown_model_kind"


class FolderExists(Conflict):
    """The folder that a model was to be written to is there already."""

    code = "folder_exists"


def save_model(
    model: object,
    folder: Path,
    *,
    example: object,
    run_id: str | None = None,
    trusted: Sequence[str] = (),
    tolerance: float = 0.0,
) -> Manifest:
    """Write a model to a new folder in MLflow's format, read it back, and compare it with the original.

    Args:
        model: Anything that an installed framework knows how to write.
        folder: Must not exist yet; it appears whole or not at all.
        example: Rows as the model was trained on (polars, pandas, numpy or a dict of columns): the more, the better
            it shows which columns may hold nulls. The label is not among its columns.
        run_id: The run that trained the model.
        trusted: Full names of types that the caller vouches for; recorded.
        tolerance: The largest absolute difference from the original that still counts as equal.

    Raises:
        UnknownModelKind: If no framework knows the model.
        FolderExists: If the folder is there.
        ModelDiffers: If what was written does not answer as the original does.
        InvalidInput: If the example, or the model's types, cannot be accepted.
    """
    framework = framework_of(model)
    if folder.exists():
        raise FolderExists(f"{shown(str(folder))} exists", hint="Give a folder that does not exist yet.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name[:100]}.{new_id()}")
    temporary.mkdir()
    try:
        manifest = _write(model, temporary, framework, example, run_id, trusted)
        table = read_example(example, [field.name for field in manifest.signature.inputs])
        manifest = msgspec.structs.replace(
            manifest, verification=verify(temporary, manifest, framework, model, table, tolerance=tolerance)
        )
        write_manifest(temporary, manifest)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def verify_model(folder: Path, original: object, example: object, *, tolerance: float = 0.0) -> Verification:
    """Compare a model folder with the original model, and record the outcome in the folder.

    Raises:
        ModelDiffers: If it does not answer as the original does.
    """
    manifest = check_folder(folder)
    table = read_example(example, [field.name for field in manifest.signature.inputs])
    framework = find_framework(manifest.framework)
    found = verify(folder, manifest, framework, original, table, tolerance=tolerance)
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), verification=found))
    return found


def can_save(model: object) -> bool:
    """Return whether an installed framework knows how to write an object."""
    return any(find_framework(name).can_write(model) for name in framework_names())


def framework_of(model: object) -> Framework:
    """Return the framework that knows how to write a model.

    Raises:
        UnknownModelKind: If there is none.
    """
    kind = type(model)
    own = kind.__module__.partition(".")[0]
    # A library's own integration goes first: its scikit-learn classes are estimators too.
    for name in sorted(framework_names(), key=lambda name: name != own):
        framework = find_framework(name)
        if framework.can_write(model):
            return framework
    raise UnknownModelKind(
        f"No installed framework writes a {shown(f'{kind.__module__}.{kind.__qualname__}')}",
        hint=f"Frameworks here: {', '.join(framework_names()) or 'none'}.",
    )


def _write(
    model: object, folder: Path, framework: Framework, example: object, run_id: str | None, trusted: Sequence[str]
) -> Manifest:
    written = framework.write(model, folder, example=example, trusted=trusted)
    created_at = utc_now()
    table = read_example(example, [field.name for field in written.signature.inputs])
    names = write_mlflow_files(folder, written, table, framework=framework.name, run_id=run_id, created_at=created_at)
    manifest = Manifest(
        format=FORMAT,
        framework=framework.name,
        framework_version=written.version,
        kind=written.kind,
        model_file=written.files[0],
        signature=written.signature,
        files=_entries(folder, (*written.files, *names)),
        created_at=created_at,
        classes=written.classes,
        settings=written.settings,
        trusted=written.trusted,
        importances=written.importances,
    )
    write_manifest(folder, manifest)
    return manifest


def _entries(folder: Path, names: Iterable[str]) -> dict[str, FileEntry]:
    return {
        name: FileEntry(size=folder.joinpath(name).stat().st_size, digest=digest_file(folder / name)) for name in names
    }
