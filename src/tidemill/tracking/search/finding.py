"""Finds the ids of what a filter lets pass, in order, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from tidemill.tracking.records import View
from tidemill.tracking.search.entities import Column, Sorting, Test
from tidemill.tracking.search.faults import InvalidOrder
from tidemill.tracking.search.parser import parse, parse_order
from tidemill.tracking.search.patience import within_time
from tidemill.tracking.search.syntax import Order
from tidemill.tracking.search.vocabulary import Vocabulary

MOST_ORDERS = 16


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a subject as a query that is not yet ordered: where they come from, and which they are."""

    source: sa.FromClause
    where: tuple[Test, ...]
    sorts: tuple[Sorting, ...] = ()

    def only(self, *tests: Test) -> "Rows":
        """Return the ones of them that pass some tests too."""
        return replace(self, where=(*self.where, *tests))

    def by(self, *sorts: Sorting) -> "Rows":
        """Return them in an order."""
        return replace(self, sorts=(*self.sorts, *sorts))

    def ids(self, key: Column, limit: int, offset: int) -> sa.Select[Any]:
        """Return the query for one page of ids."""
        source = self.source
        terms: list[Column] = []
        for sorting in self.sorts:
            if sorting.table is not None:
                source = source.outerjoin(sorting.table, sorting.on)
            terms += sorting.terms
        return sa.select(key).select_from(source).where(*self.where).order_by(*terms).limit(limit).offset(offset)

    def count(self) -> sa.Select[Any]:
        """Return the query for how many they are."""
        return sa.select(sa.func.count()).select_from(self.source).where(*self.where)


def read_orders(texts: Sequence[str | Order], vocabulary: Vocabulary) -> list[Order]:
    """Return the keys to order by, each once.

    Raises:
        InvalidOrder: If a text is none, or there are too many.
    """
    if len(texts) > MOST_ORDERS:
        raise InvalidOrder(
            position=0,
            found=str(len(texts)),
            expected=f"at most {MOST_ORDERS} keys",
            hint="The first few keys decide.",
            message=f"There are {len(texts)} keys to order by, and {MOST_ORDERS} is the most",
        )
    orders: dict[tuple[object, ...], Order] = {}
    for text in texts:
        order = parse_order(text) if isinstance(text, str) else text
        entity = vocabulary.entity(order.name, InvalidOrder)
        orders.setdefault((id(entity), order.name.key, order.dataset_name, order.dataset_digest), order)
    return list(orders.values())


def seen(view: View, deleted: Test, *there: Test) -> tuple[Test, ...]:
    """Return the tests that a view puts on rows; `there` parts those in the trash from those that are leaving it."""
    if view == "all":
        return there
    return (deleted, *there) if view == "deleted" else (sa.not_(deleted),)


def find(
    connection: sa.Connection,
    vocabulary: Vocabulary,
    rows: Rows,
    filter_text: str,
    order_by: Sequence[str | Order],
    default: Sorting,
    *,
    limit: int,
    offset: int,
) -> list[str]:
    """Return a page of ids of a subject that is small enough to be sorted: all but runs."""
    key = vocabulary.attributes.known[vocabulary.attributes.key].value
    orders = [vocabulary.sorting(order, key, InvalidOrder) for order in read_orders(order_by, vocabulary)]
    found = rows.only(vocabulary.test(parse(filter_text).root, key)).by(*orders, default)
    with within_time(connection):
        return page(connection, found.ids(key, limit, offset))


def page(connection: sa.Connection, query: sa.Select[Any]) -> list[str]:
    """Return the ids of a query."""
    return [str(identifier) for identifier in connection.execute(query).scalars()]
