"""Which code and which data a run stands on, found or stored when it is planned."""

from pathlib import Path

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.pipelines import rules, store
from tidemill.pipelines.ports import DatasetSource
from tidemill.pipelines.records import DatasetInput, Graph, SourceSnapshot
from tidemill.pipelines.source import take_snapshot


class Sources:
    """The snapshots of code and the dataset versions that runs are given.

    Args:
        ledger: Where snapshots are recorded.
        objects: Where their files are.
        datasets: Finds dataset versions.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, datasets: DatasetSource) -> None:
        self._ledger = ledger
        self._objects = objects
        self._datasets = datasets

    def take(self, actor: Actor, folder: Path) -> SourceSnapshot:
        """Store a project's code as it is now."""
        taken = take_snapshot(folder, self._objects)
        self._ledger.write(actor, lambda tx: store.write_source(tx, taken))
        return taken

    def find(self, actor: Actor, folder: str, source: Digest | None) -> SourceSnapshot:
        """Return a snapshot that is stored, or one of the folder when none is named."""
        if source is None:
            return self.take(actor, Path(folder or "."))
        with self._ledger.read() as connection:
            found = store.find_source(connection, source)
        if found is not None:
            return found
        entries = self._objects.list_tree(source)
        taken = SourceSnapshot(
            digest=source, name="source", files=len(entries), size=sum(entry.size for entry in entries)
        )
        self._ledger.write(actor, lambda tx: store.write_source(tx, taken))
        return taken

    def datasets(self, actor: Actor, graph: Graph) -> dict[str, DatasetInput]:
        """Return the dataset versions that a graph reads, by what the pipeline calls them."""
        refs = rules.datasets_of(graph)
        return dict(zip(refs, self._datasets.resolve(actor, refs=refs), strict=True)) if refs else {}
