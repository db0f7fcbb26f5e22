"""What the registry allows, and how a version is named."""

import re
from typing import NamedTuple

from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.names import check_name, shown

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
