"""What versions at a place need, and how what none needs goes from there."""

from collections.abc import Callable, Iterable

from tidemill.data.sharing.errors import RemoteBusy
from tidemill.data.sharing.moved import Watcher
from tidemill.data.sharing.presence import Presence
from tidemill.data.sharing.shelf import Shelf
from tidemill.objects.remote import RemoteStore
from tidemill.objects.remote.store import LISTS, Stored


def needed_there(
    remote: RemoteStore, watcher: Watcher, *, but: tuple[str, int] | None = None, lists_lost: bool = True
) -> set[str]:
    """Return the names that versions at a place need.

    Args:
        remote: The place.
        watcher: Is told how far it is.
        but: A dataset and the number of a version that does not count.
        lists_lost: Whether the list of a large object's pieces may be lost, so that they are not known.

    Raises:
        DamagedRecord: If a record there cannot be read, so that it is not known what is needed.
        RemoteObjectMissing: If a list is lost, and may not be.
    """
    shelf = Shelf(remote.bucket)
    versions = [(found.name, each) for found in shelf.list() for each in found.numbers]
    others = [each for each in versions if each != but]
    watcher.begin("look at what versions there need", len(others))
    wanted: dict[Stored, None] = {}
    for each in others:
        if shared := shelf.read(*each):
            wanted.update(dict.fromkeys(Stored(one.digest, one.size) for one in shared.objects))
        watcher.step()
    return set(remote.keys_of(wanted, lists_lost=lists_lost))


def with_lists(remote: RemoteStore, doomed: set[str], needed: set[str]) -> set[str]:
    """Return the names that go, and the lists that would name what is gone then.

    Those are of pushes that were not finished: one that goes on finds a list, and holds every piece for being there.
    """
    lists = [found.key for found in remote.bucket.list(LISTS) if found.key not in needed | doomed]
    return doomed | {key for key, pieces in remote.pieces_by_list(lists) if pieces & doomed}


def delete_there(remote: RemoteStore, here: Presence, doomed: Iterable[str], watcher: Watcher) -> None:
    """Remove names, as long as nobody held this for dead."""
    doomed = sorted(doomed)
    watcher.begin("remove", len(doomed))
    remote.delete(doomed, still(remote, here), watcher.step)


def still(remote: RemoteStore, here: Presence) -> Callable[[], None]:
    """Return what is asked before each removal, and ends it when somebody else took it over."""

    def may() -> None:
        if here.is_taken():
            raise RemoteBusy(
                f"Somebody else ended this removal at {remote.bucket}",
                hint="It stood still for minutes; there is nothing left to do.",
            )

    return may
