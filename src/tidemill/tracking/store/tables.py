"""The tables of experiments, runs and logged models."""

import sqlalchemy as sa

from tidemill.core.moments import from_us
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata

_SERIES_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
INDEXED_CHARACTERS = 64
"""How much of a param's or tag's value its index holds: a whole one may be too long for PostgreSQL's."""
_NOT_AN_OBJECT = {"object": False}
LEAVING = from_us(0)
"""The moment of deletion of what is being removed for good: its rows go in pieces, and nobody sees it any more."""


def is_there(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the test that a row is not being removed for good."""
    return sa.or_(table.c.deleted_at.is_(None), table.c.deleted_at != LEAVING)


experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("experiment_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("artifact_location", sa.Text, nullable=False),
    sa.Column("lifecycle_stage", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("updated_at", MomentColumn, nullable=False),
    sa.Column("deleted_at", MomentColumn),
)
experiment_tags = sa.Table(
    "experiment_tags",
    metadata,
    sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("lifecycle_stage", sa.Text, nullable=False),
    sa.Column("start_time", MomentColumn, nullable=False),
    sa.Column("end_time", MomentColumn),
    sa.Column("deleted_at", MomentColumn),
    sa.Index("ix_runs_experiment_start", "experiment_id", "start_time"),
    sa.Index("ix_runs_start", "start_time"),
)


def _texts(name: str, owner: str, owners: str) -> sa.Table:
    """Return a table of texts by key; a filter for equality walks its index and then compares the whole value."""
    table = sa.Table(
        name,
        metadata,
        sa.Column(owner, sa.Text, sa.ForeignKey(owners), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    start = sa.text(f"substr(value, 1, {INDEXED_CHARACTERS})")
    sa.Index(f"ix_{name}_value", table.c.key, start, table.c[owner])
    return table


run_params = _texts("run_params", "run_id", "runs.run_id")
run_tags = _texts("run_tags", "run_id", "runs.run_id")
metric_series = sa.Table(
    "metric_series",
    metadata,
    sa.Column("id", _SERIES_ID, primary_key=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Float(53), nullable=False),
    sa.UniqueConstraint("run_id", "key"),
    sa.Index("ix_metric_series_value", "key", "value", "run_id"),
)
"""One metric of one run with its latest point: the one of the largest step, then time, then value."""
metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("series", _SERIES_ID, sa.ForeignKey("metric_series.id"), primary_key=True, autoincrement=False),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("timestamp", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Float(53), primary_key=True),
    sqlite_with_rowid=False,
)
input_datasets = sa.Table(
    "input_datasets",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, info=_NOT_AN_OBJECT),
    sa.Column("source_type", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("schema", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
    sa.UniqueConstraint("experiment_id", "name", "digest"),
)
run_inputs = sa.Table(
    "run_inputs",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("tags", JsonColumn),
    sa.Index("ix_run_inputs_ref", "ref"),
)
logged_models = sa.Table(
    "logged_models",
    metadata,
    sa.Column("model_id", sa.Text, primary_key=True),
    sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source_run_id", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_message", sa.Text, nullable=False),
    sa.Column("model_type", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("updated_at", MomentColumn, nullable=False),
    sa.Column("deleted_at", MomentColumn),
    sa.Index("ix_logged_models_experiment_created", "experiment_id", "created_at"),
    sa.Index("ix_logged_models_source_run_id", "source_run_id"),
)
logged_model_params = _texts("logged_model_params", "model_id", "logged_models.model_id")
logged_model_tags = _texts("logged_model_tags", "model_id", "logged_models.model_id")
logged_model_metrics = sa.Table(
    "logged_model_metrics",
    metadata,
    sa.Column("model_id", sa.Text, sa.ForeignKey("logged_models.model_id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("dataset_name", sa.Text, primary_key=True),
    sa.Column("dataset_digest", sa.Text, primary_key=True, info=_NOT_AN_OBJECT),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("timestamp", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Float(53), primary_key=True),
    sa.Index("ix_logged_model_metrics_value", "key", "value", "model_id"),
)
run_outputs = sa.Table(
    "run_outputs",
    metadata,
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("model_id", sa.Text, sa.ForeignKey("logged_models.model_id"), primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
)


def _files(name: str, owner: str, owners: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column(owner, sa.Text, sa.ForeignKey(owners), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )


run_artifacts = _files("run_artifacts", "run_id", "runs.run_id")
logged_model_artifacts = _files("logged_model_artifacts", "model_id", "logged_models.model_id")
carried = sa.Table(
    "carried",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("foreign_id", sa.Text, primary_key=True),
    sa.Column("local_id", sa.Text, nullable=False),
    sa.Column("mark", sa.Text, nullable=False),
    sa.Column("brought", JsonColumn),
)
"""What was taken from other trackers, under which id it stands here, what it was made of then, and with which tags."""

transfers = sa.Table(
    "transfers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("tracker", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("of", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", MomentColumn, nullable=False),
    sa.Column("started_by", sa.Text, nullable=False),
    sa.Column("ended_at", MomentColumn),
    sa.Column("report", JsonColumn, nullable=False),
)
