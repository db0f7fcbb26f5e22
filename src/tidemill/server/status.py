"""Which HTTP status an error has; the only place that knows both."""

from tidemill.core import errors

_STATUS: tuple[tuple[type[errors.TidemillError], int], ...] = (
    (errors.OutOfSpace, 507),
    (errors.MethodNotAllowed, 405),
    (errors.InvalidInput, 400),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Refused, 403),
    (errors.Unauthenticated, 401),
    (errors.TooLarge, 413),
    (errors.Unavailable, 503),
    (errors.MissingExtra, 501),
)


def status_of(error: errors.TidemillError) -> int:
    """Return the HTTP status of an error: 500 for damage and faults of ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
