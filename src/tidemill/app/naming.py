"""What persons call the things of the ledger, and which of them a name such as flights@3 means."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput, NotFound
from tidemill.core.refs import Ref
from tidemill.data.errors import DatasetNotFound
from tidemill.data.labels.service import LabelService
from tidemill.data.records import DatasetKind
from tidemill.data.service import DataService
from tidemill.models.service import ModelService
from tidemill.tracking.service import LoggedModelService, TrackingService

_MOST_NAMES = 500
_VERSION_OF = {"dataset": "dataset_version", "model": "model_version"}
"""A whole is asked for by its name, and means its latest version: it has no ancestry itself."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Knows the names of datasets, models, runs and labelling tasks.

    Args:
        data: The datasets.
        models: The registered models.
        tracking: The runs.
        logged_models: The models that runs kept.
        labels: The labelling tasks.
    """

    data: DataService
    models: ModelService
    tracking: TrackingService
    logged_models: LoggedModelService
    labels: LabelService

    def find(self, text: str, kind: str = "") -> list[Ref]:
        """Return the versions of datasets and models that a name such as `flights@3` may mean.

        Args:
            text: The name, alone or with `@` and a number, a tag, an alias or a day.
            kind: Only things of this kind.

        Raises:
            NotFound: If there is a dataset of the name, but no such version, and no model either.
        """
        wanted = _VERSION_OF.get(kind, kind)
        found, missed = [], None
        if wanted in {"", "dataset_version"}:
            try:
                found.append(Ref("dataset_version", self.data.get(OWNER, ref=text).id))
            except (DatasetNotFound, InvalidInput):
                pass  # no name of a dataset
            except NotFound as error:
                missed = error
        if wanted in {"", "model_version"}:
            with suppress(NotFound, InvalidInput):  # no name of a model
                found.append(Ref("model_version", self.models.get(OWNER, ref=text).id))
        if missed and not found:
            raise missed
        return found

    def known(self) -> list[str]:
        """Return the names of the datasets."""
        return [dataset.name for dataset in self.data.list(OWNER)]

    def names(self, refs: Iterable[Ref]) -> dict[str, str]:
        """Return what persons call things, by `kind:id`, as far as they have a name; of many, the first 500."""
        found: dict[str, str] = {}
        for ref in list(dict.fromkeys(refs))[:_MOST_NAMES]:
            try:
                found |= self._names(ref)
            except NotFound:
                continue  # removed since, or never a thing of its own
        return found

    def _names(self, ref: Ref) -> dict[str, str]:
        match ref.kind:
            case "dataset_version":
                version = self.data.get(OWNER, ref=ref.id)
                files = {f"source:{file.digest}": file.name for file in version.source.files}
                if version.kind is DatasetKind.TREE:  # the folder that it came from has the digest of what it held
                    files[f"source:{version.digest}"] = PurePath(version.source.uri).name or version.source.uri
                return files | {str(ref): version.ref}
            case "model_version":
                return {str(ref): self.models.get(OWNER, ref=ref.id).ref}
            case "run":
                return {str(ref): self.tracking.get_run(OWNER, run_id=ref.id).name}
            case "logged_model":
                return {str(ref): self.logged_models.get(OWNER, model_id=ref.id).name}
            case "label_task":
                return {str(ref): self.labels.get(OWNER, task=ref.id).name}
        return {}
