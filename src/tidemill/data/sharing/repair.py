"""Objects here that are not what was stored: put aside, so that a pull brings them anew."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tidemill.core.digests import Digest
from tidemill.core.errors import Damaged, NotFound
from tidemill.data.sharing.moved import Watcher
from tidemill.objects import ObjectStore
from tidemill.objects.packs.layout import Layout

_FOLDER = "damaged"


@contextmanager
def damaged_aside(objects: ObjectStore, digests: Iterable[Digest], watcher: Watcher) -> Iterator[list[Digest]]:
    """Read objects, and put those aside that are damaged; give which ones.

    They are removed at the end. Where they could not be had anew they go back: of a damaged pack most files are whole.

    Args:
        objects: Where they are.
        digests: Which ones; one that is not stored is passed over.
        watcher: Is told how far the reading is.
    """
    folder = objects.root / _FOLDER
    aside = {digest: folder / digest for digest in _damaged(objects, digests, watcher)}
    if aside:
        folder.mkdir(exist_ok=True)
    for digest, path in aside.items():
        objects.path(digest).rename(path)
    try:
        yield list(aside)
    finally:
        for digest, path in aside.items():
            _end(objects.path(digest), path)
        with suppress(OSError):
            folder.rmdir()


def stored_of(objects: ObjectStore, layout: Digest | None) -> Iterator[Digest]:
    """Yield what a layout of files stands on: itself, and its packs as far as it can be read."""
    if layout is None:
        return
    yield layout
    with suppress(Damaged, NotFound):
        for digest, _ in Layout.decode(objects.read(layout)).packs:
            yield Digest(digest)


def _damaged(objects: ObjectStore, digests: Iterable[Digest], watcher: Watcher) -> list[Digest]:
    here = {digest: objects.size(digest) for digest in dict.fromkeys(digests) if objects.has(digest)}
    watcher.begin("read what is here", sum(here.values()))
    found = []
    for digest, size in here.items():
        try:
            objects.verify(digest)
        except Damaged:
            found.append(digest)
        watcher.step(size)
    return found


def _end(place: Path, aside: Path) -> None:
    if place.exists():
        aside.unlink(missing_ok=True)
    else:
        aside.replace(place)
