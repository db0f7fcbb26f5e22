"""What every verb of the registry works on, and how it finds a version."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.ledger import Ledger, Transaction
from tidemill.models import rules, store
from tidemill.models.ports import SourceFiles
from tidemill.models.records import Model, ModelVersion
from tidemill.objects import ObjectStore


class Registry:
    """The registry's rows and bytes.

    Args:
        ledger: Where the rows are.
        objects: Where the models' files are.
        work: A folder for files that are being looked at.
        sources: Finds the files that a version's source names.
    """

    local: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, ledger: Ledger, objects: ObjectStore, work: Path, sources: SourceFiles | None = None) -> None:
        self._ledger = ledger
        self._objects = objects
        self._work = work
        self._sources = sources
        self.serving: Callable[[str, int], str] = _nowhere
        """Gives the endpoint that answers with a version of a model now, if one does; delivery fills it in."""

    def _may_go(self, version: ModelVersion) -> None:
        endpoint = self.serving(version.model, version.number)
        if endpoint:
            raise rules.ModelServes(
                f"Endpoint {shown(endpoint)} answers with {version.ref}", hint="Deploy another version there first."
            )


def _nowhere(model: str, number: int) -> str:
    del model, number
    return ""


def need_version(connection: sa.Connection, ref: rules.ModelRef) -> ModelVersion:
    """Return the version that a reference names.

    Raises:
        ModelNotFound: If there is no such model.
        AliasNotFound: If it has no such alias.
        ModelVersionNotFound: If it has no such version.
    """
    found = store.find_version(connection, ref)
    if found is not None:
        return found
    versions = store.find_versions(connection, store.model_versions.c.model == ref.name, limit=1)
    model = versions[0].model if versions else need_model(connection, ref.name).name
    hint = f"Its newest version is {versions[0].number}." if versions else "It has no versions yet."
    if ref.alias is not None:
        raise rules.AliasNotFound(f"Registered model alias {ref.alias} not found: {shown(model)} has none", hint=hint)
    raise rules.ModelVersionNotFound(
        f"Model {shown(model)} has no {'version' if ref.number is None else f'version {ref.number}'}", hint=hint
    )


def need_model(connection: sa.Connection, name: str, *, is_deleted: bool = False) -> Model:
    """Return the model of a name, from the trash if asked so.

    Raises:
        ModelNotFound: If there is none.
    """
    found = [each for each in store.find_models(connection, [name]) if (each.deleted_at is not None) is is_deleted]
    if found:
        return found[0]
    if is_deleted:
        hint = "List what is there with `tidemill trash list`."
        raise rules.ModelNotFound(f"There is no model {shown(name)} in the trash", hint=hint)
    known = store.model_names(connection)
    hint = did_you_mean(name, known) if known else "Register one with `tidemill models register`."
    raise rules.ModelNotFound(f"There is no model {shown(name)}", hint=hint)


def touch(tx: Transaction, model: str, version_id: str = "") -> None:
    """Note that something about a model, or about a version of it, changed now."""
    tx.execute(sa.update(store.models).where(store.models.c.name == model).values(updated_at=tx.now))
    if version_id:
        table = store.model_versions
        tx.execute(sa.update(table).where(table.c.id == version_id).values(updated_at=tx.now))
