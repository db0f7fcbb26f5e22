"""Where a step's arguments come from, once the steps before it are done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tidemill.core.digests import Digest
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.pipelines.records import (
    Argument,
    Constant,
    DatasetInput,
    FromDataset,
    FromStep,
    GraphStep,
    StoredValue,
)
from tidemill.pipelines.values.store import part_of
from tidemill.pipelines.worker.messages import Given, GivenDataset, GivenSeveral, GivenValue


@dataclass(slots=True)
class Known:
    """The values of a run that are known so far.

    Args:
        objects: Where large values are.
        datasets: The dataset versions, by what the pipeline calls them.
        outputs: What each finished step returned.
    """

    objects: ObjectStore
    datasets: Mapping[str, DatasetInput]
    outputs: dict[str, StoredValue] = field(default_factory=dict)

    def arguments(self, step: GraphStep) -> dict[str, Given]:
        """Return a step's arguments, as a worker gets them.

        Raises:
            UnreadableValue: If a result lacks the part that is asked for.
        """
        return {name: self._give(argument) for name, argument in step.arguments.items()}

    def value(self, argument: Argument) -> StoredValue:
        """Return an argument's value in its stored form, as a pipeline's result needs it."""
        return _gathered(self._give(argument))

    def _give(self, argument: Argument) -> Given:
        if isinstance(argument, Constant):
            return GivenValue(argument.value)
        if isinstance(argument, FromStep):
            return GivenValue(part_of(self.outputs[argument.step], argument.path, self.objects))
        if isinstance(argument, FromDataset):
            return GivenDataset(self.datasets[argument.ref])
        return GivenSeveral(argument.kind, argument.keys, [self._give(item) for item in argument.items])


def digests_of(given: Mapping[str, Given]) -> dict[str, str]:
    """Return the digest of each argument, by parameter."""
    return {name: _digest(one) for name, one in given.items()}


def _digest(given: Given) -> Digest:
    if isinstance(given, GivenValue):
        return given.value.digest
    if isinstance(given, GivenDataset):
        return digest_bytes(f"dataset {given.dataset.table} {given.dataset.digest}".encode())
    return digest_bytes(msgspec.json.encode([given.kind, given.keys, [_digest(item) for item in given.items]]))


def _gathered(given: Given) -> StoredValue:
    if isinstance(given, GivenValue):
        return given.value
    if isinstance(given, GivenDataset):
        return StoredValue(codec="dataset", digest=given.dataset.digest, size=0, text=given.dataset.label)
    keys = given.keys or [str(index) for index in range(len(given.items))]
    items = {key: _gathered(item) for key, item in zip(keys, given.items, strict=True)}
    size = sum(item.size for item in items.values())
    text = f"{given.kind} of {', '.join(items)}"
    return StoredValue(codec=given.kind, digest=_digest(given), size=size, items=items, text=text)
