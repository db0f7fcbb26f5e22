"""What goes wrong when versions are shared."""

from tidemill.core.errors import Conflict, Damaged, NotFound


class RemoteNotFound(NotFound):
    """No place is remembered by that name."""

    code = "remote_not_found"


class RemoteExists(Conflict):
    """A place is remembered by that name already."""

    code = "remote_exists"


class DatasetDiverged(Conflict):
    """Two workspaces made different versions of the same number."""

    code = "dataset_diverged"


class RemoteBusy(Conflict):
    """Somebody pushes to the place while a version is to be removed there, or the other way round."""

    code = "remote_busy"


class DamagedRecord(Damaged):
    """What says what a version at a place holds cannot be read."""

    code = "damaged_record"
