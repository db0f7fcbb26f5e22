"""Finds registered models and versions by filters; gives searches for runs the models that they name."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tidemill.models.prompts import TAG, left_out
from tidemill.models.store import model_tags, model_version_tags, model_versions, models
from tidemill.tracking.records import View
from tidemill.tracking.search.comparing import Kind
from tidemill.tracking.search.constructs import bytewise
from tidemill.tracking.search.entities import Attribute, Attributes, Sorting, Texts
from tidemill.tracking.search.finding import Rows, find, seen
from tidemill.tracking.search.links import Links, versions_of_dataset
from tidemill.tracking.search.runs import RUNS
from tidemill.tracking.search.syntax import Order
from tidemill.tracking.search.vocabulary import Vocabulary

_PROMPT = frozenset({TAG})
"""Clients that search for models ask that this is not 'true', and mean also the models that lack it."""

_ATTRIBUTES = ("attribute", "attributes", "attr")
_MODELS = Attributes(
    known={
        "name": Attribute(Kind.TEXT, models.c.name),
        "creation_timestamp": Attribute(Kind.TIME, models.c.created_at),
        "last_updated_timestamp": Attribute(Kind.TIME, models.c.updated_at),
    },
    key="name",
    aliases={"timestamp": "last_updated_timestamp"},
)
MODELS = Vocabulary(
    subject="registered models",
    attributes=_MODELS,
    entities={
        **dict.fromkeys(("tag", "tags"), Texts(model_tags, "model", absent_differs=_PROMPT, indexed=False)),
        **dict.fromkeys(_ATTRIBUTES, _MODELS),
    },
    links={},
)
_VERSIONS = Attributes(
    known={
        "id": Attribute(Kind.TEXT, model_versions.c.id, searched=False),
        "name": Attribute(Kind.TEXT, model_versions.c.model),
        "run_id": Attribute(Kind.TEXT, model_versions.c.run_id, nullable=True),
        "version_number": Attribute(Kind.NUMBER, model_versions.c.number),
        "source_path": Attribute(Kind.TEXT, model_versions.c.source),
        "creation_timestamp": Attribute(Kind.TIME, model_versions.c.created_at),
        "last_updated_timestamp": Attribute(Kind.TIME, model_versions.c.updated_at),
    },
    key="id",
    aliases={"version": "version_number"},
)
MODEL_VERSIONS = Vocabulary(
    subject="model versions",
    attributes=_VERSIONS,
    entities={
        **dict.fromkeys(
            ("tag", "tags"), Texts(model_version_tags, "version_id", absent_differs=_PROMPT, indexed=False)
        ),
        **dict.fromkeys(_ATTRIBUTES, _VERSIONS),
    },
    links=dict.fromkeys(("dataset", "datasets"), Links(versions_of_dataset, described=True)),
    run=model_versions.c.run_id,
)


def _versions_of(name: str, number: int | None) -> sa.Select[Any]:
    """Return the versions of a model, and the logged models they were made from, as things of the ledger."""
    table = model_versions.c
    version = sa.select(sa.literal("model_version", sa.Text).label("kind"), table.id.label("id"))
    logged = sa.select(sa.literal("logged_model", sa.Text).label("kind"), table.logged_model_id.label("id"))
    wanted = [table.model == sa.literal(name, sa.Text), *([] if number is None else [table.number == number])]
    things = sa.union_all(version.where(*wanted), logged.where(table.logged_model_id != "", *wanted)).subquery()
    return sa.select(things.c.kind, things.c.id)


RUNS_AND_MODELS = RUNS.with_links(Links(_versions_of), "model", "models")
"""The words of a search for runs, with models that a run used or made."""


def find_model_names(
    connection: sa.Connection,
    filter_text: str,
    order_by: Sequence[str | Order],
    *,
    view: View = "active",
    limit: int,
    offset: int,
) -> list[str]:
    """Return the names of the models that a filter lets pass, in order; ties and no order: by name.

    Raises:
        InvalidFilter: If the filter is not in the language, or names what models do not have.
        InvalidOrder: If a key to order by is none.
    """
    rows = Rows(models, seen(view, models.c.deleted_at.is_not(None))).only(*left_out(filter_text, models.c.name))
    by_name = Sorting((bytewise(models.c.name),))
    return find(connection, MODELS, rows, filter_text, order_by, by_name, limit=limit, offset=offset)


def find_version_ids(
    connection: sa.Connection,
    filter_text: str,
    order_by: Sequence[str | Order],
    *,
    view: View = "active",
    limit: int,
    offset: int,
) -> list[str]:
    """Return the ids of the versions that a filter lets pass, in order; ties and no order: changed last first.

    Raises:
        InvalidFilter: If the filter is not in the language, or names what versions do not have.
        InvalidOrder: If a key to order by is none.
    """
    table = model_versions.c
    changed = Sorting((table.updated_at.desc(), bytewise(table.model), table.number.desc()))
    rows = Rows(model_versions, seen(view, table.deleted_at.is_not(None))).only(*left_out(filter_text, table.model))
    return find(connection, MODEL_VERSIONS, rows, filter_text, order_by, changed, limit=limit, offset=offset)
