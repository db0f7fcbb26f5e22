"""From a model folder to a predictor. The serving process comes through here, so nothing heavy is imported."""

import os
import stat
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from blake3 import blake3

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.models.manifest import (
    MANIFEST,
    PICKLES,
    DamagedModel,
    Manifest,
    NotAModel,
    UnsafeModel,
    read_manifest,
)
from tidemill.models.ports import Framework, Predictor

GROUP = "tidemill.frameworks"
_AGAIN = "Export the model again, or restore it from a backup."


class UnknownFramework(InvalidInput):
    """No integration of that framework is installed."""

    code = "unknown_framework"


def load_predictor(folder: Path) -> Predictor:
    """Return the model in a folder, ready to predict by the plan that its verification chose.

    Raises:
        NotAModel: If the folder holds none.
        DamagedModel: If a file is missing, foreign, or not what was written.
        UnsafeModel: If a name leaves the folder, or a file is a link or a pickle.
        UnknownFramework: If no integration of its framework is installed.
        MissingExtra: If the framework itself is not installed.
    """
    manifest = check_folder(folder)
    framework = find_framework(manifest.framework)
    chosen = manifest.verification.chosen if manifest.verification else framework.plans[-1]
    if chosen not in framework.plans:
        chosen = framework.plans[-1]
    predictor = framework.read(folder, manifest, plan=chosen)
    if manifest.verification and not manifest.verification.single_row:
        return _ManyRowsOnly(predictor)
    return predictor


def load_native(folder: Path) -> object:
    """Return the framework's own model from a folder; raises as `load_predictor` does."""
    manifest = check_folder(folder)
    return find_framework(manifest.framework).read_native(folder, manifest)


def check_folder(folder: Path) -> Manifest:
    """Return the manifest of a folder whose files are exactly those it lists, with their digests.

    Raises:
        NotAModel: If the folder or its manifest is missing.
        DamagedModel: If a file is missing, foreign, or not what was written.
        UnsafeModel: If a name leaves the folder, or a file is a link or a pickle.
    """
    if not folder.is_dir():
        raise NotAModel(f"{shown(str(folder))} is not a folder", hint="Give the folder that holds MLmodel.")
    present = set(_plain_files(folder))
    manifest = read_manifest(folder)
    foreign = sorted(present - {MANIFEST} - set(manifest.files))
    if foreign:
        raise DamagedModel(f"{shown(foreign[0])} is not part of the model", hint="Remove it, or save the model again.")
    for name, entry in sorted(manifest.files.items()):
        if name not in present:
            raise DamagedModel(f"{shown(name)} is missing from the model folder", hint=_AGAIN)
        with folder.joinpath(name).open("rb") as handle:
            found = blake3(handle.read()).hexdigest()
        if found != entry.digest:
            raise DamagedModel(f"{shown(name)} is not what was written", hint=_AGAIN, where=name)
    return manifest


def find_framework(name: str) -> Framework:
    """Return the integration of a framework, importing it now.

    Raises:
        UnknownFramework: If none of that name is installed.
    """
    for entry in entry_points(group=GROUP, name=name):
        return _made(entry.load())
    raise UnknownFramework(
        f"No integration of the framework {shown(name)} is installed", hint=did_you_mean(name, framework_names())
    )


def framework_names() -> list[str]:
    """Return the names of the integrations that are installed."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def _made(kind: type[Framework]) -> Framework:
    return kind()


def _plain_files(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise UnsafeModel(
                    f"{shown(relative)} is a link or a device, not a plain file", hint="Replace it by its content."
                )
            if path.suffix.lower() in PICKLES:
                raise UnsafeModel(
                    f"{shown(relative)} is a pickle, which can run any code when it is loaded",
                    hint="Save the model in a safe format: LightGBM's own text, or skops for scikit-learn.",
                )
            yield relative


class _ManyRowsOnly:
    """A predictor whose single-row path was found to differ: one row goes the way of many."""

    def __init__(self, predictor: Predictor) -> None:
        self.signature = predictor.signature
        self.cost_hint_us = predictor.cost_hint_us
        self.predict_columns = predictor.predict_columns
        self._inputs = [field.name for field in self.signature.inputs]
        self._outputs = [field.name for field in self.signature.outputs]

    def predict_row(self, row: Sequence[object]) -> tuple[object, ...]:
        """Return the outputs of one row."""
        found = self.predict_columns({name: [value] for name, value in zip(self._inputs, row, strict=True)}, 1)
        return tuple(found[name][0] for name in self._outputs)
