"""What the registry allows, and how a version is named."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.names import check_name, shown
from tidemill.models.manifest import UntrustedTypes

LONGEST_DESCRIPTION = 100_000
LONGEST_TAG = 5000
LATEST = "latest"
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,254}")
_VERSION_LIKE = re.compile(r"v?\d+", re.IGNORECASE)


class ModelNotFound(NotFound):
    """No model has that name."""

    code = "model_not_found"


class ModelVersionNotFound(NotFound):
    """The model has no such version, or no such alias."""

    code = "model_version_not_found"


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


def parse_ref(text: str) -> ModelRef:
    """Return what `delay`, `delay@3`, `delay@latest` or `delay@champion` names.

    Raises:
        InvalidName: If the name is not fit.
        InvalidAlias: If what follows the `@` is neither a number nor an alias.
    """
    name, at, rest = text.partition("@")
    check_name(name, "model")
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
