"""`tidemill.json`: what Tidemill knows of a model folder beyond MLflow's description."""

from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from tidemill.core.digests import Digest, InvalidDigest, parse_digest
from tidemill.core.errors import Damaged, InvalidInput, Refused
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.models.signatures import InvalidSignature, Signature, check_signature

MANIFEST = "tidemill.json"
FORMAT = "tidemill.model.1"
LARGEST_BYTES = 16 << 20
PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")

JsonValue = str | int | float | bool | None | list[Any] | dict[str, Any]
"""What JSON holds; msgspec cannot follow a type into itself, hence `Any` below the first level."""


class NotAModel(InvalidInput):
    """A folder holds no model that Tidemill can load."""

    code = "not_a_model"


class DamagedModel(Damaged):
    """A model's files are not what was written."""

    code = "damaged_model"


class UnsafeModel(InvalidInput):
    """A model folder holds what could run code or reach outside the folder."""

    code = "unsafe_model"


class UntrustedTypes(Refused):
    """A model holds types that are not known to be safe, and nobody here vouched for them."""

    code = "untrusted_types"


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a model folder."""

    size: int
    digest: Digest


class PlanReport(msgspec.Struct, frozen=True, kw_only=True):
    """How one way to predict compared with the original model.

    Args:
        plan: The way.
        agrees: Whether every answer was within the tolerance.
        row_agrees: The same, of the single-row path alone.
        largest_difference: The largest absolute difference of a number.
        problem: Where it first differed or failed; empty when it agrees.
        row_us: Median microseconds of one row.
    """

    plan: str
    agrees: bool
    row_agrees: bool = True
    largest_difference: float = 0.0
    problem: str = ""
    row_us: float = 0.0


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of the restored model with the original, on sample and edge rows."""

    sample_rows: int
    edge_rows: int
    tolerance: float
    plans: tuple[PlanReport, ...]
    chosen: str
    single_row: bool = True
    """Whether the single-row path is served; if not, one row goes through the path of many."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a model folder, and how it is read."""

    format: str
    framework: str
    framework_version: str
    kind: str
    model_file: str
    signature: Signature
    files: dict[str, FileEntry]
    created_at: Moment
    classes: tuple[JsonValue, ...] | None = None
    settings: dict[str, JsonValue] = {}
    trusted: tuple[str, ...] = ()
    importances: dict[str, float] = {}
    verification: Verification | None = None


_ENCODER = msgspec.json.Encoder(order="sorted")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest into its folder."""
    folder.joinpath(MANIFEST).write_bytes(msgspec.json.format(_ENCODER.encode(manifest), indent=1) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a model folder, checked by itself.

    Raises:
        NotAModel: If there is none.
        DamagedModel: If it cannot be read.
        UnsafeModel: If a path in it leaves the folder.
    """
    path = folder / MANIFEST
    try:
        if not path.is_file() or path.is_symlink():
            raise NotAModel(
                f"{shown(folder.name)} has no {MANIFEST}",
                hint="Write the model with tidemill.models.saving.save_model.",
            )
        if path.stat().st_size > LARGEST_BYTES:
            raise _damaged(f"{MANIFEST} is over {LARGEST_BYTES} bytes")
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        check_signature(manifest.signature)
    except (msgspec.DecodeError, InvalidSignature, RecursionError, UnicodeDecodeError) as error:
        raise _damaged(f"{MANIFEST} cannot be read: {shown(str(error), 200)}") from None
    if manifest.format != FORMAT:
        raise NotAModel(
            f"{MANIFEST} is of the format {shown(manifest.format)}",
            hint=f"This Tidemill reads {FORMAT}; use a newer one.",
        )
    for name, entry in manifest.files.items():
        check_inside(name)
        try:
            parse_digest(entry.digest)
        except InvalidDigest as error:
            raise _damaged(error.message) from None
    if check_inside(manifest.model_file) not in manifest.files:
        raise _damaged(f"{shown(manifest.model_file)} is not among its files")
    return manifest


def check_inside(name: str) -> str:
    """Return a relative path if it stays inside its folder.

    Raises:
        UnsafeModel: If it is absolute, goes up, or is no plain relative path.
    """
    path = PurePosixPath(name)
    if (
        not name
        or name != str(path)
        or path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or "\0" in name
        or name == "."
    ):
        raise UnsafeModel(
            f"{shown(name)} is not a path inside the model folder", hint="Use a plain relative path without '..'."
        )
    return name


def _damaged(message: str) -> DamagedModel:
    return DamagedModel(message, hint="Export the model again, or restore it from a backup.")
