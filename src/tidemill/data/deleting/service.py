"""What one can do to be rid of datasets and versions: into the trash, out of it, and what is known of those removed."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.names import check_name, shown
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.data.errors import DatasetInUse, DatasetNotFound, DatasetVersionNotFound, InvalidDatasetRef
from tidemill.data.labels.store import open_task_on
from tidemill.data.records import Dataset, DatasetVersion, RemovedVersion
from tidemill.data.rules import DatasetRef
from tidemill.data.service.place import Place, missing_dataset
from tidemill.data.trash import is_dataset_trashed, removed_versions, versions_in
from tidemill.ledger import Transaction

NamedBy = Callable[[sa.Connection, str, DatasetVersion | None], str]
"""Says what names a dataset, or one version of it, for what is to come; empty when nothing does."""


class DeletingService:
    """The verbs of the trash of datasets.

    Args:
        place: The datasets of the workspace.
    """

    local: frozenset[str] = frozenset()

    def __init__(self, place: Place) -> None:
        self._place = place
        self.named_by: NamedBy = _nowhere
        """Filled in by the workspace: projects name datasets."""

    def delete(self, actor: Actor, *, name: str) -> None:
        """Put a dataset with its versions and tags into the trash.

        Raises:
            DatasetNotFound: If there is none of that name.
            DatasetInUse: If a project names it, or a labelling task that is open asks about it.
        """
        check_name(name, "dataset")

        def work(tx: Transaction) -> None:
            if store.find_dataset(tx.connection, name) is None:
                raise missing_dataset(self._place, name)
            self._may_go(tx.connection, name, None)
            table = store.dataset_versions
            gone = sa.and_(table.c.dataset == name, store.HERE)
            tx.execute(sa.update(table).where(gone).values(deleted_at=tx.now))
            tx.execute(sa.update(store.datasets).where(store.datasets.c.name == name).values(deleted_at=tx.now))
            tx.audit("dataset.delete", Ref("dataset", name))

        self._place.ledger.write(actor, work)

    def delete_version(self, actor: Actor, *, ref: str) -> None:
        """Put a version into the trash; its number is not given again.

        Args:
            actor: Who does it.
            ref: The version, such as `flights@3`, or its identifier.

        Raises:
            DatasetNotFound: If there is no such dataset.
            DatasetVersionNotFound: If it has no such version.
            InvalidDatasetRef: If it says no version.
            DatasetInUse: If it has a tag or is the only one, if a project names it, or a labelling task that is open
                asks about it.
        """
        found = self._place.find(ref, parts=False)
        if "@" not in ref and ref != found.id:
            raise InvalidDatasetRef(
                f"{shown(ref)} says no version", hint=f"Write {found.ref}, or delete the whole dataset."
            )

        def work(tx: Transaction) -> None:
            version = store.find_version(tx.connection, DatasetRef(found.dataset, number=found.number))
            if version is None:
                raise DatasetVersionNotFound(f"{found.ref} is gone", hint="See `tidemill trash list`.")
            if version.tags:
                raise DatasetInUse(
                    f"{version.ref} has the tag {shown(version.tags[0])}",
                    hint=f"Remove it first with `tidemill data untag {version.dataset} {version.tags[0]}`.",
                )
            if len(store.list_versions(tx.connection, version.dataset)) == 1:
                raise DatasetInUse(
                    f"{version.ref} is the only version of {version.dataset}",
                    hint=f"Delete the whole dataset with `tidemill data delete {version.dataset}`.",
                )
            self._may_go(tx.connection, version.dataset, version)
            table = store.dataset_versions
            tx.execute(sa.update(table).where(table.c.id == version.id).values(deleted_at=tx.now))
            facts = {"dataset": version.dataset, "number": version.number, "digest": version.digest}
            tx.audit("dataset.delete_version", Ref("dataset_version", version.id), **facts)

        self._place.ledger.write(actor, work)

    def restore(self, actor: Actor, *, name: str) -> Dataset:
        """Take a dataset out of the trash, with the tags and the versions that went there with it.

        Raises:
            DatasetNotFound: If none of that name is in the trash.
        """

        def work(tx: Transaction) -> Dataset:
            if not is_dataset_trashed(tx.connection, name):
                raise DatasetNotFound(
                    f"There is no dataset {shown(name)} in the trash",
                    hint="List what is there with `tidemill trash list`.",
                )
            table, home = store.dataset_versions, store.datasets
            at = sa.select(home.c.deleted_at).where(home.c.name == name).scalar_subquery()
            ours = table.c.dataset == name
            back = sa.update(table).where(ours, table.c.deleted_at == at).values(deleted_at=None)
            if not tx.execute(back).rowcount:
                # Those went for good; a dataset has a version, so the ones that went before it come back.
                tx.execute(sa.update(table).where(ours).values(deleted_at=None))
            tx.execute(sa.update(home).where(home.c.name == name).values(deleted_at=None))
            tx.audit("dataset.restore", Ref("dataset", name))
            found = store.find_dataset(tx.connection, name)
            assert found is not None  # noqa: S101 - it was taken out just now
            return found

        return self._place.ledger.write(actor, work)

    def restore_version(self, actor: Actor, *, name: str, number: int) -> DatasetVersion:
        """Take a version out of the trash.

        Raises:
            DatasetInTrash: If its dataset is there too.
            DatasetVersionNotFound: If it is not there.
        """
        ref = DatasetRef(check_name(name, "dataset"), number=number)

        def work(tx: Transaction) -> None:
            if store.find_dataset(tx.connection, name) is None:
                raise missing_dataset(self._place, name)
            table = store.dataset_versions
            gone = sa.and_(table.c.dataset == name, table.c.number == number, table.c.deleted_at.is_not(None))
            if not tx.execute(sa.update(table).where(gone).values(deleted_at=None)).rowcount:
                raise DatasetVersionNotFound(
                    f"{name}@{number} is not in the trash",
                    hint="See `tidemill trash list --kind dataset_version`, and `tidemill data log`.",
                )
            found = store.find_version(tx.connection, ref)
            assert found is not None  # noqa: S101 - it was taken out just now
            facts = {"dataset": name, "number": number, "digest": found.digest}
            tx.audit("dataset.restore_version", Ref("dataset_version", found.id), **facts)

        self._place.ledger.write(actor, work)
        return self._place.find(f"{name}@{number}")

    def removed(self, actor: Actor, *, name: str) -> Sequence[RemovedVersion]:
        """Return what is known of the versions of a dataset that were removed for good, the largest number first.

        Raises:
            DatasetNotFound: If there never was a dataset of that name.
        """
        del actor
        check_name(name, "dataset")
        with self._place.ledger.read() as connection:
            found = removed_versions(connection, name)
            if found or versions_in(connection, name):
                return found
        raise missing_dataset(self._place, name)

    def _may_go(self, connection: sa.Connection, name: str, version: DatasetVersion | None) -> None:
        what = version.ref if version else name
        if task := open_task_on(connection, name, version.number if version else None):
            raise DatasetInUse(
                f"The labelling task {shown(task)} asks people about {what}",
                hint=f"Close it first with `tidemill data labels close {task}`.",
            )
        if by := self.named_by(connection, name, version):
            raise DatasetInUse(
                f"{by[:1].upper()}{by[1:]} names {what}",
                hint="Take it out of the project file, and apply that with `tidemill apply`.",
            )


def _nowhere(connection: sa.Connection, name: str, version: DatasetVersion | None) -> str:
    del connection, name, version
    return ""
