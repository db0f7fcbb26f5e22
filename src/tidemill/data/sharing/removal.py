"""Removes a version at a place, with what nothing else there needs."""

from tidemill.core.names import shown
from tidemill.data.errors import InvalidDatasetRef
from tidemill.data.rules import DatasetRef
from tidemill.data.sharing.moved import Watcher
from tidemill.data.sharing.needs import delete_there, needed_there, with_lists
from tidemill.data.sharing.presence import Presence, present
from tidemill.data.sharing.records import RemovedThere, SharedVersion
from tidemill.data.sharing.shelf import Shelf
from tidemill.objects.remote import RemoteStore
from tidemill.objects.remote.store import Stored


class Removal:
    """One removal.

    Args:
        remote: The place.
        watcher: Is told how far it is.
    """

    def __init__(self, remote: RemoteStore, watcher: Watcher) -> None:
        self._remote = remote
        self._shelf = Shelf(remote.bucket)
        self._watcher = watcher

    def run(self, by: str, ref: DatasetRef) -> RemovedThere:
        """Remove a version, the tags that point to it, and the objects that no other version there needs.

        Raises:
            InvalidDatasetRef: If no version is said.
            DatasetNotFound: If the place has no such dataset.
            DatasetVersionNotFound: If it has no such version.
            RemoteBusy: If somebody pushes there.
            DamagedRecord: If a record there cannot be read, so that it is not known what is needed.
        """
        if (ref.number, ref.tag) == (None, None):
            raise InvalidDatasetRef(f"{shown(ref.dataset)} says no version", hint=f"Write {ref.dataset}@NUMBER.")
        shown_ref = f"{ref.dataset}@{ref.number or ref.tag}"
        with present(self._remote.bucket, "remove", shown_ref, by) as here:
            adopted = here.adopt()
            left = {key for mark in adopted for key in mark.keys}
            was_begun = shown_ref in {mark.of for mark in adopted}
            if ref.number and was_begun and self._shelf.read(ref.dataset, ref.number) is None:
                return self._end(here, ref.dataset, ref.number, left)
            return self._remove(here, self._shelf.find(ref), left)

    def _remove(self, here: Presence, found: SharedVersion, left: set[str]) -> RemovedThere:
        version = found.version
        own = self._remote.keys_of(Stored(each.digest, each.size) for each in found.objects)
        doomed = self._doomed(own.keys() | left, version.dataset, version.number)
        here.note(version.ref, sorted(doomed))
        tags = self._shelf.remove(version.dataset, version.number)
        delete_there(self._remote, here, doomed, self._watcher)
        freed = sum(own.get(key, 0) for key in doomed)
        return RemovedThere(ref=version.ref, tags=tags, objects=len(doomed), size_bytes=freed)

    def _end(self, here: Presence, name: str, number: int, left: set[str]) -> RemovedThere:
        """End a removal that was begun before."""
        doomed = self._doomed(left, name, number)
        here.note(f"{name}@{number}", sorted(doomed))
        tags = self._shelf.remove(name, number)
        delete_there(self._remote, here, doomed, self._watcher)
        return RemovedThere(ref=f"{name}@{number}", tags=tags, objects=len(doomed), size_bytes=0)

    def _doomed(self, wanted: set[str], name: str, number: int) -> set[str]:
        needed = needed_there(self._remote, self._watcher, but=(name, number))
        return with_lists(self._remote, wanted - needed, needed)
