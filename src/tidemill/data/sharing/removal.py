"""Removes a version at a place, with what nothing else there needs."""

from tidemill.core.names import shown
from tidemill.data.errors import InvalidDatasetRef
from tidemill.data.rules import DatasetRef
from tidemill.data.sharing.errors import RemoteBusy
from tidemill.data.sharing.moved import Watcher
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
        needed = self._needed(version.dataset, version.number)
        doomed = sorted((own.keys() | left) - needed)
        here.note(version.ref, doomed)
        tags = self._shelf.remove(version.dataset, version.number)
        self._delete(here, doomed)
        freed = sum(own.get(key, 0) for key in doomed)
        return RemovedThere(ref=version.ref, tags=tags, objects=len(doomed), size_bytes=freed)

    def _end(self, here: Presence, name: str, number: int, left: set[str]) -> RemovedThere:
        """End a removal that was begun before."""
        doomed = sorted(left - self._needed(name, number))
        here.note(f"{name}@{number}", doomed)
        tags = self._shelf.remove(name, number)
        self._delete(here, doomed)
        return RemovedThere(ref=f"{name}@{number}", tags=tags, objects=len(doomed), size_bytes=0)

    def _needed(self, name: str, number: int) -> set[str]:
        """Return the names that all other versions at the place need."""
        versions = [(found.name, each) for found in self._shelf.list() for each in found.numbers]
        others = [each for each in versions if each != (name, number)]
        self._watcher.begin("look at what other versions there need", len(others))
        wanted: dict[Stored, None] = {}
        for each in others:
            if shared := self._shelf.read(*each):
                wanted.update(dict.fromkeys(Stored(one.digest, one.size) for one in shared.objects))
            self._watcher.step()
        return set(self._remote.keys_of(wanted))

    def _delete(self, here: Presence, doomed: list[str]) -> None:
        def may() -> None:
            if here.is_taken():
                raise RemoteBusy(
                    f"Somebody else ended this removal at {self._remote.bucket}",
                    hint="It stood still for minutes; there is nothing left to do.",
                )

        self._watcher.begin("remove", len(doomed))
        # Lists of pieces first: who finds one finds every piece.
        for is_list in (True, False):
            keys = [key for key in doomed if key.startswith("pieces/") is is_list]
            self._remote.delete(keys, may, self._watcher.step)
