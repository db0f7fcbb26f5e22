"""The question "may this actor do this?", asked in one way everywhere."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from tidemill.core.errors import InvalidInput, Refused


class Role(IntEnum):
    """What a member is trusted with; each role may do what the ones before it may."""

    VIEWER = 1
    EDITOR = 2
    APPROVER = 3
    ADMIN = 4


class Permission(StrEnum):
    """What a route asks of its caller."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    APPROVE = "approve"
    ADMIN = "admin"


_NEEDS = {
    Permission.OPEN: Role.VIEWER,
    Permission.READ: Role.VIEWER,
    Permission.WRITE: Role.EDITOR,
    Permission.APPROVE: Role.APPROVER,
    Permission.ADMIN: Role.ADMIN,
}


class PermissionMissing(Refused):
    """The actor's role is too low."""

    code = "permission_missing"


class UnknownRole(InvalidInput):
    """A word is not a role."""

    code = "unknown_role"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person, a token, or the system itself on somebody's standing order."""

    name: str
    role: Role


OWNER = Actor("owner", Role.ADMIN)
"""The person at the keyboard of an embedded workspace: whoever can read the folder owns it."""

SYSTEM = Actor("tidemill", Role.ADMIN)
"""Durable workflows and timers, acting on what the project file orders."""


def parse_role(word: str) -> Role:
    """Return the role that a word names.

    Raises:
        UnknownRole: If there is none of that name.
    """
    try:
        return Role[word.upper()]
    except KeyError:
        known = ", ".join(role.name.lower() for role in Role)
        raise UnknownRole(f"{word!r} is not a role", hint=f"Roles: {known}.") from None


def allows(actor: Actor, permission: Permission) -> bool:
    """Return whether an actor's role is enough for a permission."""
    return actor.role >= _NEEDS[permission]


def require(actor: Actor, permission: Permission) -> None:
    """Let the actor pass, or refuse.

    Raises:
        PermissionMissing: If the actor's role is below what the permission needs.
    """
    if not allows(actor, permission):
        needed = _NEEDS[permission]
        raise PermissionMissing(
            f"{actor.name} is {actor.role.name.lower()}, and this needs {needed.name.lower()}",
            hint="Ask an admin for a token with that role.",
        )
