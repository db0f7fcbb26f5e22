"""Making what MLflow's client logged ready for gates and endpoints, once, at its first use or when asked."""

import tempfile
from pathlib import Path

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.errors import TidemillError
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.models import rules, store
from tidemill.models.adopting import Adopted, CannotPrepare, adopt
from tidemill.models.manifest import UntrustedTypes
from tidemill.models.records import ModelVersion
from tidemill.models.service.place import Registry, need_version


class PreparingVerbs(Registry):
    """The verb that makes a version ready."""

    def prepare(self, actor: Actor, *, ref: str, trusted: list[str] | None = None) -> ModelVersion:
        """Make a version ready for gates and endpoints: a verified model folder of what MLflow's client logged.

        It happens once, by itself at the version's first use, and stays: what a gate judged is what an endpoint serves.
        A version that is ready is returned as it is.

        Args:
            actor: Who does it.
            ref: The version.
            trusted: Full names of types in the model that the actor vouches for; recorded in the audit.

        Raises:
            CannotPrepare: If its files are not here, or of no flavour that an installed framework serves.
            UnsafeModel: If it was logged as a pickle.
            UntrustedTypes: If it holds types that the actor does not vouch for.
            InputsUnknown: If it was logged without signature and input example.
            ModelDiffers: If it does not answer as the logged model does.
        """
        version = self._version(ref)
        if version.is_ready:
            return version
        entries = self._objects.list_tree(version.digest)
        if not entries:
            raise CannotPrepare(
                f"The files of {version.ref} are not on this server: it was registered from {version.source}",
                hint="Log the model to this server, and register that.",
            )
        self._work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._work) as scratch:
            logged = Path(scratch) / "logged"
            self._objects.export_tree(version.digest, logged)
            try:
                adopted = adopt(logged, Path(scratch) / "model", run_id=version.run_id, trusted=trusted or ())
            except TidemillError as error:
                error.message = f"{version.ref} cannot be prepared: {error.message}"
                if isinstance(error, UntrustedTypes):
                    error.hint = _how_to_vouch(version, error)
                raise
            digest = self._objects.put_tree(adopted.folder)
        return self._ledger.write(actor, lambda tx: _keep(tx, version, digest, adopted))

    def _version(self, ref: str) -> ModelVersion:
        wanted = rules.parse_ref(ref)
        with self._ledger.read() as connection:
            by_id = store.versions_of(connection, [ref]) if "@" not in ref else []
            return by_id[0] if by_id else need_version(connection, wanted)


def _how_to_vouch(version: ModelVersion, error: UntrustedTypes) -> str:
    types = error.details.get("types")
    options = " ".join(f"--trust {name}" for name in types) if isinstance(types, list) else "--trust TYPE"
    return f"If you know them and their authors: `tidemill models prepare {version.ref} {options}`; that is recorded."


def _keep(tx: Transaction, version: ModelVersion, digest: Digest, adopted: Adopted) -> ModelVersion:
    """Record a preparation, unless another was faster: then that one holds."""
    manifest = adopted.manifest
    row = {
        "version_id": version.id,
        "digest": digest,
        "framework": manifest.framework,
        "kind": manifest.kind,
        "signature": manifest.signature,
        "requirements": adopted.requirements,
        "notes": adopted.notes,
        "made_at": tx.now,
        "made_by": tx.actor.name,
    }
    if tx.insert_new(store.model_preparations, row):
        subject = Ref("model_version", version.id)
        if digest != version.digest:
            # The folder is made after the version, and lineage leads forward in time.
            tx.link(subject, "prepared_as", Ref("artifact", digest))
        tx.audit("model.prepare", subject, digest=digest, trusted=manifest.trusted, notes=adopted.notes)
    return store.versions_of(tx.connection, [version.id])[0]
