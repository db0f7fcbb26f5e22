"""What pipelines need from later stages, and from neighbours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tidemill.core.access import Actor
from tidemill.pipelines.records import DatasetInput


class ValueCodec(Protocol):
    """Writes one kind of value, such as a framework's models, to a folder.

    Found in the worker through the entry-point group `tidemill.values`; an entry may be an object, or a class
    that needs no arguments. `tidemill.models.values` is one.
    """

    @property
    def name(self) -> str:
        """What the codec is called in the ledger."""
        ...

    def can_write(self, obj: object) -> bool:
        """Return whether this codec writes such a value."""
        ...

    def write(self, obj: object, folder: Path, *, example: object | None) -> object:
        """Write the value into an empty folder."""
        ...

    def read(self, folder: Path) -> object:
        """Return the value that a folder holds."""
        ...


class DatasetSource(Protocol):
    """Finds dataset versions for steps."""

    def resolve(self, actor: Actor, *, refs: Sequence[str]) -> list[DatasetInput]:
        """Return the versions that references such as `flights@2` name now, in their order.

        Raises:
            NotFound: If there is none.
        """
        ...
