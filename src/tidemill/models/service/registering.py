"""Making versions: of a stored model folder, or of files that a run or a logged model has."""

import tempfile
from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest, parse_digest
from tidemill.core.errors import InvalidInput
from tidemill.core.ids import new_id
from tidemill.core.names import check_text
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.models import prompts, rules, store
from tidemill.models.foreign import describe_tree
from tidemill.models.loading import check_folder
from tidemill.models.manifest import Manifest
from tidemill.models.mlmodel import read_mlmodel
from tidemill.models.ports import Found
from tidemill.models.records import ModelVersion
from tidemill.models.service.names import ensure_model
from tidemill.models.service.place import Registry, need_version, touch
from tidemill.objects.trees import encode_manifest


class RegisteringVerbs(Registry):
    """The verbs that make versions."""

    def register(
        self,
        actor: Actor,
        *,
        name: str,
        tree: Digest,
        run_id: str | None = None,
        description: str = "",
        tags: dict[str, str] | None = None,
        trusted: list[str] | None = None,
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
        rules.check_model_name(name)
        check_text(description, "the description", rules.LONGEST_DESCRIPTION, lines=True)
        rules.check_tags(tags or {})
        digest = parse_digest(tree)
        self._objects.hold(digest)
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
            version = {
                "id": identifier,
                "model": name,
                "digest": digest,
                "framework": manifest.framework,
                "kind": manifest.kind,
                "signature": manifest.signature,
                "size": sum(entry.size for entry in manifest.files.values()),
                "run_id": run_id,
                "description": description,
            }
            return _insert(tx, version, tags or {}, trusted=manifest.trusted)

        return self._ledger.write(actor, work)

    def create_version(
        self,
        actor: Actor,
        *,
        name: str,
        source: str,
        run_id: str | None = None,
        logged_model_id: str = "",
        description: str = "",
        tags: dict[str, str] | None = None,
        run_link: str = "",
    ) -> ModelVersion:
        """Make what a run logged the next version of a model: its files as they are now, whatever comes of the run.

        Args:
            actor: Who does it.
            name: The model's name; it is made when it does not exist.
            source: Where the files are: `runs:/RUN/PATH`, `models:/m-ID`, `models:/NAME/VERSION`, an artifact's URI
                on this server, or a place in a store elsewhere, which is recorded and not read. A prompt of MLflow's
                clients has no files, and a word of theirs instead.
            run_id: The run that made it; that of the logged model when left out.
            logged_model_id: The logged model that it is of.
            description: What is to be known of the version.
            tags: What else is to be known of it.
            run_link: A URL of the run.

        Raises:
            InvalidSource: If the source could mean this server's own disk.
            NotFound: If what it names on this server is not there.
        """
        rules.check_model_name(name)
        is_prompt = prompts.is_prompt(tags or {}, source)
        if not is_prompt:
            rules.check_source(source)
        check_text(run_link, "the link to the run", rules.LONGEST_SOURCE)
        check_text(description, "the description", rules.LONGEST_DESCRIPTION, lines=True)
        rules.check_tags(tags or {})
        found = (None if is_prompt else self._find(actor, source)) or Found(entries=[])
        digest = self._objects.put_bytes(encode_manifest(found.entries))
        self._objects.hold(digest)  # the files are those of a run, which somebody may be removing just now
        described = describe_tree(self._objects, found.entries)
        identifier = new_id()

        def work(tx: Transaction) -> ModelVersion:
            version = {
                "id": identifier,
                "model": name,
                "digest": digest,
                "framework": described.framework,
                "kind": described.kind,
                "signature": described.signature,
                "size": sum(entry.size for entry in found.entries),
                "run_id": run_id or found.run_id or None,
                "description": description,
                "source": source,
                "run_link": run_link,
                "logged_model_id": logged_model_id or found.logged_model_id,
            }
            return _insert(tx, version, tags or {}, trusted=())

        return self._ledger.write(actor, work)

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

    def _find(self, actor: Actor, source: str) -> Found | None:
        """Return the files that a source on this server names; None for one elsewhere."""
        if source.startswith("models:/") and not source.startswith("models:/m-"):
            name, _, which = source.removeprefix("models:/").rpartition("/")
            ref = f"{name}@{which}" if name else source.removeprefix("models:/")
            with self._ledger.read() as connection:
                version = need_version(connection, rules.parse_ref(ref))
            return Found(
                entries=self._objects.list_tree(version.digest),
                run_id=version.run_id or "",
                logged_model_id=version.logged_model_id,
            )
        if self._sources is None:
            raise InvalidInput("This registry knows no runs", hint="Register a tree with `tidemill models register`.")
        return self._sources.find(actor, source)


def _insert(
    tx: Transaction, version: dict[str, object], tags: dict[str, str], *, trusted: tuple[str, ...]
) -> ModelVersion:
    name, identifier = str(version["model"]), str(version["id"])
    ensure_model(tx, name)
    number = store.next_number(tx.connection, name)
    row = {
        "source": "",
        "run_link": "",
        "logged_model_id": "",
        **version,
        "number": number,
        "stage": rules.STAGES[0],
        "created_at": tx.now,
        "created_by": tx.actor.name,
        "updated_at": tx.now,
    }
    tx.execute(sa.insert(store.model_versions), row)
    rows = [{"version_id": identifier, "key": key, "value": value} for key, value in tags.items()]
    tx.upsert(store.model_version_tags, rows)
    touch(tx, name)
    subject = Ref("model_version", identifier)
    tx.link(Ref("artifact", str(version["digest"])), "registered_as", subject)
    if version["run_id"]:
        tx.link(Ref("run", str(version["run_id"])), "made", subject)
    tx.audit("model.register", subject, model=name, number=number, digest=version["digest"], trusted=trusted)
    return need_version(tx.connection, rules.ModelRef(name, number, None))
