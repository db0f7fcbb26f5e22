"""Who the caller of a request is: the owner at the keyboard, or the holder of a token."""

import base64
import ipaddress

from starlette.requests import Request

from tidemill.core.access import OWNER, Actor
from tidemill.core.errors import Refused, Unauthenticated
from tidemill.core.settings import Settings
from tidemill.governance.rules import refused
from tidemill.governance.service import GovernanceService
from tidemill.server.threads import in_thread

COOKIE = "tidemill_token"


class TokensNeeded(Refused):
    """The server would let callers in that nobody can tell apart, or nobody at all."""

    code = "tokens_needed"


class Identity:
    """Says who calls.

    Args:
        governance: Knows the tokens.
        is_open: Whether callers without a token are the owner of the workspace.
    """

    def __init__(self, governance: GovernanceService, *, is_open: bool) -> None:
        self._governance = governance
        self._is_open = is_open

    async def of(self, request: Request) -> tuple[Actor | None, Unauthenticated | None]:
        """Return who calls, or nobody and, if a cookie was shown in vain, why.

        Raises:
            Unauthenticated: If a token was shown in vain.
        """
        header = request.headers.get("authorization")
        if header is not None:
            return await in_thread(self._governance.authenticate, _secret(header)), None
        cookie = request.cookies.get(COOKIE)
        if cookie is not None:
            try:
                return await in_thread(self._governance.authenticate, cookie), None
            except Unauthenticated as error:
                return None, error  # the page that sets a new one must stay within reach
        return (OWNER if self._is_open else None), None


def _secret(header: str) -> str:
    """Return the token in an Authorization header: a bearer's, or the password of whatever user.

    Raises:
        Unauthenticated: If it holds neither.
    """
    scheme, _, given = header.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            _, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
        except (ValueError, UnicodeDecodeError):
            raise refused() from None
        if colon:
            return password
    raise refused()


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def needs_tokens(settings: Settings) -> bool:
    """Return whether callers must show a token."""
    return settings.require_tokens or not is_loopback(settings.host)


def check_tokens_exist(settings: Settings, governance: GovernanceService) -> None:
    """Let a server listen that asks for tokens only if somebody has one.

    Raises:
        TokensNeeded: If no admin token exists.
    """
    if needs_tokens(settings) and not governance.has_admin_token():
        raise TokensNeeded(
            f"The server does not listen on {settings.host} before an admin token exists",
            hint="Make one on this machine: tidemill tokens create --role admin NAME",
        )
