"""What is known of places, and what stands there of each version."""

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.data.records import DatasetVersion

FORMAT = "tidemill.dataset.1"


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """A place that is remembered.

    Args:
        name: How it is called here.
        uri: Where it is, such as `s3://bucket/prefix`; without credentials.
        creates_once: Whether it refuses to write over what is there when told so; then two writers are safe.
        compares: Whether it refuses to replace what is not as it was when told so.
        single_writer: Whether a person said that nobody else pushes there.
        added_at: When it was added.
        added_by: Who added it.
    """

    name: str
    uri: str
    creates_once: bool
    compares: bool
    single_writer: bool = False
    added_at: Moment
    added_by: str


class SharedObject(msgspec.Struct, frozen=True, array_like=True):
    """An object and its size in bytes."""

    digest: Digest
    size: int


class SharedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version at a place: all that a workspace needs to have it too.

    Args:
        format: Which form this is.
        version: The version as it was where it was made, with its parts, and with the layout of this place.
        description: What the dataset is.
        objects: Every object that it needs, packs and layout among them.
        lineage: What it came from, as `source relation target`.
        pushed_at: When it was pushed.
        pushed_by: Who pushed it.
    """

    format: str
    version: DatasetVersion
    description: str
    objects: tuple[SharedObject, ...]
    lineage: tuple[str, ...] = ()
    pushed_at: Moment
    pushed_by: str


class RemovedThere(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed at a place.

    Args:
        ref: The version.
        tags: The tags that pointed to it.
        objects: How many names under which bytes were kept.
        size_bytes: How many bytes those had, without what an earlier try had left.
    """

    ref: str
    tags: tuple[str, ...]
    objects: int
    size_bytes: int


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What of pushes that were not finished was removed at a place, or would be.

    Args:
        objects: How many names under which bytes were kept.
        size_bytes: How many bytes those had.
    """

    objects: int
    size_bytes: int


class SharedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset at a place.

    Args:
        name: Its name.
        numbers: The numbers of its versions.
        tags: The tags, and the numbers that they point to.
    """

    name: str
    numbers: tuple[int, ...]
    tags: dict[str, int]
