"""Where a step's arguments come from, once the steps before it are done."""

from collections.abc import Mapping

import msgspec

from tidemill.core.digests import Digest
from tidemill.objects.digest import digest_bytes
from tidemill.pipelines.errors import UnknownResult
from tidemill.pipelines.records import (
    Argument,
    Constant,
    DatasetInput,
    FromDataset,
    FromStep,
    StoredValue,
)
from tidemill.pipelines.worker.messages import Given, GivenDataset, GivenSeveral, GivenValue

Outputs = Mapping[str, StoredValue]
Datasets = Mapping[str, DatasetInput]


def give(argument: Argument, outputs: Outputs, datasets: Datasets) -> Given:
    """Return what a worker is given for an argument."""
    if isinstance(argument, Constant):
        return GivenValue(argument.value)
    if isinstance(argument, FromStep):
        return GivenValue(part_of(outputs[argument.step], argument))
    if isinstance(argument, FromDataset):
        return GivenDataset(datasets[argument.ref])
    items = [give(item, outputs, datasets) for item in argument.items]
    return GivenSeveral(argument.kind, argument.keys, items)


def digest_of(argument: Argument, outputs: Outputs, datasets: Datasets) -> str:
    """Return the digest of an argument's value."""
    if isinstance(argument, Constant):
        return argument.value.digest
    if isinstance(argument, FromStep):
        return part_of(outputs[argument.step], argument).digest
    if isinstance(argument, FromDataset):
        return datasets[argument.ref].digest
    parts = [digest_of(item, outputs, datasets) for item in argument.items]
    return digest_bytes(msgspec.json.encode([argument.kind, argument.keys, parts]))


def value_of(argument: Argument, outputs: Outputs, datasets: Datasets) -> StoredValue:
    """Return an argument's value in its stored form, as a pipeline's result needs it."""
    if isinstance(argument, Constant):
        return argument.value
    if isinstance(argument, FromStep):
        return part_of(outputs[argument.step], argument)
    if isinstance(argument, FromDataset):
        dataset = datasets[argument.ref]
        return StoredValue(codec="dataset", digest=dataset.digest, size=0, text=dataset.label)
    keys = argument.keys or [str(at) for at in range(len(argument.items))]
    items = {key: value_of(item, outputs, datasets) for key, item in zip(keys, argument.items, strict=True)}
    return StoredValue(
        codec=argument.kind,
        digest=Digest(digest_of(argument, outputs, datasets)),
        size=sum(item.size for item in items.values()),
        items=items,
        text=f"{argument.kind} of {', '.join(items)}",
    )


def part_of(output: StoredValue, argument: FromStep) -> StoredValue:
    """Return the part of a step's output that an argument takes.

    Raises:
        UnknownResult: If the output has no such part.
    """
    found = output
    for key in argument.path:
        items = found.items or {}
        if str(key) not in items:
            raise UnknownResult(
                f"Step {argument.step} returned {found.text or 'one value'}, which has no part {key!r}",
                hint="Return a tuple or a dict with that part.",
            )
        found = items[str(key)]
    return found
