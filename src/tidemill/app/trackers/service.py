"""What one can do with other trackers: take what they hold, and give them what is here."""

import shutil
from collections.abc import Sequence
from importlib.metadata import entry_points

from tidemill.app.trackers.datasets import TakeDatasets, give_datasets, opened_in
from tidemill.app.trackers.exporting import Export
from tidemill.app.trackers.importing import Here, Import
from tidemill.app.trackers.progress import Progress
from tidemill.app.trackers.records import Transfer
from tidemill.app.trackers.running import Transfers, new_transfer
from tidemill.core.access import Actor
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.data.repositories import find_repository
from tidemill.tracking.ports import GROUP, Credentials, Tracker, TrackerNotFound


class TrackerService:
    """The verbs of imports and exports. Each is done by a thread of this process; the verbs say how far it is.

    Args:
        here: The workspace's own parts.
    """

    def __init__(self, here: Here) -> None:
        self._here = here
        self._transfers = Transfers(here.ledger, "tracker", ("import", "export"), "tidemill trackers show")

    def start_import(
        self,
        actor: Actor,
        *,
        tracker: str,
        source: str,
        artifacts: bool = False,
        artifact_root: str = "",
        since: Moment | None = None,
        credentials: Credentials | None = None,
    ) -> Transfer:
        """Begin to take what another tracker holds. Doing it again takes what is new, and doubles nothing.

        Args:
            actor: Who does it.
            tracker: The other tracker's make: `mlflow`.
            source: Its address: `https://HOST`, `sqlite:///PATH` or `postgresql://HOST/NAME`.
            artifacts: Whether to take the files too.
            artifact_root: The folder of the files, where the source is a database.
            since: Only runs that began or ended since then.
            credentials: Who asks there; they are kept in memory and no longer than needed.

        Raises:
            TrackerNotFound: If there is no integration with such a tracker.
            InvalidTracker: If the source is no address of one.
            UnknownSchema: If its database is of an unknown shape.
            TransferRuns: If the same import is under way.
        """
        opened = _find(tracker).source(source, credentials or Credentials(), artifact_root)

        def work(progress: Progress) -> None:
            try:
                Import(self._here, opened, actor, progress, with_files=artifacts, since=since).run()
            finally:
                opened.close()

        try:
            return self._transfers.start(actor, new_transfer(actor, "import", tracker, opened.place), work)
        except BaseException:
            opened.close()
            raise

    def start_export(
        self,
        actor: Actor,
        *,
        tracker: str,
        target: str,
        artifacts: bool = False,
        artifact_root: str = "",
        credentials: Credentials | None = None,
    ) -> Transfer:
        """Begin to write what is here to another tracker. Doing it again to a server doubles nothing.

        Args:
            actor: Who does it.
            tracker: The other tracker's make: `mlflow`.
            target: Its address: `https://HOST`, or `sqlite:///PATH` of a database that does not exist yet.
            artifacts: Whether to write the files too.
            artifact_root: The folder of the files, where the target is a database.
            credentials: Who asks there; they are kept in memory and no longer than needed.

        Raises:
            TrackerNotFound: If there is no integration with such a tracker.
            InvalidTracker: If the target is no address of one, or something is there.
            MissingExtra: If making its database needs a library that is not there.
            TransferRuns: If the same export is under way.
        """
        opened = _find(tracker).target(target, credentials or Credentials(), artifact_root)

        def work(progress: Progress) -> None:
            try:
                Export(self._here, opened, progress, with_files=artifacts).run()
            finally:
                opened.close()

        try:
            return self._transfers.start(actor, new_transfer(actor, "export", tracker, opened.place), work)
        except BaseException:
            opened.close()
            raise

    def start_dataset_import(
        self, actor: Actor, *, repository: str, source: str, remote: str = "", only: Sequence[str] = ()
    ) -> Transfer:
        """Begin to take the datasets of another tool, with their history. Doing it again takes what is new.

        Args:
            actor: Who does it.
            repository: The other tool's make: `dvc`.
            source: The folder of its repository, on the machine of the workspace.
            remote: The name, folder or address of a remote; what the repository says when left out.
            only: Paths of outputs; all when empty.

        Raises:
            RepositoryNotFound: If there is no integration with such a tool.
            InvalidRepository: If the folder is none of its repositories.
            TransferRuns: If the same import is under way.
        """
        opened, scratch = opened_in(find_repository(repository), source, remote, self._here.objects.root)

        def work(progress: Progress) -> None:
            try:
                TakeDatasets(self._here.data, opened, actor, progress, kind=repository, only=only).run()
            finally:
                opened.close()
                shutil.rmtree(scratch, ignore_errors=True)

        try:
            return self._transfers.start(actor, new_transfer(actor, "import", repository, opened.place), work)
        except BaseException:
            opened.close()
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    def start_dataset_export(
        self, actor: Actor, *, repository: str, refs: Sequence[str], remote: str, folder: str = ""
    ) -> Transfer:
        """Begin to write versions to a remote of another tool. Doing it again writes nothing twice.

        Args:
            actor: Who does it.
            repository: The other tool's make: `dvc`.
            refs: The versions; a table is written as a folder of Parquet files.
            remote: The folder of the remote, on the machine of the workspace.
            folder: The folder of a repository, where the files go that name the versions; none when left out.

        Raises:
            RepositoryNotFound: If there is no integration with such a tool.
            InvalidRepository: If it cannot be written.
            TransferRuns: If the same export is under way.
        """
        target = find_repository(repository).target(remote, folder)
        versions = [self._here.data.get(actor, ref) for ref in refs]

        def work(progress: Progress) -> None:
            give_datasets(self._here.data, target, versions, progress)

        return self._transfers.start(actor, new_transfer(actor, "export", repository, target.place), work)

    def list(self, actor: Actor) -> "list[Transfer]":
        """Return the last imports and exports, newest first."""
        del actor
        return self._transfers.list()

    def get(self, actor: Actor, *, id: str) -> Transfer:  # noqa: A002 - the word of the API
        """Return how far an import or export is, or what it did.

        Raises:
            TransferNotFound: If there was none of that id.
        """
        del actor
        return self._transfers.get(id)

    def cancel(self, actor: Actor, *, id: str) -> Transfer:  # noqa: A002 - the word of the API
        """End an import or export at its next step; what it did is kept, and the same asked for again goes on."""
        del actor
        return self._transfers.cancel(id)

    def close(self) -> None:
        """End what is under way, as a kill would."""
        self._transfers.close()


def _find(name: str) -> Tracker:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise TrackerNotFound(
            f"There is no integration with a tracker {shown(name)}", hint=f"There is: {', '.join(sorted(found))}."
        )
    tracker: Tracker = found[name].load()()
    return tracker
