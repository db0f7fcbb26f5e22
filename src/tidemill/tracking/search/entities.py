"""What a name of a filter can belong to, and how conditions on it become SQL: attributes, texts by key, metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import sqlalchemy as sa

from tidemill.core.nearest import nearest
from tidemill.tracking.search.comparing import NULLITY, Kind, check, compare, compare_metric
from tidemill.tracking.search.constructs import bytewise
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.syntax import COMPARATORS, Condition, Name, Operator, Order
from tidemill.tracking.store.tables import INDEXED_CHARACTERS
from tidemill.tracking.store.values import NOT_A_NUMBER

Column = sa.ColumnElement[Any]
Test = sa.ColumnElement[bool]
Ids = sa.Select[Any]
_ONE: sa.ColumnElement[Any] = sa.literal_column("1")
NAN = sa.literal(NOT_A_NUMBER, sa.Float(53))
_METRIC = (*COMPARATORS, *NULLITY)


@dataclass(frozen=True, slots=True)
class Sorting:
    """How rows are put in order by one key: a table to join, and the terms, those without the key last."""

    terms: tuple[Column, ...]
    table: sa.FromClause | None = None
    on: Test | None = None


class Entity(Protocol):
    """One kind of name, such as `metrics`."""

    def test(self, owner: Column, condition: Condition) -> Test:
        """Return SQL that is true of the owners that the condition is true of, and never null."""

    def ids(self, condition: Condition, *more: Condition) -> Ids | None:
        """Return the ids of the owners that the condition is true of, where an index has them together.

        More conditions are on the same key; they are met too.
        """

    def sorting(self, owner: Column, order: Order, fault: type[InvalidFilter]) -> Sorting:
        """Return how owners are ordered by a key."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A value that every row of the subject has, or has once it ends.

    Args:
        kind: What its values are.
        value: The column, or what gives the value.
        nullable: Whether a row may be without.
        searched: Whether filters may name it; orders always may.
        sorted_by: What to order by, when it is not the value.
    """

    kind: Kind
    value: Column
    nullable: bool = False
    searched: bool = True
    sorted_by: tuple[Column, ...] = ()

    def test(self, condition: Condition) -> Test:
        """Return SQL that is true of the rows that the condition is true of, and never null."""
        check(condition, self.kind)
        if condition.operator is Operator.IS_NULL:
            return self.value.is_(None)
        if condition.operator is Operator.IS_NOT_NULL:
            return self.value.is_not(None)
        found = compare(self.value, condition, self.kind)
        return sa.and_(self.value.is_not(None), found) if self.nullable else found


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a subject.

    Args:
        known: By name.
        aliases: Other names of them.
        key: The name of the attribute that is the subject's id.
    """

    known: Mapping[str, Attribute]
    key: str
    aliases: Mapping[str, str] = field(default_factory=dict)

    def named(self, name: Name, fault: type[InvalidFilter] = InvalidFilter) -> Attribute:
        """Return the attribute of that name."""
        key = self.aliases.get(name.key.lower(), name.key)
        searched = [
            known for known, attribute in self.known.items() if attribute.searched or fault is not InvalidFilter
        ]
        if key in searched:
            return self.known[key]
        listed = ", ".join(sorted(searched))
        close = nearest(name.key, searched)
        meant = f"Did you mean {close!r}? " if close else ""
        raise fault(
            position=name.position,
            found=name.written,
            expected=f"an attribute ({listed})",
            hint=f"{meant}Attributes: {listed}. Others name what they belong to, such as tags.{name.key[:60]}.",
        )

    def test(self, owner: Column, condition: Condition) -> Test:
        """Return SQL that is true of the rows that the condition is true of, and never null."""
        return self.named(condition.name).test(condition)

    def ids(self, condition: Condition, *more: Condition) -> Ids | None:
        """Return the ids that the condition names, when it is one on the id itself."""
        attribute = self.named(condition.name)
        if attribute is not self.known[self.key] or condition.operator not in (Operator.EQUAL, Operator.IN):
            return None
        return sa.select(attribute.value).where(self.test(attribute.value, condition))

    def sorting(self, owner: Column, order: Order, fault: type[InvalidFilter]) -> Sorting:
        """Return how rows are ordered by an attribute."""
        attribute = self.named(order.name, fault)
        values = attribute.sorted_by or (bytewise(attribute.value) if attribute.kind is Kind.TEXT else attribute.value,)
        terms = tuple(directed(value, order) for value in values)
        return Sorting((_absent(attribute.value), *terms) if attribute.nullable else terms)


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts by key in a table of their own: params, tags.

    Args:
        table: Its columns are the owner, `key` and `value`.
        owner: The name of the owner's column.
        absent_differs: Keys for which `!=` is also true of what lacks the key.
        indexed: Whether the table has an index on key and the value's start.
    """

    table: sa.Table
    owner: str
    absent_differs: frozenset[str] = frozenset()
    indexed: bool = True

    def test(self, owner: Column, condition: Condition) -> Test:
        """Return SQL that is true of the owners that the condition is true of, and never null."""
        check(condition, Kind.TEXT)
        row = row_of(self.table)
        of_key = (row.c[self.owner] == owner, row.c.key == condition.name.key)
        if condition.operator in NULLITY:
            there = _exists(row, *of_key)
            return there if condition.operator is Operator.IS_NOT_NULL else sa.not_(there)
        if condition.operator is Operator.DIFFERENT and condition.name.key in self.absent_differs:
            return sa.not_(_exists(row, *of_key, row.c.value == sa.literal(condition.values[0].value, sa.Text)))
        return _exists(row, *of_key, compare(row.c.value, condition, Kind.TEXT))

    def ids(self, condition: Condition, *more: Condition) -> Ids | None:
        """Return the ids of the owners whose text is one of those asked for."""
        if not self.indexed or condition.operator not in {Operator.EQUAL, Operator.IN}:
            return None
        texts = [str(each.value) for each in condition.values]
        row = row_of(self.table)
        starts = [sa.literal(text[:INDEXED_CHARACTERS], sa.Text) for text in texts]
        wanted = [row.c.key == condition.name.key, start_of(row).in_(starts)]
        if any(len(text) >= INDEXED_CHARACTERS for text in texts):
            wanted.append(row.c.value.in_([sa.literal(text, sa.Text) for text in texts]))
        return sa.select(row.c[self.owner]).where(*wanted)

    def sorting(self, owner: Column, order: Order, fault: type[InvalidFilter]) -> Sorting:
        """Return how owners are ordered by a text."""
        row = row_of(self.table)
        on = sa.and_(row.c[self.owner] == owner, row.c.key == order.name.key)
        return Sorting((_absent(row.c.value), directed(bytewise(row.c.value), order)), row, on)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The latest value of each metric by key."""

    table: sa.Table
    owner: str

    def restricted(self, row: sa.FromClause) -> tuple[Test, ...]:
        """Return the tests on a row of the table beside its owner and key."""
        return ()

    def test(self, owner: Column, condition: Condition) -> Test:
        """Return SQL that is true of the owners that the condition is true of, and never null."""
        check(condition, Kind.NUMBER, _METRIC)
        row = row_of(self.table)
        of_key = (row.c[self.owner] == owner, row.c.key == condition.name.key, *self.restricted(row))
        if condition.operator in NULLITY:
            there = _exists(row, *of_key)
            return there if condition.operator is Operator.IS_NOT_NULL else sa.not_(there)
        return _exists(row, *of_key, compare_metric(row.c.value, condition))

    def ids(self, condition: Condition, *more: Condition) -> Ids | None:
        """Return the ids of the owners whose value is in the range."""
        if condition.operator in (Operator.DIFFERENT, *NULLITY):
            return None
        row = row_of(self.table)
        ranges = [compare_metric(row.c.value, one) for one in (condition, *more)]
        return sa.select(row.c[self.owner]).where(row.c.key == condition.name.key, *self.restricted(row), *ranges)

    def sorting(self, owner: Column, order: Order, fault: type[InvalidFilter]) -> Sorting:
        """Return how owners are ordered by a metric: numbers, then NaN, then those without."""
        row = row_of(self.table)
        on = sa.and_(row.c[self.owner] == owner, row.c.key == order.name.key)
        return Sorting((number_first(row.c.value), directed(row.c.value, order)), row, on)


@cache
def _plain(table: sa.Table) -> sa.TableClause:
    return sa.table(table.name, *(sa.column(column.name, column.type) for column in table.c))


def row_of(table: sa.Table, name: str | None = None) -> sa.FromClause:
    """Return a row of a table under a name of its own; much less work than an alias of the declared table."""
    return _plain(table).alias(name)


def start_of(row: sa.FromClause) -> Column:
    """Return what the index of texts has of a value; written as the index is, or it would not be used."""
    return sa.func.substr(
        row.c.value, sa.literal_column("1"), sa.literal_column(str(INDEXED_CHARACTERS)), type_=sa.Text
    )


def directed(value: Column, order: Order) -> Column:
    """Return a value to order by, in the order's direction."""
    return value.desc() if order.descending else value.asc()


def number_first(value: Column) -> Column:
    """Return where a metric's value stands whatever the direction: a number 0, NaN 1, nothing 2."""
    return sa.case((value.is_(None), sa.literal_column("2")), (value == NAN, _ONE), else_=sa.literal_column("0"))


def _absent(value: Column) -> Column:
    return sa.case((value.is_(None), _ONE), else_=sa.literal_column("0"))


def _exists(row: sa.FromClause, *where: Test) -> Test:
    return sa.exists(sa.select(_ONE).select_from(row).where(*where).correlate_except(row))
