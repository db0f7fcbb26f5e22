"""Packs of which versions need little are written anew, so that the rest of them can go.

The new packs and layouts are stored first, then one transaction lets the versions name them: a kill before it leaves
objects that nothing names, one after it nothing to do. What was read by the old ones goes on for as long as anything
young stays: they go with a later collection.
"""

from collections.abc import Collection
from typing import NamedTuple

from tidemill.app.trackers.progress import Progress
from tidemill.core.access import Actor
from tidemill.core.errors import Damaged, OutOfSpace
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectMissing, ObjectStore
from tidemill.objects.packs.layout import Layout
from tidemill.objects.packs.moving import Pack
from tidemill.objects.packs.rewriting import rewrite, sparse_packs


class Repacked(NamedTuple):
    """What was written anew: how many packs, how many bytes of them nothing needs, and why nothing was if so."""

    packs: int = 0
    size_bytes: int = 0
    problem: str = ""


class Repacking:
    """Finds packs of which little is needed, and writes them anew.

    Args:
        ledger: Names the layouts.
        objects: Holds them and the packs.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects

    def find(self, without: Collection[Ref] = ()) -> Repacked:
        """Return what would be written anew, if some versions were gone."""
        return _counted(self._sparse({ref.id for ref in without if ref.kind == "dataset_version"}))

    def run(self, actor: Actor, progress: Progress) -> Repacked:
        """Write them anew, and return what is needless then."""
        try:
            return self._run(actor, progress)
        except (Damaged, OutOfSpace, ObjectMissing) as error:
            # What a collection frees it has freed; this is for the next one.
            return Repacked(problem=str(error))

    def _run(self, actor: Actor, progress: Progress) -> Repacked:
        packs = self._sparse()
        if not packs:
            return Repacked()
        progress.begin("bytes written anew", sum(packs.values()))
        with self._ledger.read() as connection:
            layouts = store.layouts(connection)
        renewed = rewrite(self._objects, layouts, packs, progress.step)
        done = _counted(packs)

        def work(tx: Transaction) -> None:
            store.replace_layouts(tx.connection, renewed)
            facts = {"packs": done.packs, "size_bytes": done.size_bytes, "layouts": len(renewed)}
            tx.audit("workspace.repack", Ref("workspace", "this"), **facts)

        # Who reads by the old ones now has a day.
        for digest in (*renewed, *(digest for digest, _ in packs)):
            self._objects.leaving.touch(digest)
        self._ledger.write(actor, work)
        return done

    def _sparse(self, without: Collection[str] = ()) -> dict[Pack, int]:
        with self._ledger.read() as connection:
            digests = store.layouts(connection, without)
        return sparse_packs(Layout.decode(self._objects.read(digest)) for digest in digests)


def _counted(packs: dict[Pack, int]) -> Repacked:
    return Repacked(len(packs), sum(size - needed for (_, size), needed in packs.items()))
