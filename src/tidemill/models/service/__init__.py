"""What one can do with models: register, find, point aliases, load."""

from pathlib import Path

from tidemill.core.access import SYSTEM, Actor
from tidemill.core.digests import Digest
from tidemill.models import store
from tidemill.models.loading import load_predictor
from tidemill.models.ports import Predictor
from tidemill.models.records import Model, ModelVersion
from tidemill.models.service.aliases import AliasVerbs
from tidemill.models.service.names import NameVerbs
from tidemill.models.service.preparing import PreparingVerbs
from tidemill.models.service.registering import RegisteringVerbs
from tidemill.models.service.versions import VersionVerbs


class ModelService(NameVerbs, RegisteringVerbs, VersionVerbs, PreparingVerbs, AliasVerbs):
    """The verbs of the registry."""

    local = frozenset({"load", "export", "manifest"})

    def list(self, actor: Actor, *, search: str = "", deleted: bool = False) -> list[Model]:
        """Return the models by name, or those whose name holds a text; those in the trash when asked for them."""
        del actor
        gone = store.models.c.deleted_at
        with self._ledger.read() as connection:
            where = [store.models.c.name.icontains(search, autoescape=True)] if search else []
            return store.list_models(connection, gone.is_not(None) if deleted else gone.is_(None), *where)

    def load(self, version: ModelVersion) -> Predictor:
        """Return a version's predictor; what MLflow's client logged is prepared first, once."""
        ready = version if version.is_ready else self.prepare(SYSTEM, ref=version.id)
        return load_predictor(self.export(ready.bundle))

    def export(self, tree: Digest) -> Path:
        """Return a folder that holds a model's files, verified; it is written once and must not be changed."""
        folder = self._work / tree
        if not folder.is_dir():
            self._objects.export_tree(tree, folder)
        return folder
