"""What governance keeps: tokens and what they stand for."""

import msgspec

from tidemill.core.moments import Moment


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A right to act under a name and a role; the secret itself is not kept.

    Args:
        id: What names it for good.
        name: Who acts with it; what the audit says.
        role: viewer, editor, approver or admin.
        created_at: When it was made.
        created_by: Who made it.
        expires_at: From when it is worth nothing; never when left out.
        revoked_at: When it was taken back.
        last_used_day: The last day on which it was used, in UTC.
    """

    id: str
    name: str
    role: str
    created_at: Moment
    created_by: str
    expires_at: Moment | None = None
    revoked_at: Moment | None = None
    last_used_day: str | None = None


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token with its secret, which is shown this once."""

    token: Token
    secret: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a caller is here, and what it may do."""

    name: str
    role: str
    permissions: list[str]
