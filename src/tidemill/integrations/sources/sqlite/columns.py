"""The types of columns in SQLite, where every value may have its own: seen from all the values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.data.errors import MixedTypes
from tidemill.data.sources.adbc import Link
from tidemill.data.sources.sql import SqlAsk
from tidemill.data.types import Reading, format_of, from_text, is_zoned

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_AT_ONCE = 300
"""Columns that are looked at in one statement; SQLite answers with 2000 values at most, and each column needs four."""
_EXAMPLES = {"integer": "0", "real": "0.0", "text": "''", "blob": "x''", "null": "0"}
_BOOLEAN = "BOOL"


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is read.

    Args:
        name: Its name.
        sql: The expression.
        example: A value of its type, as SQL.
        converted: What it becomes then.
    """

    name: str
    sql: str
    example: str
    converted: "pl.Expr"


@dataclass(frozen=True, slots=True)
class _Seen:
    lowest: object
    highest: object
    kinds: tuple[str, str]
    has_reals: bool

    @property
    def kind(self) -> str:
        """Its one kind, or `mixed`."""
        first, last = ("real" if kind == "integer" and self.has_reals else kind for kind in self.kinds)
        return first if first == last else "mixed"


def look_at(link: Link, what: SqlAsk, names: Sequence[str], through: str) -> list[Column]:
    """Return how the columns are read.

    A column of integers and reals is read as reals; integers of a column that is declared `BOOL…` are booleans if all
    are 0 or 1; texts are dates or moments if all are, in the format of the first.

    Raises:
        MixedTypes: If a column holds numbers and texts, or bytes and something else.
    """
    seen: dict[str, _Seen] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        row = link.rows(what.select([_look(what.quoted(name)) for name in some], through))[0]
        for index, name in enumerate(some):
            lowest, highest, first, last, reals = row[index * 5 : index * 5 + 5]
            seen[name] = _Seen(lowest, highest, (first, last), bool(reals))
    mixed = next((name for name, found in seen.items() if found.kind == "mixed"), None)
    if mixed is not None:
        raise _refusal(link, what, mixed)
    moments = _moments(link, what, seen, through)
    declared = _declared(link, what)
    return [_column(what.quoted(name), name, found, moments, declared) for name, found in seen.items()]


def _look(column: str) -> str:
    return f"min({column}), max({column}), typeof(min({column})), typeof(max({column})), max(typeof({column}) = 'real')"


def _column(quoted: str, name: str, seen: _Seen, moments: Mapping[str, Reading], declared: Mapping[str, str]) -> Column:
    values = pl.col(name)
    if name in moments:
        values = from_text(name, moments[name], strict=True)
    elif seen.kind == "integer" and _BOOLEAN in declared.get(name, "") and {seen.lowest, seen.highest} <= {0, 1}:
        values = values.cast(pl.Boolean)
    elif seen.kind == "real":
        return Column(name, f"CAST({quoted} AS REAL)", _EXAMPLES["real"], values.fill_nan(None))
    return Column(name, quoted, _EXAMPLES[seen.kind], values.alias(name))


def _moments(link: Link, what: SqlAsk, seen: Mapping[str, _Seen], through: str) -> dict[str, Reading]:
    """Return how texts are read that are all dates or all moments."""
    perhaps = {}
    for name, found in seen.items():
        form = format_of(str(found.lowest)) if found.kind == "text" else None
        if form and form == format_of(str(found.highest)):
            zoned = "datetime_utc" if is_zoned(form) else "datetime"
            perhaps[name] = Reading(zoned if "%H" in form else "date", form)
    if not perhaps:
        return {}
    unlike: set[str] = set()
    counts = [
        expression
        for name, reading in perhaps.items()
        for expression in (
            pl.col(name).count().alias(f"{name}:n"),
            from_text(name, reading).count().alias(f"{name}:m"),
        )
    ]
    for frame in link.frames(what.select([what.quoted(name) for name in perhaps], through)):
        row = frame.with_columns(pl.col(name).cast(pl.String) for name in perhaps).select(counts).row(0, named=True)
        unlike |= {name for name in perhaps if row[f"{name}:n"] != row[f"{name}:m"]}
    return {name: reading for name, reading in perhaps.items() if name not in unlike}


def _declared(link: Link, what: SqlAsk) -> dict[str, str]:
    if not what.table:
        return {}
    place = "".join(f", '{part.replace(chr(39), chr(39) * 2)}'" for part in what.table[:-1])
    table = what.table[-1].replace("'", "''")
    rows = link.rows(f"SELECT name, upper(type) FROM pragma_table_xinfo('{table}'{place})")  # noqa: S608 - quoted
    return {str(name): str(word) for name, word in rows}


def _refusal(link: Link, what: SqlAsk, name: str) -> MixedTypes:
    column = what.quoted(name)
    rows = link.rows(f"{what.select([f'typeof({column})', 'count(*)'])} GROUP BY 1 ORDER BY 2 DESC")
    held = ", ".join(f"{count:,} {kind}" for kind, count in rows if kind != "null")
    return MixedTypes(
        f"Column {shown(name)} of {shown(what.label)} holds values of several types: {held}",
        where=what.label,
        hint="Correct them, or read it as text: #query=SELECT …, CAST(the column AS TEXT) AS … FROM ….",
    )
