"""Where artifacts are, as MLflow's clients write it: `mlflow-artifacts:/EXPERIMENT/RUN/artifacts/PATH` and the like."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.objects.trees import UnsafePath, check_relative

SCHEME = "mlflow-artifacts"
STORES = frozenset({"s3", "s3a", "gs", "wasb", "wasbs", "abfs", "abfss", "adl", "hdfs", "dbfs", "http", "https"})
"""Schemes of stores elsewhere, which clients reach and this server does not."""
_ARTIFACTS = "artifacts"
_MOST_UNQUOTED = 5


class InvalidPlace(InvalidInput):
    """A path names no run, logged model or model version whose artifacts this server keeps."""

    code = "invalid_place"


class ArtifactPlace(NamedTuple):
    """Something that has artifacts, and a path below it; an empty path means all of them.

    `kind` is `run`, `logged_model`, `model_version`, or `experiment`, of which only what is below it has artifacts.
    """

    kind: str
    id: str
    path: str


def run_uri(location: str, experiment_id: str, run_id: str) -> str:
    """Return the URI below which a run's artifacts are."""
    return f"{location.rstrip('/') or f'{SCHEME}:/{experiment_id}'}/{run_id}/{_ARTIFACTS}"


def logged_model_uri(location: str, experiment_id: str, model_id: str) -> str:
    """Return the URI below which a logged model's artifacts are."""
    return f"{location.rstrip('/') or f'{SCHEME}:/{experiment_id}'}/models/{model_id}/{_ARTIFACTS}"


def version_uri(version_id: str) -> str:
    """Return the URI below which a model version's files are, whatever comes of the run that logged them."""
    return f"{SCHEME}:/versions/{version_id}/{_ARTIFACTS}"


def place_of(path: str) -> ArtifactPlace:
    """Return what a path of the artifact proxy names.

    Args:
        path: `EXPERIMENT/RUN/artifacts/PATH`, `EXPERIMENT/models/MODEL/artifacts/PATH` or
            `versions/VERSION/artifacts/PATH`, after one decoding of percent signs.

    Raises:
        UnsafePath: If it leaves its folder, in whatever encoding.
        InvalidPlace: If it names none of them.
    """
    check_plain(path)
    if "//" in path.strip("/"):
        raise UnsafePath("Invalid path: a part of it is empty", hint="Write one '/' between its parts")
    parts = check_relative(path.strip("/")).split("/")
    # The words before belong to the experiment, whose location may have several: what counts is next to `artifacts`.
    at = next((at for at, part in enumerate(parts) if part == _ARTIFACTS and at >= 2), None)
    if at is None:
        raise InvalidPlace(
            f"{shown(path)} names no artifact of a run or a logged model",
            hint="Use the artifact URI that the server gave, EXPERIMENT/RUN/artifacts/PATH",
        )
    owner, above, below = parts[at - 1], parts[at - 2], "/".join(parts[at + 1 :])
    if above == "models" and at >= 3:
        return ArtifactPlace("logged_model", owner, below)
    if above == "versions" and at == 2:
        return ArtifactPlace("model_version", owner, below)
    return ArtifactPlace("run", owner, below)


def place_of_uri(uri: str) -> ArtifactPlace | None:
    """Return what an artifact's URI names on this server; None for a URI of another store.

    Raises:
        InvalidPlace: If it is of this server and names nothing that has artifacts.
    """
    parsed = urlsplit(uri)
    if parsed.scheme == SCHEME:
        return place_of(unquote(parsed.path))
    if parsed.scheme == "runs":
        run_id, _, path = parsed.path.strip("/").partition("/")
        return ArtifactPlace("run", run_id, check_relative(path) if path else "")
    if parsed.scheme == "models" and parsed.path.startswith("/m-"):
        model_id, _, path = parsed.path.strip("/").partition("/")
        return ArtifactPlace("logged_model", model_id, check_relative(path) if path else "")
    return None


def check_plain(path: str) -> str:
    """Return a path if it stays inside its folder however often it is decoded.

    Raises:
        UnsafePath: If it does not, or holds control characters or bytes that are not UTF-8.
    """
    if "\ufffd" in path:
        raise UnsafePath("Invalid path: it is not UTF-8", hint="Encode the path as UTF-8, then in percents")
    decoded = path
    for _ in range(_MOST_UNQUOTED):
        if ".." in decoded.replace("\\", "/").split("/") or any(ord(letter) < 32 for letter in decoded):
            raise UnsafePath("Invalid path", hint="Use a relative path without '..' and control characters")
        once = unquote(decoded)
        if once == decoded:
            return path
        decoded = once
    raise UnsafePath("Invalid path: it is encoded too often", hint="Use a relative path")
