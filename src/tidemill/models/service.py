"""What one can do with models: register, find, point aliases, load."""

import tempfile
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest, parse_digest
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, check_text, shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.models import rules, store
from tidemill.models.loading import check_folder, load_predictor
from tidemill.models.manifest import Manifest
from tidemill.models.mlmodel import read_mlmodel
from tidemill.models.ports import Predictor
from tidemill.models.records import Model, ModelVersion
from tidemill.objects import ObjectStore

Models = list[Model]
Names = list[str]
ModelVersions = list[ModelVersion]  # in the class, `list` is a verb


class ModelService:
    """The verbs of the registry.

    Args:
        ledger: Where the rows are.
        objects: Where the models' files are.
        work: A folder for files that are being looked at.
    """

    local = frozenset({"load", "export", "manifest"})

    def __init__(self, ledger: Ledger, objects: ObjectStore, work: Path) -> None:
        self._ledger = ledger
        self._objects = objects
        self._work = work

    def register(
        self,
        actor: Actor,
        *,
        name: str,
        tree: Digest,
        run_id: str | None = None,
        description: str = "",
        tags: dict[str, str] | None = None,
        trusted: Names | None = None,
    ) -> ModelVersion:
        """Make a stored model folder the next version of a model.

        The same files of the same run registered again give the same version.

        Args:
            actor: Who does it.
            name: The model's name; it is made when it does not exist.
            tree: The digest of the model's folder in the object store.
            run_id: The run that made it.
            description: What is to be known of the version.
            tags: What else is to be known of it.
            trusted: Full names of the types in the model that the actor vouches for; recorded in the audit.

        Raises:
            NotAModel: If the tree is not a model folder.
            DamagedModel: If a file of it is not what its manifest says.
            UnsafeModel: If it holds a pickle, or a name that leaves its folder.
            UntrustedTypes: If it was saved with types that the actor does not vouch for here.
        """
        check_name(name, "model")
        check_text(description, "the description", rules.LONGEST_DESCRIPTION, lines=True)
        for key, value in (tags or {}).items():
            check_text(key, "the key of a tag", 250)
            check_text(value, f"tag {key!r}", rules.LONGEST_TAG, lines=True)
        digest = parse_digest(tree)
        manifest = self.manifest(digest)
        rules.check_trusted(manifest.trusted, trusted or ())
        identifier = new_id()

        def work(tx: Transaction) -> ModelVersion:
            table = store.model_versions.c
            there = store.find_versions(
                tx.connection, table.model == name, table.digest == digest, table.run_id.is_not_distinct_from(run_id)
            )
            if there:
                return there[0]
            row = {"name": name, "description": "", "created_at": tx.now, "created_by": actor.name}
            if tx.insert_new(store.models, row):
                tx.audit("model.create", Ref("model", name))
            number = store.next_number(tx.connection, name)
            version = {
                "id": identifier,
                "model": name,
                "number": number,
                "digest": digest,
                "framework": manifest.framework,
                "kind": manifest.kind,
                "signature": manifest.signature,
                "size": sum(entry.size for entry in manifest.files.values()),
                "run_id": run_id,
                "description": description,
                "created_at": tx.now,
                "created_by": actor.name,
            }
            tx.execute(sa.insert(store.model_versions), version)
            rows = [{"version_id": identifier, "key": key, "value": value} for key, value in (tags or {}).items()]
            tx.upsert(store.model_version_tags, rows)
            subject = Ref("model_version", identifier)
            tx.link(Ref("artifact", digest), "registered_as", subject)
            if run_id:
                tx.link(Ref("run", run_id), "made", subject)
            tx.audit("model.register", subject, model=name, number=number, digest=digest, trusted=manifest.trusted)
            return _need(tx.connection, rules.ModelRef(name, number, None))

        return self._ledger.write(actor, work)

    def get(self, actor: Actor, *, ref: str) -> ModelVersion:
        """Return a version.

        Args:
            actor: Who asks.
            ref: `delay` or `delay@latest` for the newest, `delay@3`, `delay@champion`, or a version's id.

        Raises:
            ModelNotFound: If there is no such model.
            ModelVersionNotFound: If it has no such version or alias.
        """
        del actor
        wanted = rules.parse_ref(ref)
        with self._ledger.read() as connection:
            by_id = store.find_versions(connection, store.model_versions.c.id == ref) if "@" not in ref else []
            return by_id[0] if by_id else _need(connection, wanted)

    def list(self, actor: Actor, *, search: str = "") -> Models:
        """Return the models by name, or those whose name holds a text."""
        del actor
        with self._ledger.read() as connection:
            where = [store.models.c.name.icontains(search, autoescape=True)] if search else []
            return store.list_models(connection, *where)

    def versions(self, actor: Actor, *, name: str) -> ModelVersions:
        """Return a model's versions, newest first.

        Raises:
            ModelNotFound: If there is no such model.
        """
        del actor
        with self._ledger.read() as connection:
            found = store.find_versions(connection, store.model_versions.c.model == name)
            if not found:
                raise _no_model(connection, name)
            return found

    def of_run(self, actor: Actor, *, run_id: str) -> ModelVersions:
        """Return the versions that a run made, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.find_versions(connection, store.model_versions.c.run_id == run_id)

    def set_alias(self, actor: Actor, *, name: str, alias: str, version: int) -> ModelVersion:
        """Let an alias point at a version; it moves when it pointed at another."""
        rules.check_alias(alias)

        def work(tx: Transaction) -> ModelVersion:
            found = _need(tx.connection, rules.ModelRef(name, version, None))
            if alias not in found.aliases:
                before = store.find_version(tx.connection, rules.ModelRef(name, None, alias))
                tx.upsert(store.model_aliases, {"model": name, "alias": alias, "number": version})
                was = before.number if before else None
                tx.audit("model.alias", Ref("model_version", found.id), alias=alias, before=was, after=version)
            return _need(tx.connection, rules.ModelRef(name, version, None))

        return self._ledger.write(actor, work)

    def delete_alias(self, actor: Actor, *, name: str, alias: str) -> None:
        """Remove an alias; the version stays.

        Raises:
            ModelVersionNotFound: If there is no such alias.
        """

        def work(tx: Transaction) -> None:
            found = _need(tx.connection, rules.ModelRef(name, None, rules.check_alias(alias)))
            table = store.model_aliases.c
            tx.execute(sa.delete(store.model_aliases).where(table.model == name, table.alias == alias))
            tx.audit("model.delete_alias", Ref("model_version", found.id), alias=alias)

        self._ledger.write(actor, work)

    def describe(
        self, actor: Actor, *, ref: str, description: str | None = None, tags: dict[str, str] | None = None
    ) -> ModelVersion:
        """Say what is to be known of a version: its description, and tags on top of those that it has."""
        check_text(description or "", "the description", rules.LONGEST_DESCRIPTION, lines=True)
        wanted = rules.parse_ref(ref)

        def work(tx: Transaction) -> ModelVersion:
            found = _need(tx.connection, wanted)
            if description is not None:
                change = sa.update(store.model_versions).where(store.model_versions.c.id == found.id)
                tx.execute(change.values(description=description))
            rows = [{"version_id": found.id, "key": key, "value": value} for key, value in (tags or {}).items()]
            tx.upsert(store.model_version_tags, rows)
            tx.audit("model.describe", Ref("model_version", found.id), tags=sorted(tags or {}))
            return _need(tx.connection, rules.ModelRef(found.model, found.number, None))

        return self._ledger.write(actor, work)

    def load(self, version: ModelVersion) -> Predictor:
        """Return a version's predictor."""
        return load_predictor(self.export(version.digest))

    def export(self, tree: Digest) -> Path:
        """Return a folder that holds a model's files, verified; it is written once and must not be changed."""
        folder = self._work / tree
        if not folder.is_dir():
            self._objects.export_tree(tree, folder)
        return folder

    def manifest(self, tree: Digest) -> Manifest:
        """Return what is in a stored model folder, checked.

        Raises:
            NotAModel: If the tree is not a model folder.
            DamagedModel: If a file of it is not what its manifest says.
        """
        self._work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._work) as scratch:
            folder = Path(scratch) / "model"
            self._objects.export_tree(tree, folder)
            found = check_folder(folder)
            read_mlmodel(folder)
            return found


def _need(connection: sa.Connection, ref: rules.ModelRef) -> ModelVersion:
    found = store.find_version(connection, ref)
    if found is not None:
        return found
    versions = store.find_versions(connection, store.model_versions.c.model == ref.name, limit=1)
    if not versions:
        raise _no_model(connection, ref.name)
    asked = f"version {ref.number}" if ref.number is not None else f"alias {shown(ref.alias or '')}"
    raise rules.ModelVersionNotFound(
        f"Model {shown(ref.name)} has no {asked}", hint=f"Its newest version is {versions[0].number}."
    )


def _no_model(connection: sa.Connection, name: str) -> rules.ModelNotFound:
    known = store.model_names(connection)
    hint = did_you_mean(name, known) if known else "Register one with `tidemill models register`."
    return rules.ModelNotFound(f"There is no model {shown(name)}", hint=hint)
