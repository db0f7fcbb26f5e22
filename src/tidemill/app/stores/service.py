"""What one can do with remotes: remember them, look at what is there, push versions and pull them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidemill.app.trackers.progress import Progress
from tidemill.app.trackers.records import Direction, Transfer
from tidemill.app.trackers.running import Transfers, new_transfer
from tidemill.core.access import Actor
from tidemill.core.errors import InvalidInput
from tidemill.core.lazy import lazy
from tidemill.core.moments import parse_duration
from tidemill.core.names import check_name, shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.data.rules import parse_dataset_ref
from tidemill.data.service.place import Place
from tidemill.data.sharing.errors import RemoteExists, RemoteNotFound
from tidemill.data.sharing.moved import Moved
from tidemill.data.sharing.pull import Pull
from tidemill.data.sharing.push import Push
from tidemill.data.sharing.records import Remote, SharedDataset
from tidemill.data.sharing.removal import Removal
from tidemill.data.sharing.scanning import scan_at
from tidemill.data.sharing.shelf import Shelf
from tidemill.data.sharing.store import data_remotes, list_remotes
from tidemill.data.sharing.sweep import Sweep
from tidemill.ledger import Transaction
from tidemill.objects.remote import Bucket, Patience, RemoteStore, connect, parse_address, probe
from tidemill.objects.remote.probe import check_safe
from tidemill.objects.remote.store import clear_pulling

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LONGEST = timedelta(days=36_500)
_LOOKING = Patience(tries=3, longest_wait_s=1, read_timeout_s=15, timeout_s=30)
"""Somebody waits for what is looked at, and can look again."""


class StoreService:
    """The verbs of remotes. Pushes and pulls are done by threads of this process; the verbs say how far they are.

    Args:
        place: The datasets of the workspace.
    """

    local = frozenset({"scan"})

    def __init__(self, place: Place) -> None:
        self._place = place
        clear_pulling(place.objects)
        self._transfers = Transfers(
            place.ledger, "dataset", ("push", "pull", "remove", "sweep"), "tidemill data transfers"
        )

    def add(self, actor: Actor, *, name: str, uri: str, single_writer: bool = False) -> Remote:
        """Remember a place for datasets, after finding out whether it honours conditional writes.

        Args:
            actor: Who does it.
            name: How it is called here.
            uri: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file:///FOLDER`.
            single_writer: Whether nobody else ever pushes there, so that it need not honour them.

        Raises:
            InvalidRemote: If it is no such address, or holds a credential.
            RemoteExists: If another place has that name.
            RemoteUnsafe: If two writers could undo one another there.
            RemoteDenied: If the credentials of the environment are not enough.
        """
        check_name(name, "remote")
        address = parse_address(uri)
        bucket = connect(address)
        found = probe(bucket)
        if not single_writer:
            check_safe(bucket, found)

        def work(tx: Transaction) -> Remote:
            known = next((known for known in list_remotes(tx.connection) if known.name == name), None)
            if known is not None and known.uri != str(address):
                raise RemoteExists(
                    f"{shown(name)} is {known.uri}", hint=f"Use another name, or `tidemill data remote remove {name}`."
                )
            remote = Remote(
                name=name,
                uri=str(address),
                creates_once=found.creates_once,
                compares=found.compares,
                single_writer=single_writer,
                added_at=tx.now,
                added_by=actor.name,
            )
            tx.upsert(data_remotes, {field: getattr(remote, field) for field in remote.__struct_fields__})
            tx.audit("remote.add", Ref("workspace", "this"), remote=name, place=remote.uri, safe=found.creates_once)
            return remote

        return self._place.ledger.write(actor, work)

    def list(self, actor: Actor) -> "list[Remote]":
        """Return the places that are remembered, by name."""
        del actor
        with self._place.ledger.read() as connection:
            return list_remotes(connection)

    def remove(self, actor: Actor, *, name: str) -> None:
        """Forget a place; nothing there is touched.

        Raises:
            RemoteNotFound: If there is none of that name.
        """
        remote = self._find(name)

        def work(tx: Transaction) -> None:
            tx.execute(sa.delete(data_remotes).where(data_remotes.c.name == name))
            tx.audit("remote.remove", Ref("workspace", "this"), remote=name, place=remote.uri)

        self._place.ledger.write(actor, work)

    def datasets(self, actor: Actor, *, name: str) -> Sequence[SharedDataset]:
        """Return the datasets at a place, with the numbers of their versions and their tags.

        Raises:
            RemoteNotFound: If no place of that name is remembered.
        """
        del actor
        return Shelf(connect(parse_address(self._find(name).uri), _LOOKING)).list()

    def push(self, actor: Actor, *, ref: str, remote: str = "") -> Transfer:
        """Begin to bring a version to a place: what is lacking there is moved. Doing it again goes on.

        Args:
            actor: Who does it.
            ref: The version, such as `flights@3`.
            remote: The name or address of a place that is remembered; may be left out when one is.

        Raises:
            DatasetNotFound: If there is no such dataset.
            DatasetVersionNotFound: If it has no such version.
            RemoteNotFound: If no such place is remembered.
            TransferRuns: If the same push is under way.
        """
        version, there = self._place.find(ref), self._find(remote)

        def work(progress: Progress) -> None:
            bucket = _bucket(there)
            # Asked anew: what stands behind an address may be another server today.
            found = probe(bucket)
            if not there.single_writer:
                check_safe(bucket, found)
            with RemoteStore(bucket) as store:
                moving = Push(self._place.ledger, self._place.objects, store, progress, atomic=found.creates_once)
                done = moving.run(actor, version)
            _count(progress, done, "pushed")

        return self._start(actor, "push", there, version.ref, work)

    def pull(self, actor: Actor, *, ref: str, remote: str = "", name: str = "", repair: bool = False) -> Transfer:
        """Begin to take a version from a place: what is lacking here is moved. Doing it again goes on.

        Args:
            actor: Who does it.
            ref: The version there, such as `flights@3`, `flights@gold`, or `flights` for the latest.
            remote: The name or address of a place that is remembered; may be left out when one is.
            name: How the dataset is called here; as there when left out.
            repair: Whether what is here already is read, and what of it is damaged taken anew.

        Raises:
            RemoteNotFound: If no such place is remembered.
            TransferRuns: If the same pull is under way.
        """
        wanted, there = parse_dataset_ref(ref), self._find(remote)
        if name:
            check_name(name, "dataset")

        def work(progress: Progress) -> None:
            with RemoteStore(_bucket(there)) as store:
                pull = Pull(self._place.ledger, self._place.objects, store, progress)
                done = pull.run(actor, wanted, name, repair=repair)
            _count(progress, done, "pulled")
            if repair:
                progress.counts["objects repaired"] = done.repaired

        return self._start(actor, "pull", there, f"{ref} as {name}" if name else ref, work)

    def transfers(self, actor: Actor) -> Sequence[Transfer]:
        """Return the last pushes and pulls, newest first."""
        del actor
        return self._transfers.list()

    def transfer(self, actor: Actor, *, id: str) -> Transfer:  # noqa: A002 - the word of the API
        """Return how far a push or pull is, or what it did.

        Raises:
            TransferNotFound: If there was none of that id.
        """
        del actor
        return self._transfers.get(id)

    def cancel(self, actor: Actor, *, id: str) -> Transfer:  # noqa: A002 - the word of the API
        """End a push or pull at its next step; what it moved is kept, and the same asked for again goes on."""
        del actor
        return self._transfers.cancel(id)

    def remove_version(self, actor: Actor, *, name: str, ref: str) -> Transfer:
        """Begin to remove a version at a place, with what no other version there needs; nothing here is touched.

        Args:
            actor: Who does it.
            name: The place, by its name or address.
            ref: The version there, such as `flights@3`.

        Raises:
            RemoteNotFound: If no such place is remembered.
            TransferRuns: If the same removal is under way.
        """
        wanted, there = parse_dataset_ref(ref), self._find(name)

        def work(progress: Progress) -> None:
            with RemoteStore(_bucket(there)) as store:
                done = Removal(store, progress).run(actor.name, wanted)
            progress.begin("")
            progress.counts["objects"] = done.objects
            progress.counts["bytes"] = done.size_bytes
            tags = f", with the tags {', '.join(done.tags)}" if done.tags else ""
            progress.notes.append(f"removed {done.ref}{tags}")

        return self._start(actor, "remove", there, ref, work)

    def sweep(self, actor: Actor, *, name: str, older_than: str = "7d", dry_run: bool = False) -> Transfer:
        """Begin to remove at a place what pushes left there that were never finished; nothing that a version needs.

        Args:
            actor: Who does it.
            name: The place, by its name or address.
            older_than: How long it must not have been written, such as `7d` or `0s`.
            dry_run: Whether to say only what would go.

        Raises:
            RemoteNotFound: If no such place is remembered.
            InvalidDuration: If that is no duration.
            TransferRuns: If the same is under way.
        """
        there, long = self._find(name), parse_duration(older_than)
        if long > _LONGEST:
            raise InvalidInput(f"{older_than} is too long a time", hint=f"Give at most {_LONGEST.days} days.")

        def work(progress: Progress) -> None:
            with RemoteStore(_bucket(there)) as store:
                sweep = Sweep(store, progress)
                done = sweep.look(long) if dry_run else sweep.run(actor.name, long)
            progress.begin("")
            progress.counts["objects"] = done.objects
            progress.counts["bytes"] = done.size_bytes
            said = f"{done.objects:,} object{'s' if done.objects != 1 else ''} of unfinished pushes"
            progress.notes.append(f"{'would remove' if dry_run else 'removed'} {said}")

        of = f"older than {older_than}" + (", dry run" if dry_run else "")
        return self._start(actor, "sweep", there, of, work)

    def scan(self, actor: Actor, *, ref: str, remote: str = "") -> "pl.LazyFrame":
        """Return the rows of a version at a place, lazily and verified, without a copy here.

        Raises:
            NotATable: If it is a folder of files.
        """
        del actor
        bucket = _bucket(self._find(remote))
        return scan_at(bucket, Shelf(bucket).find(parse_dataset_ref(ref)).version)

    def close(self) -> None:
        """End what is under way, as a kill would."""
        self._transfers.close()

    def _find(self, name: str) -> Remote:
        with self._place.ledger.read() as connection:
            known = list_remotes(connection)
        if not name and len(known) == 1:
            return known[0]
        found = next((remote for remote in known if name in {remote.name, remote.uri}), None)
        if found is None:
            names = [remote.name for remote in known]
            hint = did_you_mean(name, names) if names else "Add one with `tidemill data remote add NAME URI`."
            what = f"There is no remote {shown(name)}" if name else "It is not said which remote is meant"
            raise RemoteNotFound(what, hint=hint)
        return found

    def _start(
        self, actor: Actor, direction: Direction, there: Remote, of: str, work: Callable[[Progress], None]
    ) -> Transfer:
        kind = there.uri.partition(":")[0]
        return self._transfers.start(actor, new_transfer(actor, direction, kind, there.uri, of=of), work)


def _bucket(remote: Remote) -> Bucket:
    return connect(parse_address(remote.uri))


def _count(progress: Progress, done: Moved, word: str) -> None:
    progress.begin("")
    progress.counts["objects"] = done.objects
    progress.counts["bytes"] = done.size_bytes
    progress.counts["bytes moved"] = done.moved_bytes
    said = f"{word} {done.version.ref}" if done.is_new else f"{done.version.ref} was there already"
    progress.notes.append(said)
