"""What a rule may look at beside the rows of its table: other datasets, earlier versions, the clock."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tidemill.checks.drift.reference import Reference
from tidemill.checks.errors import InputMissing
from tidemill.core.lazy import lazy
from tidemill.core.moments import utc_now

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

PREVIOUS = "previous"
"""What stands for the version before, where a dataset is named."""


@dataclass(frozen=True, slots=True)
class Before:
    """The version before.

    Args:
        ref: How a person names it, such as `flights@2`.
        rows: How many rows it has.
    """

    ref: str
    rows: int


class Surroundings(Protocol):
    """Other datasets, earlier versions and the clock."""

    @property
    def now(self) -> datetime:
        """The present moment."""
        ...

    @property
    def room(self) -> Path | None:
        """The folder where large files may go for a while; None for the system's."""
        ...

    def values(self, dataset: str, column: str) -> "pl.Series":
        """Return the values that a column of another dataset holds, each once, without null.

        Args:
            dataset: Such as `customers` or `customers@3`.
            column: The column.
        """
        ...

    def before(self) -> Before | None:
        """Return the version before, None when there is none."""
        ...

    def reference(self, dataset: str, columns: tuple[str, ...]) -> Reference | None:
        """Return what drift is measured against, None when the version before is asked for and there is none.

        Args:
            dataset: Such as `flights@1`, or `previous`.
            columns: Which columns; all when empty.
        """
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """A table by itself: there is no other dataset, and no version before."""

    now: datetime = field(default_factory=utc_now)
    room: Path | None = None

    def values(self, dataset: str, column: str) -> "pl.Series":
        """Say that there is no other dataset.

        Raises:
            InputMissing: Always.
        """
        raise _alone(f"{dataset}.{column}")

    def before(self) -> Before | None:
        """Return None: there is no version before."""
        return None

    def reference(self, dataset: str, columns: tuple[str, ...]) -> Reference | None:
        """Say that there is no other dataset.

        Raises:
            InputMissing: Unless the version before is asked for.
        """
        del columns
        if dataset == PREVIOUS:
            return None
        raise _alone(dataset)


def _alone(what: str) -> InputMissing:
    return InputMissing(f"A rule looks at {what}, and this table is judged alone", hint="Judge it in a workspace.")
