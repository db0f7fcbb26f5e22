"""The profile of a table as a section of a page: which columns, in which order, and what goes together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from tidemill.data.profile.interest import interest
from tidemill.data.profile.outline import Brief
from tidemill.data.profile.records import ColumnProfile, Profile, Relations
from tidemill.data.profile.relations import Relation, relations_of
from tidemill.server.pages import words
from tidemill.server.pages.columns import ColumnView, column_view, null_share

COLUMNS_A_PAGE = 48
MOST_RELATIONS = 12
WIDE = 300
"""From so many columns on those worth a look come first, and targets are proposed that others may go with."""
ORDERS = {
    "table": "As in the table",
    "look": "Worth a look first",
    "name": "By name",
    "nulls": "Most nulls first",
    "distinct": "Most values first",
}
KINDS = {"": "All types", "number": "Numbers", "text": "Texts", "time": "Dates and moments", "other": "Others"}
_KIND_WORDS = {"correlation": "correlation", "association": "association", "ratio": "explained by groups"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which columns a reader asks for.

    Args:
        find: Text in their names.
        kind: A key of `KINDS`.
        order: A key of `ORDERS`, or `target`; empty for what suits the table.
        target: The column that the others are held against.
        page: From 1.
    """

    find: str = ""
    kind: str = ""
    order: str = ""
    target: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class RelationView:
    """How two columns go together, as pages show it."""

    first: str
    second: str
    kind: str
    value: float
    rows: int

    @property
    def strength(self) -> str:
        """The width of its bar."""
        return f"{abs(self.value) * 100:.0f}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The profile of a table, as much of it as a page shows.

    Args:
        columns: The small multiples.
        total: Columns of the table.
        found: Columns that fit what is asked for.
        first: The place of the first one that is shown among those, from 1.
        asked: What is asked for.
        orders: What may be chosen as order.
        order: The one that it is.
        names: What may be chosen as target.
        target: The one that was.
        relations: The strongest relations, or those of the target.
        newer: Query of the page before; empty on the first.
        older: Query of the page after.
    """

    columns: list[ColumnView]
    total: int
    found: int
    first: int
    asked: Asked
    orders: Mapping[str, str]
    order: str
    names: Sequence[str]
    target: str
    relations: list[RelationView]
    newer: str
    older: str


def asked_of(query: Mapping[str, str]) -> Asked:
    """Return what the query of an address asks for; what is no answer counts as nothing."""
    page = query.get("page", "1")
    order, kind = query.get("order", ""), query.get("kind", "")
    return Asked(
        find=query.get("find", "")[:200],
        kind=kind if kind in KINDS else "",
        order=order if order in {*ORDERS, "target"} else "",
        target=query.get("target", "")[:1000],
        page=int(page) if page.isdecimal() and 0 < len(page) < 6 else 1,
    )


def section_of(profile: Profile, asked: Asked, *, most: int = COLUMNS_A_PAGE) -> Section:
    """Return the section of a page that shows a profile."""

    def read(names: Sequence[str]) -> Sequence[ColumnProfile]:
        held = {column.name: column for column in profile.columns}
        return [held[name] for name in names]

    return section_read(profile.columns, profile.relations, asked, read, most=most)


def section_read(
    known: Sequence[Brief | ColumnProfile],
    relations: Relations | None,
    asked: Asked,
    read: Callable[[Sequence[str]], Sequence[ColumnProfile]],
    *,
    most: int = COLUMNS_A_PAGE,
) -> Section:
    """Return the section of a page that shows a profile of which only the columns shown are read.

    Args:
        known: The columns of the table, in brief.
        relations: How they go together.
        asked: Which are to be shown.
        read: Gives the profiles of columns by their names.
        most: How many are shown.
    """
    names = [column.name for column in known]
    target = asked.target if asked.target in names else ""
    related = relations_of(relations, target)
    strength = {each.second: each for each in related} if target else {}
    order = asked.order or ("look" if len(known) >= max(WIDE, most + 1) else "table")
    kept = [
        column
        for column in known
        if asked.find.casefold() in column.name.casefold() and asked.kind in {"", kind_of(column)}
    ]
    first = (asked.page - 1) * most
    shown = (
        read([column.name for column in _ordered(kept, order, strength)[first : first + most]]) if kept[first:] else ()
    )
    return Section(
        columns=[column_view(column, _note(strength, column, target, order)) for column in shown],
        total=len(known),
        found=len(kept),
        first=first + 1,
        asked=asked,
        orders=ORDERS | ({"target": "Closest to the target first"} if target else {}),
        order=order,
        names=names if len(names) < WIDE else _with_relations(relations),
        target=target,
        relations=relation_views(related[:MOST_RELATIONS]),
        newer=query_of(asked, asked.page - 1) if asked.page > 1 and first <= len(kept) + most else "",
        older=query_of(asked, asked.page + 1) if first + most < len(kept) else "",
    )


def _with_relations(relations: Relations | None) -> list[str]:
    return [*relations.numbers, *(axis.name for axis in relations.axes)] if relations else []


def kind_of(column: Brief | ColumnProfile) -> str:
    """Return which key of `KINDS` a column belongs to."""
    if column.is_moment:
        return "time"
    if column.type.startswith(("int", "uint", "float", "decimal", "duration")):
        return "number"
    return "text" if column.type == "text" else "other"


def _ordered(
    columns: list[Brief | ColumnProfile], order: str, strength: Mapping[str, Relation]
) -> list[Brief | ColumnProfile]:
    if order == "look":
        return sorted(columns, key=lambda column: -interest(column).score)
    if order == "name":
        return sorted(columns, key=lambda column: column.name.casefold())
    if order == "nulls":
        return sorted(columns, key=lambda column: -null_share(column))
    if order == "distinct":
        return sorted(columns, key=lambda column: -(column.distinct or 0))
    if order == "target":
        return sorted(columns, key=lambda column: -abs(strength[column.name].value) if column.name in strength else 1)
    return columns


def _note(strength: Mapping[str, Relation], column: ColumnProfile, target: str, order: str) -> str:
    if target and column.name == target:
        return "target"
    found = strength.get(column.name)
    if found:
        return f"{_KIND_WORDS[found.kind]} with the target {words.fixed(found.value, 2)}"
    return interest(column).why if order == "look" else ""


def relation_views(relations: Sequence[Relation]) -> list[RelationView]:
    """Return relations as pages show them."""
    return [RelationView(each.first, each.second, _KIND_WORDS[each.kind], each.value, each.rows) for each in relations]


def query_of(asked: Asked, page: int = 1) -> str:
    """Return the query of an address that asks for this."""
    fields = {"find": asked.find, "kind": asked.kind, "order": asked.order, "target": asked.target}
    kept = {name: value for name, value in fields.items() if value}
    return "?" + urlencode(kept | ({"page": str(page)} if page > 1 else {}))


def column_url(dataset: str, number: int, column: str) -> str:
    """Return the address of the page of a column."""
    return f"/datasets/{quote(dataset, safe='')}/{number}/columns/{quote(column, safe='')}"
