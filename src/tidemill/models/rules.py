"""What the registry allows, and how a version is named."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.names import InvalidName, InvalidText, check_text, shown
from tidemill.core.nearest import did_you_mean
from tidemill.models.manifest import UntrustedTypes
from tidemill.tracking.places import SCHEME, STORES

LONGEST_DESCRIPTION = 100_000
LONGEST_KEY = 250
LONGEST_TAG = 100_000
LONGEST_NAME = 256
LONGEST_SOURCE = 2000
LATEST = "latest"
STAGES = ("None", "Staging", "Production", "Archived")
_APART = frozenset("/:@")
_OURS = frozenset({"runs", "models", SCHEME})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,254}")
_VERSION_LIKE = re.compile(r"v?\d+", re.IGNORECASE)


class ModelNotFound(NotFound):
    """No model has that name."""

    code = "model_not_found"


class ModelVersionNotFound(NotFound):
    """The model has no such version, or no such alias."""

    code = "model_version_not_found"


class AliasNotFound(ModelVersionNotFound):
    """The model has no such alias."""

    code = "alias_not_found"


class ModelExists(Conflict):
    """A model of that name is there already."""

    code = "model_exists"


class ModelServes(Conflict):
    """An endpoint answers with a version, so it cannot go."""

    code = "model_serves"


class InvalidStage(InvalidInput):
    """MLflow knows no such stage."""

    code = "invalid_stage"


class InvalidSource(InvalidInput):
    """A version's source is no place that this server would ever read."""

    code = "invalid_source"


class InvalidAlias(InvalidInput):
    """A text cannot be an alias."""

    code = "invalid_alias"


class ModelRef(NamedTuple):
    """A version, as a person names it."""

    name: str
    number: int | None
    alias: str | None


def check_trusted(held: Sequence[str], vouched: Sequence[str]) -> None:
    """Do nothing if every type that a model was saved with on somebody's word is vouched for again.

    Raises:
        UntrustedTypes: If one is not: the list inside the folder is its author's word, not the registry's.
    """
    unknown = [name for name in held if name not in vouched]
    if unknown:
        raise UntrustedTypes(
            f"The model holds types that are not known to be safe: {', '.join(map(shown, unknown))}",
            hint=f"If you know them and their authors, register it with trusted={unknown!r}.",
            details={"types": unknown},
        )


def check_model_name(name: str) -> str:
    """Return a model's name if it is fit: 1 to 256 characters without `/`, `:`, `@` and control characters.

    Raises:
        InvalidName: If it is not: the three would make `delay@3` and `models:/delay/3` ambiguous.
    """
    if not name.strip() or name in {".", ".."} or _APART & set(name):
        raise InvalidName(
            f"{shown(name)} is not a name for a model", hint="Give 1 to 256 characters without '/', ':' and '@'."
        )
    try:
        return check_text(name, "the model's name", LONGEST_NAME)
    except InvalidText as error:
        raise InvalidName(error.message, hint=error.hint) from None


def check_tags(tags: Mapping[str, str]) -> None:
    """Let the tags of a model or a version pass that can be kept."""
    for key, value in tags.items():
        check_key(key)
        check_text(value, f"tag {key!r}", LONGEST_TAG, lines=True)


def check_key(key: str) -> str:
    """Return the key of a tag if it is fit."""
    if not key:
        raise InvalidInput("A tag needs a key", hint=f"Give 1 to {LONGEST_KEY} characters.")
    return check_text(key, "the key of a tag", LONGEST_KEY)


def check_stage(stage: str) -> str:
    """Return a stage as it is written, whatever case it was given in.

    Raises:
        InvalidStage: If there is no such stage.
    """
    for known in STAGES:
        if known.lower() == stage.lower():
            return known
    raise InvalidStage(f"{shown(stage)} is not a stage", hint=did_you_mean(stage, STAGES))


def check_source(source: str) -> str:
    """Return where a version's files are said to be, if that is a place in this server or in a store elsewhere.

    Raises:
        InvalidSource: If it is a path, or a scheme that could mean this server's own disk.
    """
    check_text(source, "the source", LONGEST_SOURCE)
    scheme = _SCHEME.match(source)
    if scheme is None or scheme[1].lower() not in STORES | _OURS or ".." in re.split(r"[/\\]", unquote(source)):
        raise InvalidSource(
            f"{shown(source)} cannot be the source of a model version",
            hint="Log the model first, and give runs:/RUN/PATH, models:/m-ID or models:/NAME/VERSION.",
        )
    return source


def parse_ref(text: str) -> ModelRef:
    """Return what `delay`, `delay@3`, `delay@latest` or `delay@champion` names.

    Raises:
        InvalidName: If the name is not fit.
        InvalidAlias: If what follows the `@` is neither a number nor an alias.
    """
    name, at, rest = text.partition("@")
    check_model_name(name)
    if not at or rest == LATEST:
        return ModelRef(name, None, None)
    if rest.isascii() and rest.isdigit():
        return ModelRef(name, int(rest[:18]), None)
    return ModelRef(name, None, check_alias(rest))


def check_alias(alias: str) -> str:
    """Return an alias if it can be one: letters, digits, `_` and `-`, neither `latest` nor like a version.

    Raises:
        InvalidAlias: If it cannot.
    """
    if not _ALIAS.fullmatch(alias) or alias == LATEST or _VERSION_LIKE.fullmatch(alias):
        raise InvalidAlias(
            f"{shown(alias)} cannot be an alias", hint="Use letters, digits, '_' and '-', but not 'latest' or 'v1'."
        )
    return alias
