"""Finds experiments and logged models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from tidemill.tracking.records import View
from tidemill.tracking.search.comparing import Kind
from tidemill.tracking.search.constructs import bytewise
from tidemill.tracking.search.entities import (
    Attribute,
    Attributes,
    Column,
    Metrics,
    Sorting,
    Test,
    Texts,
    directed,
    number_first,
)
from tidemill.tracking.search.faults import InvalidFilter
from tidemill.tracking.search.finding import Rows, find, seen
from tidemill.tracking.search.links import Links, versions_of_dataset
from tidemill.tracking.search.parser import parse
from tidemill.tracking.search.syntax import All, Condition, Either, Node, Not, Order
from tidemill.tracking.search.vocabulary import Vocabulary
from tidemill.tracking.store.tables import (
    experiment_tags,
    experiments,
    is_there,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)

Dataset = tuple[str, str]
"""A dataset's name and its digest; an empty digest is any."""

_EXPERIMENTS = Attributes(
    known={
        "experiment_id": Attribute(
            Kind.TEXT,
            experiments.c.experiment_id,
            # Ids are whole numbers written as texts: the longer one is the larger.
            sorted_by=(sa.func.length(experiments.c.experiment_id), bytewise(experiments.c.experiment_id)),
        ),
        "name": Attribute(Kind.TEXT, experiments.c.name),
        "creation_time": Attribute(Kind.TIME, experiments.c.created_at),
        "last_update_time": Attribute(Kind.TIME, experiments.c.updated_at),
    },
    key="experiment_id",
    aliases={"created": "creation_time", "last_updated": "last_update_time"},
)
_ATTRIBUTES = ("attribute", "attributes", "attr")
EXPERIMENTS = Vocabulary(
    subject="experiments",
    attributes=_EXPERIMENTS,
    entities={
        **dict.fromkeys(("tag", "tags"), Texts(experiment_tags, "experiment_id", indexed=False)),
        **dict.fromkeys((*_ATTRIBUTES, "experiment"), _EXPERIMENTS),
    },
    links={},
)
_MODELS = Attributes(
    known={
        "model_id": Attribute(Kind.TEXT, logged_models.c.model_id),
        "name": Attribute(Kind.TEXT, logged_models.c.name),
        "model_type": Attribute(Kind.TEXT, logged_models.c.model_type),
        "status": Attribute(Kind.TEXT, logged_models.c.status),
        "source_run_id": Attribute(Kind.TEXT, logged_models.c.source_run_id, nullable=True),
        "creation_timestamp": Attribute(Kind.TIME, logged_models.c.created_at),
        "last_updated_timestamp": Attribute(Kind.TIME, logged_models.c.updated_at),
    },
    key="model_id",
    aliases={"creation_time": "creation_timestamp", "last_updated_time": "last_updated_timestamp"},
)


@dataclass(frozen=True, slots=True)
class _Measured(Metrics):
    """The metrics of logged models: measured by several runs, on several datasets; a condition asks for one of them.

    Args:
        datasets: Only values measured on one of these.
    """

    datasets: tuple[Dataset, ...] = ()

    def restricted(self, row: sa.FromClause) -> tuple[Test, ...]:
        """Return the test on the dataset."""
        return (_measured_on(row, self.datasets),) if self.datasets else ()

    def sorting(self, owner: Column, order: Order, fault: type[InvalidFilter]) -> Sorting:
        """Return how models are ordered by the value that was measured last."""
        row = self.table.alias()
        query = sa.select(row.c.value).where(row.c[self.owner] == owner, row.c.key == order.name.key)
        if order.dataset_name:
            query = query.where(_measured_on(row, ((order.dataset_name, order.dataset_digest),)))
        else:
            query = query.where(*self.restricted(row))
        newest = query.order_by(row.c.timestamp.desc(), row.c.step.desc(), row.c.value.desc()).limit(1)
        value = newest.correlate_except(row).scalar_subquery()
        return Sorting((number_first(value), directed(value, order)))


def _measured_on(row: sa.FromClause, datasets: Sequence[Dataset]) -> Test:
    return sa.or_(
        *(
            sa.and_(row.c.dataset_name == name, row.c.dataset_digest == digest)
            if digest
            else row.c.dataset_name == name
            for name, digest in datasets
        )
    )


LOGGED_MODELS = Vocabulary(
    subject="logged models",
    attributes=_MODELS,
    entities={
        **dict.fromkeys(("metric", "metrics"), _Measured(logged_model_metrics, "model_id")),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), Texts(logged_model_params, "model_id")),
        **dict.fromkeys(("tag", "tags"), Texts(logged_model_tags, "model_id")),
        **dict.fromkeys((*_ATTRIBUTES, "model"), _MODELS),
    },
    links=dict.fromkeys(("dataset", "datasets"), Links(versions_of_dataset, described=True)),
    run=logged_models.c.source_run_id,
)


def find_experiment_ids(
    connection: sa.Connection,
    filter_text: str = "",
    order_by: Sequence[str | Order] = (),
    *,
    view: View = "active",
    limit: int = 100,
    offset: int = 0,
) -> list[str]:
    """Return the ids of the experiments that a filter lets pass, in order; ties and no order: newest first.

    Raises:
        InvalidFilter: If the filter is not in the language, or names what experiments do not have.
        InvalidOrder: If a key to order by is none.
    """
    deleted = experiments.c.lifecycle_stage == sa.literal("deleted", sa.Text)
    rows = Rows(experiments, seen(view, deleted, is_there(experiments)))
    newest = Sorting((experiments.c.created_at.desc(), bytewise(experiments.c.experiment_id)))
    return find(connection, EXPERIMENTS, rows, filter_text, order_by, newest, limit=limit, offset=offset)


def find_logged_model_ids(
    connection: sa.Connection,
    filter_text: str = "",
    order_by: Sequence[str | Order] = (),
    *,
    experiment_ids: Sequence[str] = (),
    datasets: Sequence[Dataset] = (),
    view: View = "active",
    limit: int = 100,
    offset: int = 0,
) -> list[str]:
    """Return the ids of the logged models that a filter lets pass, in order; ties and no order: newest first.

    Args:
        connection: The database.
        filter_text: A filter; an empty one lets every model pass.
        order_by: Keys such as `metrics.loss ASC`.
        experiment_ids: Only models of these experiments; none means of all.
        datasets: Only metrics measured on these count; a filter without metrics then asks for models with any.
        view: Models in use, in the trash, or both.
        limit: The most to return.
        offset: How many to leave out before the first.

    Raises:
        InvalidFilter: If the filter is not in the language, or names what logged models do not have.
        InvalidOrder: If a key to order by is none.
    """
    rows = Rows(logged_models, seen(view, logged_models.c.deleted_at.is_not(None), is_there(logged_models)))
    if experiment_ids:
        rows = rows.only(logged_models.c.experiment_id.in_(experiment_ids))
    vocabulary = LOGGED_MODELS
    if datasets:
        measured = _Measured(logged_model_metrics, "model_id", datasets=tuple(datasets))
        vocabulary = replace(
            LOGGED_MODELS, entities={**LOGGED_MODELS.entities, "metric": measured, "metrics": measured}
        )
        if not _asks_for_metrics(parse(filter_text).root):
            row = logged_model_metrics.alias()
            rows = rows.only(logged_models.c.model_id.in_(sa.select(row.c.model_id).where(_measured_on(row, datasets))))
    newest = Sorting((logged_models.c.created_at.desc(), bytewise(logged_models.c.model_id)))
    return find(connection, vocabulary, rows, filter_text, order_by, newest, limit=limit, offset=offset)


def _asks_for_metrics(node: Node | None) -> bool:
    match node:
        case Condition():
            return node.name.entity in ("metric", "metrics")
        case Not():
            return _asks_for_metrics(node.term)
        case All() | Either():
            return any(_asks_for_metrics(term) for term in node.terms)
        case _:
            return False
