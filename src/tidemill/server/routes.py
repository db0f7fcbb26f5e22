"""What a route says: the verb behind it and the permission that it asks."""

from dataclasses import dataclass

from tidemill.core.access import Permission


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the API.

    Args:
        method: The HTTP method.
        path: The path, with the verb's parameters that stand in it in braces; `{name:path}` takes slashes.
        verb: The service and its method, such as `tracking.create_run`.
        permission: What the caller must be allowed.
        status: The HTTP status of success.
    """

    method: str
    path: str
    verb: str
    permission: Permission
    status: int = 200
