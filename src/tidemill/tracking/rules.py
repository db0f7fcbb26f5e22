"""What a run may record, with MLflow's limits."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote
from zlib import crc32

from tidemill.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from tidemill.core.names import check_text, shown
from tidemill.objects.trees import check_relative
from tidemill.tracking.places import SCHEME, STORES
from tidemill.tracking.records import InputDataset, Metric

LONGEST_KEY = 250
LONGEST_PARAM = 6000
LONGEST_TAG = 8000
LONGEST_EXPERIMENT_TAG = 20_000
LONGEST_NAME = 500
LONGEST_DIGEST = 36
LONGEST_SCHEMA = 2**20 - 1
LONGEST_PROFILE = 2**24 - 1
LONGEST_LOCATION = 1000
MOST_METRICS = 100_000
MOST_STEP = 2**63 - 1
_APART = frozenset("/:.%\"'")
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,255}")
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


class ExperimentNotFound(NotFound):
    """No experiment has that id or name."""

    code = "experiment_not_found"


class ExperimentExists(Conflict):
    """An experiment of that name is there already."""

    code = "experiment_exists"


class RunNotFound(NotFound):
    """No run has that id."""

    code = "run_not_found"


class RunLeaving(Unavailable):
    """A run is being removed for good, or made, at this moment."""

    code = "run_leaving"


class LoggedModelLeaving(Unavailable):
    """A logged model is being removed for good, or made, at this moment."""

    code = "logged_model_leaving"


class RunNotActive(Conflict):
    """The run was deleted."""

    code = "run_not_active"


class ParamChanged(Conflict):
    """A param was logged before with another value."""

    code = "param_changed"


class ArtifactNotFound(NotFound):
    """The run has no artifact at that path."""

    code = "artifact_not_found"


class InvalidMetric(InvalidInput):
    """A metric's step or time is out of range, or there are too many at once."""

    code = "invalid_metric"


class ExperimentNotActive(Conflict):
    """The experiment was deleted."""

    code = "experiment_not_active"


class TagNotFound(NotFound):
    """There is no tag of that key to delete."""

    code = "tag_not_found"


class LoggedModelNotFound(NotFound):
    """No logged model has that id."""

    code = "logged_model_not_found"


class ArtifactClash(Conflict):
    """A path is a file and would have to be a folder, or the other way round."""

    code = "artifact_clash"


class InvalidArtifactRoot(InvalidInput):
    """A text names nothing that has artifacts."""

    code = "invalid_artifact_root"


class InvalidLocation(InvalidInput):
    """An experiment's artifact location could be on this server's own disk."""

    code = "invalid_location"


class InvalidDataset(InvalidInput):
    """A dataset's description is over a limit."""

    code = "invalid_dataset"


def check_experiment_name(name: str) -> str:
    """Return an experiment's name if it is fit: any text of 1 to 500 characters."""
    if not name.strip():
        raise InvalidInput("An experiment needs a name", hint="Give a text of 1 to 500 characters.")
    return check_text(name, "the experiment's name", LONGEST_NAME)


def check_location(location: str) -> str:
    """Return where MLflow's clients are told to keep an experiment's files, if that is no place on this server's disk.

    Raises:
        InvalidLocation: If it could be one.
    """
    check_text(location, "the artifact location", LONGEST_LOCATION)
    scheme = _URI.match(location)
    is_known = scheme is not None and scheme[1].lower() in STORES | {SCHEME}
    if location and (not is_known or ".." in re.split(r"[/\\]", unquote(location))):
        raise InvalidLocation(
            f"{shown(location)} cannot be the artifact location of an experiment",
            hint=f"Leave it out, so that this server keeps the files, or give {SCHEME}: or an object store's URI.",
        )
    return location


@lru_cache(maxsize=4096)  # a training logs the same keys again and again
def check_key(key: str, what: str) -> str:
    """Return the key of a metric, param or tag if it is fit; a `/` in it makes groups, and never leads out of them."""
    if not key:
        raise InvalidInput(f"A {what} needs a key", hint=f"Give 1 to {LONGEST_KEY} characters.")
    if ("/" in key or key in {".", ".."}) and (
        posixpath.normpath(key) != key or key.startswith(("/", "..")) or key == "."
    ):
        raise InvalidInput(
            f"{shown(key)} cannot be the key of a {what}", hint="Between '/' stands a name, never nothing, '.' or '..'."
        )
    return check_text(key, f"the key of a {what}", LONGEST_KEY)


def check_logged_model_name(name: str) -> str:
    """Return the name of a logged model if it is fit, which in a URI stands between others.

    Raises:
        InvalidInput: If it is not.
    """
    if _APART & set(name):
        raise InvalidInput(
            f"{shown(name)} cannot be the name of a logged model", hint="Leave out '/', ':', '.', '%' and quotes."
        )
    return check_text(name, "the name of a logged model", LONGEST_NAME)


def check_metrics(metrics: Sequence[Metric]) -> None:
    """Let metrics pass that can be kept.

    Raises:
        InvalidMetric: If there are too many, or a step or time is out of range.
    """
    if len(metrics) > MOST_METRICS:
        raise InvalidMetric(
            f"{len(metrics)} metrics at once, and {MOST_METRICS} is the most", hint="Log them in several batches."
        )
    # Most batches are many points of a few metrics: each key is looked at once.
    for key in {metric.key for metric in metrics}:
        check_key(key, "metric")
    for metric in metrics:
        if not -MOST_STEP <= metric.step <= MOST_STEP or not 0 <= metric.timestamp <= MOST_STEP:
            raise InvalidMetric(
                f"Metric {shown(metric.key)} has step {metric.step} and timestamp {metric.timestamp}",
                hint="Both are 64-bit integers, and the timestamp is in milliseconds since the epoch.",
            )
        if metric.model_id:
            check_text(metric.dataset_name, "the name of a dataset", LONGEST_NAME)
            check_text(metric.dataset_digest, "the digest of a dataset", LONGEST_DIGEST)


def cut(texts: Mapping[str, str], longest: int) -> dict[str, str]:
    """Return texts no longer than may be kept, as MLflow's server does and its clients since 2.10 count on."""
    return {key: value[:longest] for key, value in texts.items()}


def check_params(params: Mapping[str, str]) -> None:
    """Let params pass that can be kept."""
    for key, value in params.items():
        check_key(key, "param")
        check_text(value, f"param {shown(key)}", LONGEST_PARAM, lines=True)


def check_tags(tags: Mapping[str, str], longest: int = LONGEST_TAG) -> None:
    """Let tags pass that can be kept."""
    for key, value in tags.items():
        check_key(key, "tag")
        check_text(value, f"tag {shown(key)}", longest, lines=True)


def check_dataset(dataset: InputDataset) -> None:
    """Let a dataset's description pass that can be kept.

    Raises:
        InvalidDataset: If its schema, profile or source is too long.
    """
    if not dataset.name or not dataset.digest:
        raise InvalidDataset("A dataset needs a name and a digest", hint="Give both.")
    check_text(dataset.name, "the name of a dataset", LONGEST_NAME)
    check_text(dataset.digest, "the digest of a dataset", LONGEST_DIGEST)
    check_text(dataset.source_type, "the source type of a dataset", LONGEST_NAME)
    check_text(dataset.context, "the context of an input", LONGEST_KEY)
    check_tags(dataset.tags)
    for what, value, longest in (
        ("schema", dataset.schema, LONGEST_SCHEMA),
        ("profile", dataset.profile, LONGEST_PROFILE),
        ("source", dataset.source, LONGEST_SCHEMA),
    ):
        if len(value) > longest:
            raise InvalidDataset(
                f"The {what} of dataset {shown(dataset.name)} has {len(value)} characters, and {longest} is the most",
                hint="Log a shorter description of it.",
            )


def check_run_id(run_id: str) -> str:
    """Return a run's id if it is fit to be one: a letter or digit, then up to 255 letters, digits, `_` and `-`."""
    if not _RUN_ID.fullmatch(run_id):
        raise InvalidInput(f"{shown(run_id)} cannot be a run's id", hint="Use letters, digits, '_' and '-'.")
    return run_id


def check_logged_model_id(model_id: str) -> str:
    """Return the id of a logged model if a caller may choose it: `m-` and 32 hexadecimal digits."""
    if not _MODEL_ID.fullmatch(model_id):
        raise InvalidInput(
            f"{shown(model_id)} cannot be the id of a logged model", hint="Write m- and 32 of the digits 0-9 and a-f."
        )
    return model_id


def check_artifact_path(path: str) -> str:
    """Return an artifact's path if it stays inside the run."""
    return check_relative(check_text(path, "the artifact's path", 1000))


# fmt: off
_ADJECTIVES = (
    "amber", "brisk", "calm", "clear", "coastal", "deep", "early", "ebbing", "even", "fair", "fresh", "gentle",
    "grand", "high", "keen", "late", "light", "low", "lunar", "mild", "new", "north", "open", "quiet", "rapid",
    "rising", "salt", "slack", "slow", "soft", "south", "spring", "steady", "still", "strong", "swift",
)
# fmt: on
# fmt: off
_NOUNS = (
    "anchor", "bay", "beacon", "breeze", "buoy", "cape", "channel", "cove", "current", "delta", "dune", "eddy",
    "estuary", "ferry", "fjord", "gull", "harbour", "heron", "island", "jetty", "keel", "lagoon", "mast", "mill",
    "otter", "pier", "reef", "sail", "shoal", "sluice", "strait", "tern", "tide", "weir", "wharf", "wheel",
)
# fmt: on


def make_name(run_id: str) -> str:
    """Return a name that a person can say, for a run that was given none."""
    number = crc32(run_id.encode())
    adjective = _ADJECTIVES[number % len(_ADJECTIVES)]
    noun = _NOUNS[number // len(_ADJECTIVES) % len(_NOUNS)]
    return f"{adjective}-{noun}-{number // 2000 % 1000}"
