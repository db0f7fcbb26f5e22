"""Names of things that a run used or made: datasets, versions of them, models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tidemill.core.nearest import did_you_mean
from tidemill.data.store import dataset_versions
from tidemill.ledger.schema import lineage_edges
from tidemill.tracking.search.comparing import LISTS, Kind, check, compare
from tidemill.tracking.search.entities import Column, Ids, Sorting, Test
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.syntax import Condition, Linked, Operator, Order
from tidemill.tracking.store.tables import input_datasets, run_inputs

Things = Callable[[str, int | None], sa.Select[Any]]
"""Gives the kind and id in the ledger of the things of a name, and of a number when one is given."""

_FIELDS = ("name", "digest", "context")
_OPERATORS = (Operator.EQUAL, Operator.DIFFERENT, Operator.LIKE, Operator.ILIKE, *LISTS)
_INPUT, _VERSION = "input_dataset:", "dataset_version:"


def versions_of_dataset(name: str, number: int | None) -> sa.Select[Any]:
    """Return the versions of a dataset as things of the ledger."""
    table = dataset_versions.c
    found = sa.select(sa.literal("dataset_version", sa.Text).label("kind"), table.id.label("id"))
    found = found.where(table.dataset == sa.literal(name, sa.Text))
    return found if number is None else found.where(table.number == number)


def runs_linked_to(things: sa.Select[Any]) -> sa.CompoundSelect[Any]:
    """Return the ids of the runs with an edge from or to one of some things."""
    edge, thing = lineage_edges.alias(), things.subquery()
    used = sa.select(edge.c.target_id).where(
        edge.c.source_kind == thing.c.kind, edge.c.source_id == thing.c.id, edge.c.target_kind == "run"
    )
    edge, thing = lineage_edges.alias(), things.subquery()
    made = sa.select(edge.c.source_id).where(
        edge.c.target_kind == thing.c.kind, edge.c.target_id == thing.c.id, edge.c.source_kind == "run"
    )
    return sa.union_all(used, made)


def runs_described(name: str) -> Ids:
    """Return the ids of the runs that described an input dataset of that name themselves."""
    ref = sa.literal(_INPUT, sa.Text).concat(input_datasets.c.id)
    return sa.select(run_inputs.c.run_id).where(run_inputs.c.ref == ref, input_datasets.c.name == name)


@dataclass(frozen=True, slots=True)
class Links:
    """What a name that stands alone means: the runs that used or made the thing.

    Args:
        things: Gives the things of a name.
        described: Whether datasets that a run only described count too.
    """

    things: Things
    described: bool = False

    def ids(self, linked: Linked) -> sa.CompoundSelect[Any]:
        """Return the ids of the runs."""
        name = linked.name
        runs = runs_linked_to(self.things(name.key, name.version))
        if self.described and name.version is None:
            return sa.union_all(*runs.selects, runs_described(name.key))
        return runs


@dataclass(frozen=True, slots=True)
class Inputs:
    """The datasets that a run used, by name, digest and context; a condition asks whether one of them meets it."""

    def test(self, owner: Column, condition: Condition) -> Test:
        """Return SQL that is true of the runs that the condition is true of, and never null."""
        field = condition.name.key
        if field not in _FIELDS:
            raise InvalidFilter(
                position=condition.name.position,
                found=condition.name.written,
                expected="dataset.name, dataset.digest or dataset.context",
                hint=f"{did_you_mean(field, _FIELDS)} A dataset itself stands alone: dataset.flights@3.",
            )
        check(condition, Kind.TEXT, _OPERATORS)
        used, given, version = run_inputs.alias(), input_datasets.alias(), dataset_versions.alias()
        joined = used.outerjoin(given, _refers(used, _INPUT, given)).outerjoin(
            version, _refers(used, _VERSION, version)
        )
        value = {
            "name": sa.func.coalesce(given.c.name, version.c.dataset),
            "digest": sa.func.coalesce(given.c.digest, version.c.digest),
            "context": sa.case((sa.or_(given.c.id.is_not(None), version.c.id.is_not(None)), used.c.context)),
        }[field]
        one: Column = sa.literal_column("1")
        found = sa.select(one).select_from(joined).where(used.c.run_id == owner)
        return sa.exists(found.where(compare(value, condition, Kind.TEXT)).correlate_except(used, given, version))

    def ids(self, condition: Condition, *more: Condition) -> Ids | None:
        """Return nothing: no index has the runs of a description together."""

    def sorting(self, owner: Column, order: Order, fault: type[InvalidFilter]) -> Sorting:
        """Refuse: a run may have many datasets."""
        raise fault(
            position=order.name.position,
            found=order.name.written,
            expected="a metric, param, tag or attribute",
            hint="A run may have many datasets; order by something that it has one of.",
        )


def _refers(used: sa.FromClause, prefix: str, table: sa.FromClause) -> Test:
    return sa.and_(
        used.c.ref.startswith(prefix),
        table.c.id == sa.func.substr(used.c.ref, sa.literal_column(str(len(prefix) + 1)), type_=sa.Text),
    )
