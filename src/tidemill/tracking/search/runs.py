"""Finds runs: the one search that must not look at every row.

Without statistics SQLite cannot know which of several conditions lets the fewest runs pass, so a search counts first,
each count ended early. Few runs by one condition: they are looked at one by one, and sorted. Otherwise an index is
walked in the order that was asked for, until the page is full: of the metric or param, in phases (numbers; NaN; runs
without it), each one only when the page reaches it, or of the start time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isqrt
from typing import Any

import sqlalchemy as sa

from tidemill.tracking.records import View
from tidemill.tracking.search.comparing import NULLITY, Kind, compare_metric
from tidemill.tracking.search.constructs import bytewise, unindexed
from tidemill.tracking.search.entities import (
    NAN,
    Attribute,
    Attributes,
    Column,
    Metrics,
    Sorting,
    Test,
    Texts,
    directed,
    row_of,
    start_of,
)
from tidemill.tracking.search.faults import InvalidOrder
from tidemill.tracking.search.finding import Rows, page, read_orders, seen
from tidemill.tracking.search.links import Inputs, Links, versions_of_dataset
from tidemill.tracking.search.parser import parse, parse_order
from tidemill.tracking.search.patience import within_time
from tidemill.tracking.search.syntax import COMPARATORS, Condition, Name, Node, Operator, Order
from tidemill.tracking.search.vocabulary import Vocabulary, joined
from tidemill.tracking.store.tables import experiments, is_there, metric_series, run_params, run_tags, runs

_WALK_ROWS = 50_000
"""How many rows a walk is taken to have, in halves: where looking one by one costs as much as walking."""
_MOST_COUNTS = 8
_NUMBERS = tuple(operator for operator in COMPARATORS if operator is not Operator.DIFFERENT)


def _artifact_uri() -> Column:
    own = experiments.alias()
    location = sa.select(own.c.artifact_location).where(own.c.experiment_id == runs.c.experiment_id)
    root = location.correlate_except(own).scalar_subquery()
    here = sa.literal("mlflow-artifacts:/", sa.Text).concat(runs.c.experiment_id)
    return sa.func.coalesce(sa.func.nullif(root, ""), here).concat("/").concat(runs.c.run_id).concat("/artifacts")


_PARAMS, _TAGS = Texts(run_params, "run_id"), Texts(run_tags, "run_id")
_METRICS, _DATASETS = Metrics(metric_series, "run_id"), Inputs()
_ATTRIBUTES = Attributes(
    known={
        "run_id": Attribute(Kind.TEXT, runs.c.run_id),
        "run_name": Attribute(Kind.TEXT, runs.c.name),
        "status": Attribute(Kind.TEXT, runs.c.status),
        "user_id": Attribute(Kind.TEXT, runs.c.user),
        "artifact_uri": Attribute(Kind.TEXT, _artifact_uri()),
        "start_time": Attribute(Kind.TIME, runs.c.start_time),
        "end_time": Attribute(Kind.TIME, runs.c.end_time, nullable=True),
    },
    key="run_id",
    aliases={"created": "start_time", "start time": "start_time", "run name": "run_name", "run id": "run_id"},
)
RUNS = Vocabulary(
    subject="runs",
    attributes=_ATTRIBUTES,
    entities={
        **dict.fromkeys(("metric", "metrics"), _METRICS),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), _PARAMS),
        **dict.fromkeys(("tag", "tags"), _TAGS),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), _ATTRIBUTES),
        **dict.fromkeys(("dataset", "datasets"), _DATASETS),
    },
    links=dict.fromkeys(("dataset", "datasets"), Links(versions_of_dataset, described=True)),
)


def find_run_ids(
    connection: sa.Connection,
    filter_text: str = "",
    order_by: Sequence[str | Order] = (),
    *,
    experiment_ids: Sequence[str] = (),
    view: View = "active",
    limit: int = 100,
    offset: int = 0,
    vocabulary: Vocabulary = RUNS,
) -> list[str]:
    """Return the ids of the runs that a filter lets pass, in order; ties by start time, newest first, then by id.

    Args:
        connection: The database.
        filter_text: A filter; an empty one lets every run pass.
        order_by: Keys such as `metrics.loss ASC`.
        experiment_ids: Only runs of these experiments; none means of all.
        view: Runs in use, in the trash, or both.
        limit: The most to return.
        offset: How many to leave out before the first.
        vocabulary: The words of filters; those of models come from the stage of models.

    Raises:
        InvalidFilter: If the filter is not in the language, or names what runs do not have.
        InvalidOrder: If a key to order by is none.
    """
    search = _Search(
        vocabulary,
        parse(filter_text).demands,
        (*read_orders(order_by, vocabulary),),
        (*dict.fromkeys(experiment_ids),),
        _seen(view),
    )
    search.check()
    with within_time(connection):
        return search.page(connection, limit, offset)


def count_runs(
    connection: sa.Connection,
    filter_text: str = "",
    *,
    experiment_ids: Sequence[str] = (),
    view: View = "active",
    vocabulary: Vocabulary = RUNS,
) -> int:
    """Return how many runs a filter lets pass; what is given is what `find_run_ids` takes."""
    search = _searched(filter_text, experiment_ids, view, vocabulary)
    with within_time(connection):
        return int(connection.execute(search.all(connection).count()).scalar_one())


def group_runs(
    connection: sa.Connection,
    by: str,
    filter_text: str = "",
    *,
    experiment_ids: Sequence[str] = (),
    view: View = "active",
    limit: int = 1000,
    vocabulary: Vocabulary = RUNS,
) -> list[tuple[str, int]]:
    """Return the values of a tag or param among the runs that a filter lets pass, and how many runs have each.

    Args:
        connection: The database.
        by: Such as `tags.team`.
        filter_text: A filter.
        experiment_ids: Only runs of these experiments; none means of all.
        view: Runs in use, in the trash, or both.
        limit: The most values; those of most runs come first.
        vocabulary: The words of filters.

    Raises:
        InvalidOrder: If `by` is neither a tag nor a param.
    """
    name = parse_order(by).name
    entity = vocabulary.entity(name, InvalidOrder)
    if not isinstance(entity, Texts):
        raise InvalidOrder(
            position=name.position,
            found=name.written,
            expected="a tag or a param",
            hint="Group by tags.team or params.optimizer.",
        )
    search = _searched(filter_text, experiment_ids, view, vocabulary)
    row = row_of(entity.table, "grouped")
    many = sa.func.count().label("many")
    with within_time(connection):
        found = search.all(connection)
        source = found.source.join(row, sa.and_(row.c[entity.owner] == runs.c.run_id, row.c.key == name.key))
        query = sa.select(row.c.value, many).select_from(source).where(*found.where).group_by(row.c.value)
        rows = connection.execute(query.order_by(many.desc(), bytewise(row.c.value)).limit(limit))
        return [(str(value), int(number)) for value, number in rows]


def _seen(view: View) -> tuple[Test, ...]:
    return seen(view, runs.c.lifecycle_stage == sa.literal("deleted", sa.Text), is_there(runs))


def _searched(filter_text: str, experiment_ids: Sequence[str], view: View, vocabulary: Vocabulary) -> "_Search":
    demands = parse(filter_text).demands
    search = _Search(vocabulary, demands, (), (*dict.fromkeys(experiment_ids),), _seen(view))
    search.check()
    return search


@dataclass(frozen=True, slots=True)
class _Search:
    """What is asked for: the terms that must all be true, and the order."""

    vocabulary: Vocabulary
    demands: tuple[Node, ...]
    orders: tuple[Order, ...]
    experiments: tuple[str, ...]
    view: tuple[Test, ...]

    def check(self) -> None:
        """Refuse what cannot be asked, before anything is counted."""
        self.tests(runs.c.run_id)
        self.sorts()

    def page(self, connection: sa.Connection, limit: int, offset: int) -> list[str]:
        """Return a page of ids."""
        few = self.few(connection, isqrt((limit + offset) * _WALK_ROWS))
        phases = [few] if few is not None else list(self.phases())
        found: list[str] = []
        for number, phase in enumerate(phases):
            here = page(connection, phase.ids(runs.c.run_id, limit - len(found), offset))
            found += here
            if len(found) >= limit or number == len(phases) - 1:
                break
            passed = offset and not here
            offset -= min(offset, int(connection.execute(phase.count()).scalar_one())) if passed else offset
        return found

    def all(self, connection: sa.Connection) -> Rows:
        """Return all that pass, in no order."""
        few = self.few(connection, _WALK_ROWS)
        where = (*self.of_experiments(walked=len(self.experiments) == 1), *self.view, *self.tests(runs.c.run_id))
        return few or Rows(runs, where)

    def tests(self, owner: Column) -> list[Test]:
        """Return the demands as SQL."""
        tests = [self.vocabulary.test(term, owner) for term in self.demands]
        return [joined(tests, all_of=True)] if tests else []

    def sorts(self, first: int = 0, *, walked: bool = False) -> list[Sorting]:
        """Return the order from one of its keys on, made total by start time and id."""
        asked = [self.vocabulary.sorting(order, runs.c.run_id, InvalidOrder) for order in self.orders[first:]]
        start = sa.type_coerce(runs.c.start_time, sa.BigInteger)
        ties = Sorting(((runs.c.start_time if walked else unindexed(start)).desc(), bytewise(runs.c.run_id)))
        return [*asked, ties]

    def of_experiments(self, *, walked: bool = False) -> list[Test]:
        """Return the test on the experiment; an index is used for it when it is to be walked."""
        if not self.experiments:
            return []
        column: Column = runs.c.experiment_id if walked else unindexed(runs.c.experiment_id)
        if len(self.experiments) == 1:
            return [column == sa.literal(self.experiments[0], sa.Text)]
        return [column.in_(self.experiments)]

    def few(self, connection: sa.Connection, most: int) -> Rows | None:
        """Return the runs to look at one by one, when one condition lets only few pass."""
        best: Callable[[], Rows] | None = None
        for rows, counted in self._ways():
            found = int(
                connection.execute(sa.select(sa.func.count()).select_from(counted.limit(most).subquery())).scalar_one()
            )
            if found < most:
                best, most = rows, max(found, 1)
        return best().by(*self.sorts()) if best else None

    def _ways(self) -> Iterator[tuple[Callable[[], Rows], Any]]:
        """Yield what gives the rows by way of one condition, and the ids that let pass to be counted."""
        for terms in self._groups()[:_MOST_COUNTS]:
            ids = self.vocabulary.ids(*terms)
            if ids is not None:
                rest = tuple(term for term in self.demands if term not in terms)
                yield partial(self._by_ids, ids, rest), ids
        if self.experiments and (len(self.experiments) > 1 or self.orders):
            home = self.of_experiments(walked=True)
            yield partial(self._of_home, home), sa.select(runs.c.run_id).where(*home)

    def _by_ids(self, ids: Any, rest: tuple[Node, ...]) -> Rows:  # noqa: ANN401 - a select or several
        tests = replace(self, demands=rest).tests(runs.c.run_id)
        return Rows(runs, (runs.c.run_id.in_(ids), *self.of_experiments(), *self.view, *tests))

    def _of_home(self, home: list[Test]) -> Rows:
        return Rows(runs, (*home, *self.view, *self.tests(runs.c.run_id)))

    def _groups(self) -> list[list[Node]]:
        """Return the demands, those on the value of one metric together."""
        ranges: dict[str, list[Node]] = {}
        groups: list[list[Node]] = []
        for term in self.demands:
            if (
                isinstance(term, Condition)
                and term.operator in _NUMBERS
                and isinstance(self.vocabulary.entity(term.name), Metrics)
            ):
                if term.name.key not in ranges:
                    groups.append(ranges.setdefault(term.name.key, []))
                ranges[term.name.key].append(term)
            else:
                groups.append([term])
        return groups

    def phases(self) -> Iterator[Rows]:
        """Return the runs in the order that was asked for, in parts that follow each other."""
        entity = self.vocabulary.entity(self.orders[0].name, InvalidOrder) if self.orders else None
        if isinstance(entity, Metrics):
            yield from self._by_metric(entity, self.orders[0])
        elif isinstance(entity, Texts):
            yield from self._by_text(entity, self.orders[0])
        else:
            one = len(self.experiments) == 1
            walked = not self.orders or entity is None
            where = (*self.of_experiments(walked=one), *self.view, *self.tests(runs.c.run_id))
            yield Rows(runs, where).by(*self._newest(walked=walked))

    def _newest(self, *, walked: bool) -> list[Sorting]:
        sorts = self.sorts(walked=walked)
        if (
            self.orders
            and self.vocabulary.attributes.named(self.orders[0].name, InvalidOrder).value is runs.c.start_time
        ):
            return [Sorting((directed(runs.c.start_time, self.orders[0]),)), *self.sorts(1)]
        return sorts

    def _by_metric(self, entity: Metrics, order: Order) -> Iterator[Rows]:
        row = row_of(entity.table, "ordered")
        mine = self._on(entity, order.name)
        ranges = [term for term in mine if term.operator in COMPARATORS]
        rest = replace(self, demands=tuple(term for term in self.demands if term not in ranges))
        source = row.join(runs, row.c[entity.owner] == runs.c.run_id)
        here = (row.c.key == order.name.key, *self.of_experiments(), *self.view, *rest.tests(row.c[entity.owner]))
        compared = [compare_metric(row.c.value, term) for term in ranges]
        numbers = Rows(source, (row.c.value != NAN, *compared, *here))
        yield numbers.by(Sorting((directed(row.c.value, order),)), *self.sorts(1))
        if not any(term.operator in _NUMBERS for term in ranges):
            yield Rows(source, (row.c.value == NAN, *here)).by(*self.sorts(1))
        if all(term.operator is Operator.IS_NULL for term in mine):
            yield self._without(entity, order)

    def _by_text(self, entity: Texts, order: Order) -> Iterator[Rows]:
        row = row_of(entity.table, "ordered")
        source = row.join(runs, row.c[entity.owner] == runs.c.run_id)
        here = (row.c.key == order.name.key, *self.of_experiments(), *self.view, *self.tests(row.c[entity.owner]))
        # The index has the start of the value: rows come in its order, and only equal starts are sorted.
        terms = tuple(directed(bytewise(value), order) for value in (start_of(row), row.c.value))
        yield Rows(source, here).by(Sorting(terms), *self.sorts(1))
        mine = self._on(entity, order.name)
        if all(term.operator in NULLITY[:1] for term in mine):
            yield self._without(entity, order)

    def _without(self, entity: Metrics | Texts, order: Order) -> Rows:
        row = row_of(entity.table, "ordered")
        one: Column = sa.literal_column("1")
        there = sa.select(one).where(row.c[entity.owner] == runs.c.run_id, row.c.key == order.name.key)
        where = (*self.of_experiments(walked=len(self.experiments) == 1), *self.view, *self.tests(runs.c.run_id))
        rows = Rows(runs, (*where, sa.not_(sa.exists(there.correlate_except(row)))))
        return rows.by(*self.sorts(1, walked=len(self.orders) == 1))

    def _on(self, entity: Metrics | Texts, name: Name) -> list[Condition]:
        """Return the demands on the key that is ordered by."""
        found = [term for term in self.demands if isinstance(term, Condition) and term.name.key == name.key]
        return [term for term in found if self.vocabulary.entity(term.name) is entity]
