"""The versions that stand at a place: a record each, written once; and the tags, which move."""

import re
from collections.abc import Iterator

import msgspec

from tidemill.core.errors import InvalidInput
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import DatasetNotFound, DatasetVersionNotFound
from tidemill.data.rules import DatasetRef, check_tag
from tidemill.data.sharing.errors import DamagedRecord
from tidemill.data.sharing.records import FORMAT, SharedDataset, SharedVersion
from tidemill.data.store import end_of
from tidemill.objects.remote import Bucket

_FOLDER = "datasets"
_RECORD = re.compile(r"datasets/([^/]+)/([1-9]\d{0,8})\.json")
_TAG = re.compile(r"datasets/([^/]+)/tags/([^/]+)")
_HINT = "Remove it there, and push the version again."


class Shelf:
    """The records at a place.

    Args:
        bucket: The place.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def list(self, name: str = "") -> "list[SharedDataset]":
        """Return the datasets that are there, by name, or just one of them."""
        numbers: dict[str, list[int]] = {}
        tags: dict[str, dict[str, int]] = {}
        for found in self._bucket.list(f"{_FOLDER}/{name}" if name else _FOLDER):
            if match := _RECORD.fullmatch(found.key):
                numbers.setdefault(match[1], []).append(int(match[2]))
            elif match := _TAG.fullmatch(found.key):
                tags.setdefault(match[1], {})[match[2]] = self._number(found.key)
        return [
            SharedDataset(name=name, numbers=tuple(sorted(some)), tags=tags.get(name, {}))
            for name, some in sorted(numbers.items())
        ]

    def find(self, ref: DatasetRef) -> SharedVersion:
        """Return the version that a reference names there.

        Raises:
            DatasetNotFound: If no version of the dataset is there.
            DatasetVersionNotFound: If this one is not.
        """
        dataset = next((found for found in self.list(ref.dataset) if found.name == ref.dataset), None)
        if dataset is None:
            known = [found.name for found in self.list()]
            hint = did_you_mean(ref.dataset, known) if known else "Nothing was pushed there yet."
            raise DatasetNotFound(f"{self._bucket} has no dataset {shown(ref.dataset)}", hint=hint)
        for number in self._candidates(dataset, ref):
            found = self.read(ref.dataset, number)
            if found and (ref.day is None or found.version.created_at < end_of(ref.day)):
                return found
        raise DatasetVersionNotFound(
            f"{self._bucket} has no such version of {shown(ref.dataset)}",
            hint=f"It has {', '.join(map(str, dataset.numbers[-10:]))}; push the one that is missing.",
        )

    def read(self, name: str, number: int) -> SharedVersion | None:
        """Return a version, None when it is not there.

        Raises:
            DamagedRecord: If its record cannot be read.
        """
        key = _key(name, number)
        if self._bucket.size(key) is None:
            return None
        try:
            found = msgspec.json.decode(self._bucket.read(key), type=SharedVersion)
        except msgspec.MsgspecError:
            raise DamagedRecord(f"{self._bucket}/{key} is not the record of a version", hint=_HINT) from None
        if found.format != FORMAT or (found.version.dataset, found.version.number) != (name, number):
            raise DamagedRecord(f"{self._bucket}/{key} is not the record of {name}@{number}", hint=_HINT)
        return found

    def write(self, shared: SharedVersion, *, atomic: bool) -> bool:
        """Write a version's record, and return whether there was none.

        Args:
            shared: The record.
            atomic: Whether the place refuses a second one by itself; else it is looked for first.
        """
        key = _key(shared.version.dataset, shared.version.number)
        content = msgspec.json.encode(shared)
        if atomic:
            return self._bucket.create(key, content)
        if self._bucket.size(key) is not None:
            return False
        self._bucket.put(key, content)
        return True

    def remove(self, name: str, number: int) -> tuple[str, ...]:
        """Remove a version's record and the tags that point to it; return those tags."""
        tags = [
            tag for found in self.list(name) if found.name == name for tag, to in found.tags.items() if to == number
        ]
        for tag in tags:
            self._bucket.delete(f"{_FOLDER}/{name}/tags/{tag}")
        self._bucket.delete(_key(name, number))
        return tuple(tags)

    def tag(self, name: str, tag: str, number: int) -> None:
        """Let a tag point to a version; the last one who says so is right."""
        self._bucket.put(f"{_FOLDER}/{name}/tags/{tag}", str(number).encode())

    def _candidates(self, dataset: SharedDataset, ref: DatasetRef) -> Iterator[int]:
        if ref.number is not None:
            yield from (number for number in dataset.numbers if number == ref.number)
        elif ref.tag is not None:
            yield from (number for tag, number in dataset.tags.items() if tag == ref.tag)
        else:
            yield from reversed(dataset.numbers)

    def _number(self, key: str) -> int:
        content = self._bucket.read(key)
        try:
            check_tag(key.rpartition("/")[2])
            return int(content)
        except (ValueError, InvalidInput):
            raise DamagedRecord(f"{self._bucket}/{key} is not a tag", hint=_HINT) from None


def _key(name: str, number: int) -> str:
    return f"{_FOLDER}/{name}/{number}.json"
