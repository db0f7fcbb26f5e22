"""Removes at a place what pushes left there that were never finished: what no version there names, and is old."""

import re
from collections.abc import Iterable
from datetime import timedelta

from tidemill.core.moments import Moment, utc_now
from tidemill.data.sharing.moved import Watcher
from tidemill.data.sharing.needs import delete_there, needed_there, still
from tidemill.data.sharing.presence import present
from tidemill.data.sharing.records import Swept
from tidemill.objects.remote import RemoteStore
from tidemill.objects.remote.bucket import Found
from tidemill.objects.remote.store import LISTS, OBJECTS

LEFT = "what unfinished pushes left"
"""What others are told of it."""

_OURS = re.compile(rf"(?:{OBJECTS}|{LISTS})/[0-9a-f]{{2}}/[0-9a-f]{{62}}|probe/[0-9a-f]{{32}}")
_FOLDERS = (LISTS, OBJECTS, "probe")


class Sweep:
    """One sweep.

    Args:
        remote: The place.
        watcher: Is told how far it is.
    """

    def __init__(self, remote: RemoteStore, watcher: Watcher) -> None:
        self._remote = remote
        self._bucket = remote.bucket
        self._watcher = watcher

    def look(self, older_than: timedelta) -> Swept:
        """Return what would go, by the clock of this machine; nothing is written there.

        Raises:
            DamagedRecord: If a record there cannot be read, so that it is not known what is needed.
            RemoteObjectMissing: If the list of the pieces of a large object that is needed is lost.
        """
        return _swept(*self._left(utc_now() - older_than, set()))

    def run(self, by: str, older_than: timedelta) -> Swept:
        """Remove what no version names and has not been written for so long; end removals that were killed.

        Raises:
            RemoteBusy: If somebody pushes there, or sweeps.
            DamagedRecord: If a record there cannot be read, so that it is not known what is needed.
            RemoteObjectMissing: If the list of the pieces of a large object that is needed is lost.
        """
        with present(self._bucket, "remove", LEFT, by) as here:
            begun = {key for mark in here.adopt() for key in mark.keys}
            going, torn = self._left(here.now() - older_than, begun)
            delete_there(self._remote, here, going.keys(), self._watcher)
            may = still(self._remote, here)
            for found in torn:
                may()
                self._bucket.drop_unfinished(found)
        return _swept(going, torn)

    def _left(self, before: Moment, begun: set[str]) -> tuple[dict[str, Found], list[Found]]:
        """Return what goes, by its name, and files of writes that were cut off.

        Args:
            before: What was written later stays, so that a push can go on.
            begun: What goes however young it is: a removal that was killed was at it.
        """
        needed = needed_there(self._remote, self._watcher, lists_lost=False)
        self._watcher.begin("look at what is there")
        there = {found.key: found for folder in _FOLDERS for found in self._bucket.list(folder)}
        spare = {key: found for key, found in there.items() if _OURS.fullmatch(key) and key not in needed}
        going = {key for key, found in spare.items() if found.modified_at <= before or key in begun}
        going -= self._of_young_lists(spare, going)
        torn = [found for found in self._bucket.unfinished() if found.modified_at <= before]
        return {key: there[key] for key in going}, torn

    def _of_young_lists(self, spare: Iterable[str], going: set[str]) -> set[str]:
        """Return the pieces that lists name which stay: a push that goes on holds them for being there."""
        young = [key for key in spare if key.startswith(f"{LISTS}/") and key not in going]
        return {piece for _, pieces in self._remote.pieces_by_list(young) for piece in pieces}


def _swept(going: dict[str, Found], torn: list[Found]) -> Swept:
    size = sum(found.size for found in (*going.values(), *torn))
    return Swept(objects=len(going) + len(torn), size_bytes=size)
