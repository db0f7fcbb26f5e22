"""What goes wrong with a place of objects that is not here."""

from tidemill.core.errors import Conflict, Damaged, InvalidInput, NotFound, Unavailable


class InvalidRemote(InvalidInput):
    """A text is not the address of a place for objects."""

    code = "invalid_remote"


class RemoteUnavailable(Unavailable):
    """The place did not answer, or answered with faults, for as long as it was asked."""

    code = "remote_unavailable"


class RemoteDenied(Unavailable):
    """The place does not accept the credentials of this process, or they may not do this."""

    code = "remote_denied"


class RemoteNotThere(NotFound):
    """There is no such bucket or folder."""

    code = "remote_not_there"


class RemoteObjectMissing(NotFound):
    """The place lacks an object that it should hold."""

    code = "remote_object_missing"


class RemoteDamaged(Damaged):
    """Bytes at the place are not what their digest says."""

    code = "remote_damaged"


class RemoteUnsafe(Conflict):
    """The place takes a second write where it was told to refuse it, so two writers could undo one another."""

    code = "remote_unsafe"
