"""The dataset versions that steps read."""

from collections.abc import Sequence

from tidemill.core.access import Actor
from tidemill.data.errors import NotATable
from tidemill.data.records import DatasetKind
from tidemill.data.service import DataService
from tidemill.objects import ObjectStore
from tidemill.pipelines.records import DatasetInput


class Datasets:
    """Finds dataset versions for steps; fills `pipelines.ports.DatasetSource`.

    Args:
        data: Has them.
        objects: Has their parts.
    """

    def __init__(self, data: DataService, objects: ObjectStore) -> None:
        self._data = data
        self._objects = objects

    def resolve(self, actor: Actor, *, refs: Sequence[str]) -> list[DatasetInput]:
        """Return the versions that references such as `flights@2` name now, in their order."""
        return [self._one(actor, ref) for ref in refs]

    def _one(self, actor: Actor, ref: str) -> DatasetInput:
        version = self._data.get(actor, ref)
        if version.kind is not DatasetKind.TABLE:
            raise NotATable(f"{version.ref} is a folder of files", hint="Read its files with `DataService.export`.")
        files = [str(self._objects.verify(segment.digest)) for part in version.parts for segment in part.segments]
        return DatasetInput(ref=ref, id=version.id, label=version.ref, digest=version.digest, files=files)
