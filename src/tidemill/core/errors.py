"""The error family: each case has a stable code, says what was found and where, and what to do next."""

from collections.abc import Mapping


class TidemillError(Exception):
    """A failure that a caller may treat by its code.

    Args:
        message: What was found and where, in one sentence.
        hint: What to do next; empty only when nothing can be done.
        where: The place of the fault: a file with line, a column, a row, a field.
        details: Structured facts for programs, such as the rows that failed.
    """

    code = "error"

    def __init__(
        self, message: str, *, hint: str = "", where: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        self.details: dict[str, object] = dict(details or {})

    def __reduce__(self) -> tuple[object, ...]:
        """Keep every part across processes."""
        return (_rebuild, (type(self), self.message, self.hint, self.where, self.details))

    def __str__(self) -> str:
        """Return the message with its place and its hint, as a person reads it."""
        place = f" ({self.where})" if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.message}{place}{hint}"


def family_of(error: TidemillError) -> str:
    """Return the code of the large kind that an error is of, such as `not_found` of a dataset that is not there."""
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, TidemillError) and kind is not TidemillError]
    return kinds[-1].code if kinds else error.code


def _rebuild(
    kind: type[TidemillError], message: str, hint: str, where: str, details: dict[str, object]
) -> TidemillError:
    error = kind.__new__(kind)
    TidemillError.__init__(error, message, hint=hint, where=where, details=details)
    return error


class InvalidInput(TidemillError):
    """What was given cannot be accepted as it is."""

    code = "invalid_input"


class MethodNotAllowed(InvalidInput):
    """The path exists, and does not take this HTTP method."""

    code = "method_not_allowed"


class NotFound(TidemillError):
    """What was named does not exist."""

    code = "not_found"


class Conflict(TidemillError):
    """What was asked clashes with what is there now."""

    code = "conflict"


class Refused(TidemillError):
    """The actor may not do this."""

    code = "refused"


class Unauthenticated(TidemillError):
    """The caller did not prove who it is."""

    code = "unauthenticated"


class TooLarge(TidemillError):
    """What was given is over a stated limit."""

    code = "too_large"


class BodyTooLarge(TooLarge):
    """A request's body is over the limit."""

    code = "body_too_large"


class Unavailable(TidemillError):
    """It cannot be done now, and may be done later."""

    code = "unavailable"


class OutOfSpace(Unavailable):
    """The disk or the quota is full; nothing was half-written."""

    code = "out_of_space"


class Damaged(TidemillError):
    """Stored bytes or rows are not what was written."""

    code = "damaged"


class Internal(TidemillError):
    """A fault of Tidemill itself."""

    code = "internal"


class MissingExtra(TidemillError):
    """An optional library that this work needs is not installed."""

    code = "missing_extra"
