"""What is asked of a database: a table or a query, in which order, and perhaps only what came since.

Names are always quoted, so that none of them is read as SQL. A query is put in brackets as the origin of a `SELECT`,
which no statement that writes can be.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.errors import InvalidColumns, InvalidOption, UnknownColumn
from tidemill.data.sources.ports import Ask

OPTIONS = ("table", "query", "order", "new_by")
"""The options that every database has."""
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"]|"")*"|`[^`]*`|\$\$.*?\$\$)|(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<sign>[();'"`])""",
    re.DOTALL,
)
_NAME = re.compile(r'\s*("(?:[^"]|"")+"|`[^`]+`|[^\s.,"`]+)\s*')
_LITERAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?|'([^']|'')*'")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlAsk:
    """What is to be read of a database.

    Args:
        table: The parts of the table's name; empty for a query.
        query: The query; empty for a table.
        order: The columns that rows are sorted by.
        new_by: The column that grows with every row; empty to read everything.
        since: The literal after which rows are new; empty for the first time.
        mark: What names are quoted with.
    """

    table: tuple[str, ...]
    query: str
    order: tuple[str, ...]
    new_by: str
    since: str
    mark: str

    @property
    def label(self) -> str:
        """How messages and the ledger call it."""
        return ".".join(self.table) or "query"

    @property
    def facts(self) -> dict[str, str]:
        """What was asked, for the version."""
        asked = {"table": ".".join(self.table)} if self.table else {"query": self.query}
        return asked | ({"new_by": self.new_by} if self.new_by else {})

    @property
    def origin(self) -> str:
        """What stands behind FROM."""
        return ".".join(map(self.quoted, self.table)) if self.table else f"(\n{self.query}\n) AS source"

    def quoted(self, name: str) -> str:
        """Return a name as SQL."""
        if self.mark == "`" and ("`" in name or "\\" in name):
            raise InvalidOption(f"{shown(name)} cannot be quoted", hint="Rename it in a view.")
        return f"{self.mark}{name.replace(self.mark, self.mark * 2)}{self.mark}"

    def highest(self) -> str:
        """Return the expression of the highest value of the growing column."""
        return f"max({self.quoted(self.new_by)})"

    def select(self, columns: Sequence[str], through: str = "", *, at: str = "", is_sorted: bool = False) -> str:
        """Return a statement on the rows.

        Args:
            columns: The columns, as SQL.
            through: The literal of the highest value of the growing column; empty to take all rows.
            at: A clause behind the table's name that says as of when.
            is_sorted: Whether the order matters.
        """
        limits = []
        if self.since:
            limits.append(f"{self.quoted(self.new_by)} > {self.since}")
        if through:
            limits.append(f"{self.quoted(self.new_by)} <= {through}")
        where = f" WHERE {' AND '.join(limits)}" if limits else ""
        order = f" ORDER BY {', '.join(map(self.quoted, self.order))}" if self.order and is_sorted else ""
        return f"SELECT {', '.join(columns)} FROM {self.origin}{at}{where}{order}"  # noqa: S608 - quoted, see above

    def check_columns(self, names: Sequence[str]) -> None:
        """Let the names of the columns pass if each is there once, and those that are asked for are among them.

        Raises:
            InvalidColumns: If two have one name.
            UnknownColumn: If one that is asked for is none of them.
        """
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidColumns(
                f"{shown(self.label)} has two columns {shown(twice)}", hint="Name each of them once, with AS."
            )
        for name in (*self.order, *filter(None, [self.new_by])):
            if name not in names:
                raise UnknownColumn(f"{shown(self.label)} has no column {shown(name)}", hint=did_you_mean(name, names))


def sql_ask(ask: Ask, mark: str = '"', folded: Callable[[str], str] = str) -> SqlAsk:
    """Return what the options of a source ask of its database.

    Args:
        ask: The source.
        mark: What its SQL quotes names with.
        folded: What becomes of a name that is not quoted.

    Raises:
        InvalidOption: If it is neither a table nor a query, or both, or rows are to be added that cannot be told from
            those that are held.
    """
    table, query = ask.option("table"), ask.option("query").strip().rstrip(";").rstrip()
    if bool(table) == bool(query):
        raise InvalidOption(
            f"{ask.uri.scheme}: needs a table or a query" + (", not both" if table else ""),
            hint="Such as #table=flights, or #query=SELECT … FROM ….",
        )
    _check_query(query)
    new_by = "".join(_names(ask.option("new_by") or ask.new_by, "", "new_by", folded))
    return SqlAsk(
        table=_names(table, ".", "table", folded),
        query=query,
        order=_names(ask.option("order"), ",", "order", folded),
        new_by=new_by,
        since=_since(ask, new_by),
        mark=mark,
    )


def _check_query(query: str) -> None:
    """Let a query pass that stays within the brackets that are put around it.

    Databases refuse a second statement too, some only because an account is set so: this errs to the strict side.

    Raises:
        InvalidOption: If it is more than one statement, or its brackets or quotes do not close.
    """
    depth = 0
    for match in _TOKEN.finditer(query):
        sign = match["sign"]
        depth += {"(": 1, ")": -1}.get(sign or "", 0)
        if sign is not None and (depth < 0 or sign not in "()"):
            raise InvalidOption(
                f"The query has a {sign} that does not belong there",
                where=f"character {match.start() + 1}",
                hint="Write one SELECT, and close what it opens.",
            )
    if depth:
        raise InvalidOption("The query has a ( that is not closed", hint="Write one SELECT, and close what it opens.")


def held_end(ask: Ask, new_by: str) -> Mapping[str, str] | None:
    """Return the version of the newest rows that are held, which says where they end; None to read all rows.

    Args:
        ask: The source.
        new_by: The column that grows.

    Raises:
        InvalidOption: If rows are to be added and the new ones cannot be told.
    """
    if not ask.held:
        return None
    if not new_by:
        raise InvalidOption(
            "Rows of a table are added only by a column that grows",
            hint="Name it with --new-by COLUMN, or #new_by=COLUMN behind the source; or leave --append out.",
        )
    newest = ask.held[-1]
    if "through" in newest and newest.get("new_by", new_by) == new_by:
        return newest
    if "new_by" in ask.uri.options:
        raise InvalidOption(
            "Where the rows that are held end is not known", hint="Ingest once without --append, with #new_by=COLUMN."
        )
    return None  # who asks finds the new ones among all


def _since(ask: Ask, new_by: str) -> str:
    held = held_end(ask, new_by)
    through = held["through"] if held else ""
    if held and not _LITERAL.fullmatch(through):
        raise InvalidOption("Where the rows that are held end is not known", hint="Ingest once without --append.")
    return through


def _names(text: str, between: str, option: str, folded: Callable[[str], str]) -> tuple[str, ...]:
    names: list[str] = []
    position = 0
    while position < len(text):
        match = _NAME.match(text, position)
        end = match.end() if match else position
        if match is None or (end < len(text) and text[end] != between) or end == len(text) - 1:
            raise InvalidOption(
                f"{option}={text} names nothing", hint='Such as flights, public.flights or "my schema".flights.'
            )
        names.append(_plain(match[1], folded))
        position = end + 1
    return tuple(names)


def _plain(name: str, folded: Callable[[str], str]) -> str:
    if name[0] == '"':
        return name[1:-1].replace('""', '"')
    return name[1:-1] if name[0] == "`" else folded(name)


def careful_literal(text: str) -> str:
    """Return a text as a literal, for databases that read more into one than its quotes.

    Raises:
        InvalidOption: If it holds a quote or a backslash.
    """
    if "'" in text or "\\" in text:
        raise InvalidOption(f"{shown(text)} holds a quote or a backslash", hint="Name another column, or use a query.")
    return f"'{text}'"
