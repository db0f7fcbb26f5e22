"""Takes registered models of another tracker into the registry, with their numbers, times, stages and aliases."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.models import rules, store
from tidemill.models.foreign import describe_tree
from tidemill.models.records import Model
from tidemill.objects import ObjectStore, TreeEntry
from tidemill.objects.trees import encode_manifest
from tidemill.tracking import store as tracking
from tidemill.tracking.importing import clean, moment
from tidemill.tracking.merging import Merged, merge, merge_tags
from tidemill.tracking.ports import CarriedName, CarriedVersion
from tidemill.tracking.store import carrying
from tidemill.tracking.store.carrying import Carried

_TAKEN = "versions whose number is another version's here"
_REMOVED = "versions that were removed for good here"


class Located(NamedTuple):
    """What a version's source means here.

    Args:
        source: The source as it is kept.
        entries: The files; none where they are not here.
        logged_model_id: The logged model that it is of.
    """

    source: str
    entries: Sequence[TreeEntry] = ()
    logged_model_id: str = ""


class RegistryImporter:
    """Writes what a source yields.

    Args:
        ledger: Where the rows go.
        objects: Where the files are.
        actor: Who imports.
        source: The source's identity, under which it is remembered what was taken.
    """

    def __init__(self, ledger: Ledger, objects: ObjectStore, actor: Actor, source: str) -> None:
        self._ledger = ledger
        self._objects = objects
        self._actor = actor
        self._source = source
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def name(self, found: CarriedName) -> bool:
        """Take a registered name without its aliases; say whether it can stand here."""
        try:
            rules.check_model_name(found.name)
        except InvalidInput:
            self.skipped["registered models whose name cannot be one here"] += 1
            return False
        mark = blake2b(msgspec.json.encode(found), digest_size=12).hexdigest()

        def work(tx: Transaction) -> tuple[str, int]:
            before = carrying.find_carried(tx.connection, self._source, "model", [found.name]).get(found.name)
            there = store.find_models(tx.connection, [found.name])
            if before and before.mark == mark:
                return ("registered models unchanged" if there else ""), 0
            is_new = not there or (before is None and there[0].deleted_at is not None)
            if is_new:
                self._insert_name(tx, found)
                carrying.remember(tx, self._source, "aliases", {found.name: Carried(found.name, "")}, {})
            else:
                self._update_name(tx, found, there[0])
            owned = (found.name, found.name, found.tags)
            gone = self._merge_tags(tx, "model", ("model_tags", "model"), owned, mark, is_new=is_new)
            return "registered models", gone

        word, gone = self._ledger.write(self._actor, work)
        if not word:
            self.skipped["registered models that were removed for good here"] += 1
            return False
        self.counts[word] += 1
        self.counts["tags deleted"] += gone
        return True

    def version(self, found: CarriedVersion, locate: Callable[[CarriedVersion], Located]) -> bool:
        """Take a version; say whether the version of that number here is this one."""
        located = locate(found)
        digest = self._objects.put_bytes(encode_manifest(located.entries))
        self._objects.hold(digest)  # the files are those of a run, which somebody may be removing just now
        mark = blake2b(msgspec.json.encode(found) + digest.encode(), digest_size=12).hexdigest()
        foreign = f"{found.name}/{found.number}"

        def work(tx: Transaction) -> tuple[str, int]:
            before = carrying.find_carried(tx.connection, self._source, "version", [foreign]).get(foreign)
            there = _row_of(tx.connection, found)
            if before and before.mark == mark:
                return ("versions unchanged" if there else _REMOVED), 0
            if there is None:
                identifier = self._insert_version(tx, found, located, digest)
            elif before or there.created_at == moment(found.created_ms):
                identifier = there.id
                self._update_version(tx, found, located, digest, there)
            else:
                return _TAKEN, 0
            owned, table = (foreign, identifier, found.tags), ("model_version_tags", "version_id")
            return "versions", self._merge_tags(tx, "version", table, owned, mark, is_new=there is None)

        word, gone = self._ledger.write(self._actor, work)
        if word in {_TAKEN, _REMOVED}:
            self.skipped[word] += 1
            return False
        self.counts[word] += 1
        self.counts["tags deleted"] += gone
        self.counts["version tags"] += len(found.tags) if word == "versions" else 0
        return True

    def aliases(self, name: str, aliases: Mapping[str, int], numbers: set[int]) -> None:
        """Point aliases at versions that were taken."""
        fit = {}
        for alias, number in aliases.items():
            try:
                rules.check_alias(alias)
            except InvalidInput:
                self.skipped["aliases that cannot be one here"] += 1
                continue
            if number in numbers:
                fit[alias] = number
            else:
                self.skipped["aliases of versions that were left out"] += 1
        theirs = {alias: str(number) for alias, number in fit.items()}

        def work(tx: Transaction) -> Merged:
            table = store.model_aliases
            rows = tx.connection.execute(sa.select(table.c.alias, table.c.number).where(table.c.model == name))
            ours = {str(row.alias): str(row.number) for row in rows}
            before = carrying.find_brought(tx.connection, self._source, "aliases", [name])
            merged = merge(before.get(name, {}), theirs, ours)
            put = [{"model": name, "alias": alias, "number": int(number)} for alias, number in merged.put.items()]
            tx.upsert(table, put)
            tx.execute(sa.delete(table).where(table.c.model == name, table.c.alias.in_(merged.drop)))
            carrying.remember(tx, self._source, "aliases", {name: Carried(name, "")}, {name: merged.marks})
            return merged

        merged = self._ledger.write(self._actor, work)
        self.counts["aliases"] += len(merged.put)
        self.counts["aliases unchanged"] += len(fit) - len(merged.put)
        self.counts["aliases deleted"] += len(merged.drop)

    def _merge_tags(
        self,
        tx: Transaction,
        kind: str,
        table: tuple[str, str],
        owned: tuple[str, str, Mapping[str, str]],
        mark: str,
        *,
        is_new: bool,
    ) -> int:
        """Take over the tags of a name or a version, and remember both; return how many tags were deleted."""
        foreign, local, tags = owned
        theirs = {clean(key): clean(text) for key, text in tags.items()}
        new = {foreign} if is_new else set()
        brought, gone = merge_tags(tx, self._source, kind, table, [(foreign, local, theirs)], new)
        carrying.remember(tx, self._source, kind, {foreign: Carried(local, mark)}, brought)
        return gone

    def _insert_name(self, tx: Transaction, found: CarriedName) -> None:
        row = {
            "name": found.name,
            "description": clean(found.description),
            "created_at": moment(found.created_ms),
            "created_by": self._actor.name,
            "updated_at": moment(found.updated_ms),
            "deleted_at": None,
        }
        tx.upsert(store.models, row)
        tx.execute(sa.delete(store.model_tags).where(store.model_tags.c.model == found.name))

    @staticmethod
    def _update_name(tx: Transaction, found: CarriedName, there: Model) -> None:
        change = sa.update(store.models).where(store.models.c.name == found.name)
        updated = max(moment(found.updated_ms), there.updated_at)
        tx.execute(change.values(description=clean(found.description) or there.description, updated_at=updated))

    def _insert_version(self, tx: Transaction, found: CarriedVersion, located: Located, digest: Digest) -> str:
        identifier = new_id()
        run_id = _run_here(tx.connection, found.run_id)
        row = {
            "id": identifier,
            "model": found.name,
            "number": found.number,
            "kind": "",
            "run_id": found.run_id or None,
            "created_at": moment(found.created_ms),
            "created_by": clean(found.user) or self._actor.name,
            **self._described(found, located, digest),
        }
        tx.execute(sa.insert(store.model_versions), row)
        subject = Ref("model_version", identifier)
        if located.entries:
            tx.link(Ref("artifact", digest), "registered_as", subject)
        if run_id:
            tx.link(Ref("run", run_id), "made", subject)
        tx.audit("model.register", subject, model=found.name, number=found.number, digest=digest, trusted=())
        return identifier

    def _update_version(
        self,
        tx: Transaction,
        found: CarriedVersion,
        located: Located,
        digest: Digest,
        there: "sa.Row[*tuple[Any, ...]]",
    ) -> None:
        changes = self._described(found, located, digest)
        if not located.entries:  # files that were taken before stay
            for name in ("digest", "framework", "signature", "size", "source"):
                changes.pop(name)
        if there.deleted_at is not None:  # put away here, or there: it stays where it is
            changes.pop("deleted_at")
        table = store.model_versions
        tx.execute(sa.update(table).where(table.c.id == there.id).values(changes))
        if located.entries:
            tx.link(Ref("artifact", digest), "registered_as", Ref("model_version", str(there.id)))

    def _described(self, found: CarriedVersion, located: Located, digest: Digest) -> dict[str, object]:
        about = describe_tree(self._objects, located.entries)
        return {
            "digest": digest,
            "framework": about.framework,
            "signature": about.signature,
            "size": sum(entry.size for entry in located.entries),
            "description": clean(found.description),
            "updated_at": moment(found.updated_ms),
            "deleted_at": moment(found.updated_ms) if found.is_deleted else None,
            "stage": found.stage if found.stage in rules.STAGES else rules.STAGES[0],
            "source": clean(located.source)[: rules.LONGEST_SOURCE],
            "run_link": clean(found.run_link),
            "logged_model_id": found.logged_model_id or located.logged_model_id,
        }


def _row_of(connection: sa.Connection, found: CarriedVersion) -> "sa.Row[*tuple[Any, ...]] | None":
    table = store.model_versions.c
    query = sa.select(table.id, table.created_at, table.deleted_at)
    return connection.execute(query.where(table.model == found.name, table.number == found.number)).one_or_none()


def _run_here(connection: sa.Connection, run_id: str) -> str:
    return run_id if run_id and tracking.find_stages(connection, [run_id]) else ""
