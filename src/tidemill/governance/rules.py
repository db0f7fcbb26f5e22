"""What a token looks like and when it is worth something."""

import hashlib
import re
import secrets

from tidemill.core.access import OWNER, SYSTEM, Role
from tidemill.core.errors import InvalidInput, Unauthenticated
from tidemill.core.moments import Moment
from tidemill.core.names import check_name, shown
from tidemill.governance.records import Token

_SECRET = re.compile(r"tm_[A-Za-z0-9_-]{43}")
_RESERVED = {OWNER.name, SYSTEM.name}


class TokenRefused(Unauthenticated):
    """The caller showed a token that is worth nothing here."""

    code = "token_refused"


class NameReserved(InvalidInput):
    """The name is the system's own."""

    code = "name_reserved"


def new_secret() -> str:
    """Return a secret of 256 random bits."""
    return "tm_" + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return what is kept of a secret.

    One round is enough: nobody can guess 256 random bits, so there is nothing for a slow hash to slow down.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def looks_like_secret(text: str) -> bool:
    """Return whether a text has the shape of a secret."""
    return _SECRET.fullmatch(text) is not None


def check_token_name(name: str) -> str:
    """Return the name of a token if nobody else acts under it by nature.

    Raises:
        NameReserved: If it is the owner's or the system's.
        InvalidName: If it is no name.
    """
    if check_name(name, "token").lower() in _RESERVED:
        raise NameReserved(f"{shown(name)} acts here without a token", hint="Choose another name for the token.")
    return name


def is_live(token: Token, now: Moment) -> bool:
    """Return whether a token is worth something at a moment."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def role_word(role: Role) -> str:
    """Return how a role is written."""
    return role.name.lower()


def refused() -> TokenRefused:
    """Return the one answer to every token that is worth nothing, which does not say why."""
    return TokenRefused(
        "This token is not valid here", hint="It may have been revoked or have expired; ask an admin for a new one."
    )
