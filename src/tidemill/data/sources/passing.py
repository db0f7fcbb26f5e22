"""The rows of a file as they pass: how far it is read, and whether it holds far more than its bytes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tidemill.core.names import shown
from tidemill.data.errors import SourceTooLarge
from tidemill.data.profile.build import Measuring
from tidemill.data.sources.telling import READ, Share

if TYPE_CHECKING:
    import polars as pl


Measure = Callable[[], Measuring]
"""Begins a profile; of a file that must be read anew the one begun before is dropped."""

_RATIO = 200
_FREE_BYTES = 16 << 30


class Passing:
    """Takes the rows of a file, segment by segment.

    Args:
        measured: The profile in the making; None where none is.
        told: Hears how far it is; None for nobody.
        rows: How many rows there are, as far as that is known or guessed; nought when it is not.
        doing: What is done with the file.
    """

    def __init__(self, measured: Measuring | None, told: Share | None, rows: float, doing: str = READ) -> None:
        self._measured = measured
        self._told = told
        self._rows = rows
        self._doing = doing
        self._passed = 0

    def add(self, rows: "pl.DataFrame") -> None:
        """Take more rows."""
        if self._measured:
            self._measured.add(rows)
        self._passed += rows.height
        if self._told and self._rows:
            self._told(min(1.0, self._passed / self._rows), self._doing)


class Unpacking(Passing):
    """Takes the rows of a file that may say one long value many times over.

    Args:
        measured: The profile in the making; None where none is.
        told: Hears how far it is; None for nobody.
        rows: How many rows there are.
        name: How messages call the file.
        size: How many bytes it has.
    """

    def __init__(self, measured: Measuring | None, told: Share | None, rows: float, *, name: str, size: int) -> None:
        super().__init__(measured, told, rows)
        self._name = name
        self._most = max(_FREE_BYTES, _RATIO * size)
        self._bytes = 0

    def add(self, rows: "pl.DataFrame") -> None:
        """Take more rows.

        Raises:
            SourceTooLarge: If all rows together hold more than 16 GiB and more than 200 times the file's bytes.
        """
        self._bytes += int(rows.estimated_size())
        if self._bytes > self._most:
            raise SourceTooLarge(
                f"{shown(self._name)} holds more than {self._most} bytes of values, over {_RATIO} times its size",
                where=self._name,
                hint="Write long values that come again and again as a table of their own, and name them by a number.",
            )
        super().add(rows)
