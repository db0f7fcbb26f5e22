"""Where a step's arguments come from, once the steps before it are done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tidemill.core.digests import Digest
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.pipelines.errors import UnknownResult
from tidemill.pipelines.records import Argument, Constant, DatasetInput, FromDataset, FromStep, StoredValue
from tidemill.pipelines.values.plain import decode_plain
from tidemill.pipelines.values.store import plain_value
from tidemill.pipelines.worker.messages import Given, GivenDataset, GivenSeveral, GivenValue


@dataclass(slots=True)
class Known:
    """What is known so far in a run.

    Args:
        objects: Where large values are.
        datasets: The dataset versions, by reference.
        outputs: What each finished step returned.
    """

    objects: ObjectStore
    datasets: Mapping[str, DatasetInput]
    outputs: dict[str, StoredValue] = field(default_factory=dict)

    def give(self, argument: Argument) -> Given:
        """Return what a worker is given for an argument."""
        if isinstance(argument, Constant):
            return GivenValue(argument.value)
        if isinstance(argument, FromStep):
            return GivenValue(self._part(argument))
        if isinstance(argument, FromDataset):
            return GivenDataset(self.datasets[argument.ref])
        return GivenSeveral(argument.kind, argument.keys, [self.give(item) for item in argument.items])

    def digest(self, argument: Argument) -> str:
        """Return the digest of an argument's value."""
        if isinstance(argument, Constant):
            return argument.value.digest
        if isinstance(argument, FromStep):
            return self._part(argument).digest
        if isinstance(argument, FromDataset):
            return self.datasets[argument.ref].digest
        parts = [self.digest(item) for item in argument.items]
        return digest_bytes(msgspec.json.encode([argument.kind, argument.keys, parts]))

    def value(self, argument: Argument) -> StoredValue:
        """Return an argument's value in its stored form, as a pipeline's result needs it."""
        if isinstance(argument, Constant):
            return argument.value
        if isinstance(argument, FromStep):
            return self._part(argument)
        if isinstance(argument, FromDataset):
            dataset = self.datasets[argument.ref]
            return StoredValue(codec="dataset", digest=dataset.digest, size=0, text=dataset.label)
        keys = argument.keys or [str(at) for at in range(len(argument.items))]
        items = {key: self.value(item) for key, item in zip(keys, argument.items, strict=True)}
        return StoredValue(
            codec=argument.kind,
            digest=Digest(self.digest(argument)),
            size=sum(item.size for item in items.values()),
            items=items,
            text=f"{argument.kind} of {', '.join(items)}",
        )

    def _part(self, argument: FromStep) -> StoredValue:
        """Return the part of a step's output that an argument takes.

        Raises:
            UnknownResult: If the output has no such part.
        """
        found = self.outputs[argument.step]
        for key in argument.path:
            if found.items is not None and str(key) in found.items:
                found = found.items[str(key)]
                continue
            found = self._part_of_plain(found, key, argument.step)
        return found

    def _part_of_plain(self, value: StoredValue, key: str | int, step: str) -> StoredValue:
        """Return a part of a plain value, which is stored in one piece."""
        if value.codec == "value" and (value.inline is not None or value.object is not None):
            content = value.inline if value.inline is not None else self.objects.read(Digest(str(value.object)))
            whole = decode_plain(content)
            if isinstance(whole, list | tuple) and isinstance(key, int) and key < len(whole):
                return plain_value(whole[key])
            if isinstance(whole, dict) and key in whole:
                return plain_value(whole[key])
        raise UnknownResult(
            f"Step {step} returned {value.text or 'one value'}, which has no part {key!r}",
            hint="Return a tuple or a dict with that part.",
        )
