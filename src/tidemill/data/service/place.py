"""What the verbs work on."""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import OWNER, SYSTEM, Actor
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data import store
from tidemill.data.errors import (
    DatasetInTrash,
    DatasetNotFound,
    DatasetVersionInTrash,
    DatasetVersionNotFound,
    DatasetVersionRemoved,
)
from tidemill.data.reading import Reader
from tidemill.data.records import DatasetVersion
from tidemill.data.rules import DatasetRef, parse_dataset_ref
from tidemill.data.service.underway import Works
from tidemill.data.sources.access import Access, parse_hosts
from tidemill.data.sources.reach import Reach
from tidemill.data.sources.registry import Registry
from tidemill.data.trash import find_removed, find_trashed, is_dataset_trashed, removed_versions
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.objects.packs.folder import NotFiles, StoredFiles
from tidemill.objects.packs.seen import SeenFolders


class Place:
    """The ledger, the objects and the folders that may be read.

    Args:
        ledger: Where the rows are.
        objects: Where the bytes are.
        root: The folder that the owner's relative paths start from; the owner may read everywhere.
        roots: The folders that everybody else may name; their relative paths start from the first.
        barred: Folders in those that only the owner may name.
        hosts: The setting that says from where everybody else may have things fetched.
        registry: The sources beside files.
    """

    def __init__(
        self,
        ledger: Ledger,
        objects: ObjectStore,
        root: Path,
        roots: Sequence[Path],
        barred: Sequence[Path],
        *,
        hosts: str = "",
        registry: Registry | None = None,
    ) -> None:
        self.ledger = ledger
        self.objects = objects
        self.reader = Reader(objects)
        self.seen = SeenFolders(objects.root / "seen")
        self.works = Works()
        self._of_owner = Reach.of_owner(root)
        self._of_others = Reach.of_others(roots, barred)
        self._hosts = parse_hosts(hosts)
        self.registry = registry or Registry()

    def reach(self, actor: Actor) -> Reach:
        """Return where an actor may have files read."""
        return self._of_owner if actor in {OWNER, SYSTEM} else self._of_others

    def access(self, actor: Actor) -> Access:
        """Return what an actor may have fetched from elsewhere."""
        return Access(reach=self.reach(actor), hosts=self._hosts)

    def files(self, version: DatasetVersion) -> StoredFiles:
        """Return the files of a version, to be closed.

        Raises:
            NotFiles: If the version is a table.
        """
        if version.layout_digest is None:
            raise NotFiles(f"{version.ref} is a table, not files", hint="Read its rows, or check it out.")
        return StoredFiles(self.objects, version.digest, version.layout_digest)

    def find(self, ref: str, *, parts: bool = True) -> DatasetVersion:
        """Return the version that a reference names.

        Args:
            ref: Such as `flights@3`, or the identifier of a version.
            parts: Whether its parts are read too.

        Raises:
            DatasetNotFound: If there is no such dataset.
            DatasetVersionNotFound: If it has no such version.
            DatasetInTrash: If the dataset lies in the trash.
            DatasetVersionInTrash: If the version does.
            DatasetVersionRemoved: If it was removed for good.
        """
        wanted = parse_dataset_ref(ref)
        with self.ledger.read() as connection:
            if found := store.find_version(connection, wanted, parts=parts):
                return found
            if ref == wanted.dataset and (by_id := store.find_version_by_id(connection, ref)):
                return by_id
            _refuse_gone(connection, wanted)
            if store.find_dataset(connection, wanted.dataset) is None:
                raise _no_dataset(wanted.dataset, store.dataset_names(connection))
            latest = store.find_version(connection, DatasetRef(wanted.dataset))
            tags = store.tags_of(connection, wanted.dataset)
        newest = f"The latest is {latest.number}, made on {latest.created_at:%Y-%m-%d}. " if latest else ""
        hint = newest + (did_you_mean(wanted.tag, tags) if wanted.tag and tags else "See `tidemill data log`.")
        raise DatasetVersionNotFound(
            f"{shown(wanted.dataset)} has no version {shown(ref.partition('@')[2])}", hint=hint
        )


def _refuse_gone(connection: sa.Connection, ref: DatasetRef) -> None:
    """Say that what a reference names was deleted, if it was."""
    if is_dataset_trashed(connection, ref.dataset):
        raise DatasetInTrash(
            f"{shown(ref.dataset)} lies in the trash", hint=f"Take it out with `tidemill data restore {ref.dataset}`."
        )
    if found := find_trashed(connection, ref):
        raise DatasetVersionInTrash(
            f"{found.dataset}@{found.number} lies in the trash, since {found.deleted_at:%Y-%m-%d}",
            hint=f"Take it out with `tidemill data restore {found.dataset}@{found.number}`.",
        )
    if ref.number is not None:
        removed = next(iter(removed_versions(connection, ref.dataset, ref.number)), None)
    else:
        removed = find_removed(connection, ref.dataset)
    if removed is not None:
        raise DatasetVersionRemoved(
            f"{removed.ref} was removed for good on {removed.removed_at:%Y-%m-%d} by {removed.removed_by}",
            hint=f"What it was is shown by `tidemill data removed {removed.dataset}`.",
            details={"ref": removed.ref},
        )


def _no_dataset(name: str, known: Sequence[str]) -> DatasetNotFound:
    hint = did_you_mean(name, known) if known else "There are none yet; ingest one with `tidemill data add`."
    return DatasetNotFound(f"There is no dataset {shown(name)}", hint=hint)


def missing_dataset(place: Place, name: str) -> DatasetNotFound:
    """Return the error for a dataset that does not exist, with the nearest name."""
    with place.ledger.read() as connection:
        _refuse_gone(connection, DatasetRef(name))
        return _no_dataset(name, store.dataset_names(connection))
