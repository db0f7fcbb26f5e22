"""Files of runs and of logged models.

A root says whose files they are: `run:<id>` or `logged_model:<id>`. Files of a deleted run can be read, not changed.
"""

from pathlib import Path

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore
from tidemill.objects.unsynced import SMALL, Unsynced
from tidemill.tracking import rules, store
from tidemill.tracking.records import Artifact, ArtifactEntry
from tidemill.tracking.service.place import Place, need_active, need_models, no_run


class ArtifactVerbs(Place):
    """The verbs of artifacts."""

    def __init__(self, ledger: Ledger, objects: ObjectStore) -> None:
        super().__init__(ledger, objects)
        self._unsynced = Unsynced(ledger, objects)

    def close(self) -> None:
        """Make what was kept lately safe in files of its own."""
        self._unsynced.close()

    def list_artifacts(self, actor: Actor, *, run_id: str, path: str = "") -> list[Artifact]:
        """Return the artifacts of a run, at or below a path when one is given."""
        del actor
        return self._list(Ref("run", run_id), path)

    def log_artifact(self, actor: Actor, *, run_id: str, path: str, content: bytes) -> Artifact:
        """Keep bytes as an artifact of a run; a path that is there gets the new content."""
        return self.put_content(actor, root=f"run:{run_id}", path=path, content=content)

    def log_artifact_file(self, actor: Actor, *, run_id: str, path: str, file: Path) -> Artifact:
        """Keep a file as an artifact of a run."""
        rules.check_artifact_path(path)
        digest, size = self._objects.put_file(file)
        return self._put(actor, Ref("run", run_id), path, digest, size)

    def log_stored_artifact(self, actor: Actor, *, run_id: str, path: str, digest: Digest) -> Artifact:
        """Name an object that is stored already as an artifact of a run."""
        return self.put_artifact(actor, root=f"run:{run_id}", path=path, digest=digest)

    def put_artifact(self, actor: Actor, *, root: str, path: str, digest: Digest) -> Artifact:
        """Name an object that is stored already as a file of a run or a logged model.

        Args:
            actor: Who does it.
            root: Whose file: `run:<id>` or `logged_model:<id>`.
            path: Its path; one that is there gets the new content.
            digest: The object.

        Raises:
            ArtifactClash: If the path is a folder, or goes through a file.
        """
        path = rules.check_artifact_path(path)
        return self._put(actor, parse_root(root), path, digest, self._objects.hold(digest))

    def put_content(self, actor: Actor, *, root: str, path: str, content: bytes) -> Artifact:
        """Keep bytes as a file of a run or a logged model; few bytes become safe with the commit that names them.

        Raises:
            ArtifactClash: If the path is a folder, or goes through a file.
        """
        where, path = parse_root(root), rules.check_artifact_path(path)
        if len(content) > SMALL:
            return self._put(actor, where, path, self._objects.put_bytes(content), len(content))
        self.check_put(actor, root=root, path=path)  # what is refused leaves no bytes
        digest = self._unsynced.put(content)
        found = self._put(actor, where, path, digest, len(content), content=content)
        self._unsynced.kept(len(content))
        return found

    def check_put(self, actor: Actor, *, root: str, path: str) -> None:
        """Let a file pass whose bytes are on their way and could be put there, so that a refusal comes before them.

        Raises:
            ArtifactClash: If the path is a folder, or goes through a file.
        """
        del actor
        where, path = parse_root(root), rules.check_artifact_path(path)
        with self._ledger.read() as connection:
            _need_free(connection, where, path)

    def list_folder(self, actor: Actor, *, root: str, path: str = "") -> list[ArtifactEntry]:
        """Return the files and folders of a run or a logged model directly below a path; nothing when it is a file."""
        del actor
        where = parse_root(root)
        with self._ledger.read() as connection:
            need_root(connection, where)
            return store.list_folder(connection, where, rules.check_artifact_path(path) if path else "")

    def find_artifact(self, actor: Actor, *, root: str, path: str) -> Artifact:
        """Return what is known of one file of a run or a logged model.

        Raises:
            ArtifactNotFound: If there is none at that path.
        """
        del actor
        where, path = parse_root(root), rules.check_artifact_path(path)
        with self._ledger.read() as connection:
            found = store.find_artifact(connection, where, path)
            if found is None:
                need_root(connection, where)
                raise _missing(where, path)
        return found

    def read_artifact(self, actor: Actor, *, run_id: str, path: str) -> bytes:
        """Return an artifact's bytes, verified.

        Raises:
            ArtifactNotFound: If the run has none at that path.
        """
        return self._objects.read(self.find_artifact(actor, root=f"run:{run_id}", path=path).digest)

    def delete_artifact(self, actor: Actor, *, root: str, path: str = "") -> None:
        """Delete a file of a run or a logged model, or all files below a folder; all there are without a path.

        Raises:
            ArtifactNotFound: If there is nothing at that path.
        """
        where = parse_root(root)
        path = rules.check_artifact_path(path) if path else ""

        def work(tx: Transaction) -> None:
            need_open_root(tx.connection, where)
            gone = store.delete_artifacts(tx, where, path)
            if not gone and path:
                raise _missing(where, path)
            if gone:
                tx.audit("artifact.delete", where, path=path, files=gone)

        self._ledger.write(actor, work)

    def _list(self, root: Ref, path: str) -> list[Artifact]:
        with self._ledger.read() as connection:
            need_root(connection, root)
            return store.list_artifacts(connection, root, rules.check_artifact_path(path) if path else "")

    def _put(
        self, actor: Actor, root: Ref, path: str, digest: Digest, size: int, *, content: bytes | None = None
    ) -> Artifact:
        path = rules.check_artifact_path(path)

        def work(tx: Transaction) -> Artifact:
            store.hold_root(tx.connection, root)
            _need_free(tx.connection, root, path)
            if content is not None:
                self._unsynced.keep(tx, digest, content)
            store.put_artifact(tx, root, path, digest, size)
            tx.link(root, "produced", Ref("artifact", digest))
            return Artifact(path=path, size=size, digest=digest)

        return self._ledger.write(actor, work)


def parse_root(root: str) -> Ref:
    """Return what has the files that a text names.

    Raises:
        InvalidArtifactRoot: If it is neither `run:<id>` nor `logged_model:<id>`.
    """
    kind, _, identifier = root.partition(":")
    if kind not in store.ROOTS or not identifier:
        raise rules.InvalidArtifactRoot(
            f"{shown(root)} has no artifacts", hint="Write run:ID or logged_model:ID, such as run:0192…."
        )
    return Ref(kind, identifier)


def need_root(connection: sa.Connection, root: Ref) -> None:
    """Let a run or a logged model pass that is there."""
    if root.kind == "logged_model":
        need_models(connection, [root.id])
    elif not store.find_stages(connection, [root.id]):
        raise no_run(root.id)


def need_open_root(connection: sa.Connection, root: Ref) -> None:
    """Let a run or a logged model pass whose files may be changed."""
    if root.kind == "logged_model":
        need_models(connection, [root.id])
    else:
        need_active(connection, root.id)


def _need_free(connection: sa.Connection, root: Ref, path: str) -> None:
    need_open_root(connection, root)
    if clash := store.clashes(connection, root, path):
        raise rules.ArtifactClash(
            f"{shown(path)} cannot be a file of {root}: {shown(clash)} is "
            + ("a folder" if clash == path else "a file"),
            hint="Use another path, or delete what is there.",
        )


def _missing(root: Ref, path: str) -> rules.ArtifactNotFound:
    whose = "Run" if root.kind == "run" else "Logged model"
    return rules.ArtifactNotFound(
        f"{whose} {shown(root.id)} has no artifact {shown(path)}", hint="List them with `tidemill artifacts list`."
    )
