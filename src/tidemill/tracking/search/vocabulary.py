"""What can be said of one subject, such as runs; and filters as SQL in its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from tidemill.core.nearest import nearest
from tidemill.tracking.search.constructs import together
from tidemill.tracking.search.entities import Attributes, Column, Entity, Ids, Sorting, Test
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.links import Links
from tidemill.tracking.search.syntax import All, Condition, Either, Linked, Name, Node, Not, Order

_MOST_PARTS = 20
_WIDEST = 50
"""Terms that are joined at once: SQLite refuses expressions that are 1,000 deep, and one AND is one deeper."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one subject.

    Args:
        subject: What is searched, in the plural, for messages.
        attributes: What each has of itself; also what a name without an entity means.
        entities: What else a name can belong to, by each of the words for it.
        links: What a name that stands alone can belong to.
        run: The column with the run of a row, for links.
    """

    subject: str
    attributes: Attributes
    entities: Mapping[str, Entity]
    links: Mapping[str, Links]
    run: Column | None = None

    def with_links(self, links: Links, *words: str) -> "Vocabulary":
        """Return these words and some for another thing that runs use or make."""
        return replace(self, links={**self.links, **dict.fromkeys(words, links)})

    def entity(self, name: Name, fault: type[InvalidFilter] = InvalidFilter) -> Entity:
        """Return what a name belongs to.

        Raises:
            InvalidFilter: If the subject has nothing of that name.
        """
        if not name.entity:
            return self.attributes
        if name.entity in self.entities:
            return self.entities[name.entity]
        if name.entity in self.links:
            raise fault(
                position=name.end,
                found="",
                expected="AND, OR or the end",
                hint=f"{name.entity}.{name.key[:60]} stands alone, without an operator and a value.",
                message=f"{name.written[:60]!r} of a search for {self.subject} cannot be compared or ordered by",
            )
        raise self._unknown(name, [*self.entities, *self.links], fault)

    def linked(self, linked: Linked) -> Links:
        """Return what a name that stands alone belongs to.

        Raises:
            InvalidFilter: If it may not stand alone.
        """
        name = linked.name
        if name.entity in self.links:
            return self.links[name.entity]
        if name.entity in self.entities:
            raise InvalidFilter(
                position=name.end,
                found=linked.found,
                expected="an operator",
                hint=f"Compare {name.written[:60]} with a value, or write IS NOT NULL.",
            )
        raise self._unknown(name, [*self.entities, *self.links], InvalidFilter)

    def test(self, node: Node | None, owner: Column) -> Test:
        """Return SQL that is true of the owners that a tree is true of, and never null.

        Raises:
            InvalidFilter: If the tree names what the subject does not have, or compares with a value of another kind.
        """
        match node:
            case None:
                return sa.true()
            case Condition():
                return self.entity(node.name).test(owner, node)
            case Linked():
                ids = self.linked(node).ids(node)
                return sa.and_(self.run.is_not(None), self.run.in_(ids)) if self.run is not None else owner.in_(ids)
            case Not():
                return sa.not_(self.test(node.term, owner))
            case All():
                return joined([self.test(term, owner) for term in node.terms], all_of=True)
            case Either():
                return joined([self.test(term, owner) for term in node.terms], all_of=False)

    def ids(self, *terms: Node) -> Ids | sa.CompoundSelect[Any] | None:
        """Return the ids of the owners that one term is true of, where an index has them together.

        Several terms are conditions on one metric: both ends of a range.
        """
        term = terms[0]
        if isinstance(term, Condition):
            entity = self.entity(term.name)
            return entity.ids(term, *(more for more in terms[1:] if isinstance(more, Condition)))
        if isinstance(term, Linked) and self.run is None:
            return self.linked(term).ids(term)
        if isinstance(term, Either):
            parts = [self.ids(part) for part in term.terms]
            known = [part for part in parts if part is not None]
            return (
                sa.union_all(*(one for part in known for one in _selects(part)))
                if len(known) == len(parts) <= _MOST_PARTS
                else None
            )
        return None

    def sorting(self, order: Order, owner: Column, fault: type[InvalidFilter]) -> Sorting:
        """Return how rows are ordered by a key."""
        return self.entity(order.name, fault).sorting(owner, order, fault)

    def _unknown(self, name: Name, known: list[str], fault: type[InvalidFilter]) -> InvalidFilter:
        listed = ", ".join(sorted(known))
        close = nearest(name.entity, known)
        meant = f"Did you mean {close}.{name.key[:60]}? " if close else ""
        return fault(
            position=name.position,
            found=name.written,
            expected=f"a key of {self.subject}",
            hint=f"{meant}Before the dot stands one of: {listed}. A key with dots of its own goes into `back quotes`.",
        )


def _selects(ids: Ids | sa.CompoundSelect[Any]) -> Sequence[Any]:
    return ids.selects if isinstance(ids, sa.CompoundSelect) else (ids,)


def joined(tests: list[Test], *, all_of: bool) -> Test:
    """Return one test of many, shallow enough for SQLite."""
    join = sa.and_ if all_of else sa.or_
    while len(tests) > _WIDEST:
        parts = [tests[start : start + _WIDEST] for start in range(0, len(tests), _WIDEST)]
        tests = [together(join(*part)) for part in parts]
    return join(*tests)
