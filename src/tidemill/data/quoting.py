"""Values of a table as messages may quote them: what is personal in them is masked, as profiles and pages do."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from tidemill.checks.personal.masking import mask, mask_text
from tidemill.checks.personal.names import kind_of_name
from tidemill.checks.personal.scan import scan_personal

if TYPE_CHECKING:
    import polars as pl

LONGEST_VALUE = 100
LONGEST_MESSAGE = 200
_SAMPLE = 10_000


def personal_kinds(rows: "pl.LazyFrame", columns: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the kinds of personal data in columns, as far as the first rows and the columns' names tell.

    Args:
        rows: The table that a message is about.
        columns: Those of its columns whose values are to be quoted.
    """
    return scan_personal(rows.select(sorted(columns)).head(_SAMPLE)).kinds_by_column()


def quoted(value: object, column: str, kinds: Collection[str] = ()) -> str | None:
    """Return a value as it may be told, clipped; None for one that is missing.

    Args:
        value: The value.
        column: Its column, whose name may tell what it holds.
        kinds: What more is known of the column.
    """
    if value is None:
        return None
    spoken = kind_of_name(column)
    all_kinds = {*kinds, spoken} if spoken else set(kinds)
    whole = mask([str(value)[: 10 * LONGEST_VALUE]], all_kinds)[0] or ""
    return mask_text(whole)[:LONGEST_VALUE]


def told(text: str) -> str:
    """Return what another library says of a table, which may quote a value of any column."""
    return mask_text(text)[:LONGEST_MESSAGE]
