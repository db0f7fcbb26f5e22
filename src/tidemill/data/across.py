"""Rules that look at rows before, followed from file to file: an earlier file can make a row of a later one bad."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tidemill.checks.quality.finding import Severity
from tidemill.checks.quality.monotone import Increasing
from tidemill.checks.quality.rule_book import RuleBook
from tidemill.checks.quality.together import UniqueTogether
from tidemill.checks.quality.unique import Unique
from tidemill.core.lazy import lazy
from tidemill.data.disk import Scratch
from tidemill.data.keys import ROW, KeyWatch
from tidemill.data.types import joined, type_word

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


class Follower(Protocol):
    """What is kept of earlier files for one rule."""

    label: str
    column: str

    def bad(self, rows: "pl.LazyFrame") -> "pl.Series":
        """Return the numbers of the rows that an earlier file makes bad."""

    def remember(self, rows: "pl.LazyFrame") -> None:
        """Keep what matters of accepted rows."""


class AcrossFiles(KeyWatch):
    """The key of a table and its rules about rows before, over all files that one version is made of.

    Args:
        columns: The columns of the key; empty where there is none.
        keep: Whether more parts follow, so that what matters of each must be kept.
        scratch: Where hashes go that are too many for memory.
        book: The rules.
    """

    def __init__(self, columns: Sequence[str], *, keep: bool, scratch: Scratch, book: RuleBook) -> None:
        super().__init__(columns, keep=keep, scratch=scratch)
        self._followers = _followers(book, scratch)

    @property
    def matters(self) -> bool:
        """Whether there is a key, or a rule about rows before."""
        return bool(self.columns or self._followers)

    def remember(self, rows: "pl.LazyFrame") -> None:
        """Keep what matters of a part, whose files stay where they are."""
        super().remember(rows)
        for each in self._followers:
            each.remember(rows)

    def collides(self, rows: "pl.LazyFrame") -> bool:
        """Return whether an earlier part makes a row of a part bad; the part by itself has none."""
        numbered = rows.with_row_index(ROW, offset=1)
        return super().collides(rows) or any(len(each.bad(numbered)) for each in self._followers)

    def others(self, rows: "pl.LazyFrame") -> "list[tuple[str, str, pl.Series]]":
        """Return, by rule and column, the numbers of the rows that earlier files make bad."""
        found = [(each.label, each.column, each.bad(rows)) for each in self._followers]
        self.was_needed |= any(len(bad) for _, _, bad in found)
        return found


class _Repeats:
    """Values, or combinations of them, that occur once."""

    def __init__(self, label: str, columns: Sequence[str], scratch: Scratch) -> None:
        self.label, self.column = label, columns[0]
        self._watch = KeyWatch(columns, keep=True, scratch=scratch)

    def bad(self, rows: "pl.LazyFrame") -> "pl.Series":
        return self._watch.repeated_earlier(rows) if _holds(rows, self._watch.columns) else _none()

    def remember(self, rows: "pl.LazyFrame") -> None:
        if _holds(rows, self._watch.columns):
            self._watch.remember(rows)


class _GoesBack:
    """Values of which none is below one before it."""

    def __init__(self, label: str, column: str, *, strictly: bool) -> None:
        self.label, self.column = label, column
        self._strictly = strictly
        self._furthest: object = None
        self._type = "null"

    def bad(self, rows: "pl.LazyFrame") -> "pl.Series":
        if self._furthest is None or not _holds(rows, [self.column]):
            return _none()
        schema = rows.collect_schema()
        if joined(self._type, type_word(schema[self.column])) is None:
            return _none()  # the two files make no one table, which is told when their columns are joined
        values, furthest = pl.col(self.column), pl.lit(self._furthest)
        is_behind = values <= furthest if self._strictly else values < furthest
        return rows.filter(is_behind).select(ROW).collect(engine="streaming")[ROW]

    def remember(self, rows: "pl.LazyFrame") -> None:
        if not _holds(rows, [self.column]):
            return
        values, dtype = pl.col(self.column), rows.collect_schema()[self.column]
        self._type = joined(self._type, type_word(dtype)) or self._type
        if dtype == pl.Date:
            values = values.cast(pl.Datetime("us"))  # another file may hold hours
        highest = rows.select(values.max()).collect(engine="streaming").item()
        if highest is not None and (self._furthest is None or highest > self._furthest):
            self._furthest = highest


def _none() -> "pl.Series":
    return pl.Series(ROW, [], dtype=pl.Int64)


def _holds(rows: "pl.LazyFrame", columns: Sequence[str]) -> bool:
    """Return whether rows have all columns, and values in them: rules may name columns that some tables lack."""
    schema = rows.collect_schema()
    return all(column in schema and schema[column] != pl.Null for column in columns)


def _followers(book: RuleBook, scratch: Scratch) -> list[Follower]:
    found: list[Follower] = []
    for one in book.rules:
        if one.severity is Severity.WARN or one.tolerated:
            continue  # no row is put aside because of it
        if isinstance(one.rule, Unique | UniqueTogether):
            found.append(_Repeats(one.rule.label(), one.columns, scratch))
        elif isinstance(one.rule, Increasing):
            found.append(_GoesBack(one.rule.label(), one.column, strictly=one.rule.strictly))
    return found
