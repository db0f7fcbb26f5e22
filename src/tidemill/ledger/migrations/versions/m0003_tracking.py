"""The tables of experiments, runs and logged models."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SERIES_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create them, and the experiment that is there from the start."""
    _create_experiments()
    _create_runs()
    _create_metrics()
    _create_inputs()
    _create_logged_models()
    _create_artifacts()
    _create_carried()
    _insert_default()


def _insert_default() -> None:
    now = time.time_ns() // 1000
    row = {"experiment_id": "0", "name": "Default", "artifact_location": "", "lifecycle_stage": "active"}
    texts = [sa.column(name, sa.Text) for name in row]
    times = [sa.column(name, sa.BigInteger) for name in ("created_at", "updated_at")]
    op.bulk_insert(sa.table("experiments", *texts, *times), [{**row, "created_at": now, "updated_at": now}])


def _create_experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("artifact_location", sa.Text, nullable=False),
        sa.Column("lifecycle_stage", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
        sa.UniqueConstraint("name", name="uq_experiments_name"),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("lifecycle_stage", sa.Text, nullable=False),
        sa.Column("start_time", sa.BigInteger, nullable=False),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("ix_runs_experiment_start", "runs", ["experiment_id", "start_time"])
    op.create_index("ix_runs_start", "runs", ["start_time"])
    for name in ("run_params", "run_tags"):
        _create_texts(name, "run_id", "runs.run_id")


def _create_texts(name: str, owner: str, owners: str) -> None:
    op.create_table(
        name,
        sa.Column(owner, sa.Text, sa.ForeignKey(owners), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index(f"ix_{name}_value", name, ["key", sa.text("substr(value, 1, 64)"), owner])


def _create_metrics() -> None:
    op.create_table(
        "metric_series",
        sa.Column("id", _SERIES_ID, primary_key=True),
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.UniqueConstraint("run_id", "key", name="uq_metric_series_run_id_key"),
    )
    op.create_index("ix_metric_series_value", "metric_series", ["key", "value", "run_id"])
    op.create_table(
        "metrics",
        sa.Column("series", _SERIES_ID, sa.ForeignKey("metric_series.id"), primary_key=True, autoincrement=False),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("timestamp", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Float(53), primary_key=True),
        sqlite_with_rowid=False,
    )


def _create_inputs() -> None:
    op.create_table(
        "input_datasets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.UniqueConstraint("experiment_id", "name", "digest", name="uq_input_datasets_experiment_id_name_digest"),
    )
    op.create_table(
        "run_inputs",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("context", sa.Text, primary_key=True),
        sa.Column("tags", sa.Text),
    )
    op.create_index("ix_run_inputs_ref", "run_inputs", ["ref"])


def _create_logged_models() -> None:
    op.create_table(
        "logged_models",
        sa.Column("model_id", sa.Text, primary_key=True),
        sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.experiment_id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("source_run_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_message", sa.Text, nullable=False),
        sa.Column("model_type", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("ix_logged_models_experiment_created", "logged_models", ["experiment_id", "created_at"])
    op.create_index("ix_logged_models_source_run_id", "logged_models", ["source_run_id"])
    for name in ("logged_model_params", "logged_model_tags"):
        _create_texts(name, "model_id", "logged_models.model_id")
    op.create_table(
        "logged_model_metrics",
        sa.Column("model_id", sa.Text, sa.ForeignKey("logged_models.model_id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("dataset_name", sa.Text, primary_key=True),
        sa.Column("dataset_digest", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("timestamp", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Float(53), primary_key=True),
    )
    op.create_index("ix_logged_model_metrics_value", "logged_model_metrics", ["key", "value", "model_id"])
    op.create_table(
        "run_outputs",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
        sa.Column("model_id", sa.Text, sa.ForeignKey("logged_models.model_id"), primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
    )


def _create_artifacts() -> None:
    for name, owner, owners in (
        ("run_artifacts", "run_id", "runs.run_id"),
        ("logged_model_artifacts", "model_id", "logged_models.model_id"),
    ):
        op.create_table(
            name,
            sa.Column(owner, sa.Text, sa.ForeignKey(owners), primary_key=True),
            sa.Column("path", sa.Text, primary_key=True),
            sa.Column("digest", sa.Text, nullable=False),
            sa.Column("size", sa.BigInteger, nullable=False),
        )


def _create_carried() -> None:
    op.create_table(
        "carried",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("source", "kind", "foreign_id")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("local_id", "mark")),
        sa.Column("brought", sa.Text),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("direction", "tracker", "place", "of", "status")),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("started_by", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("report", sa.Text, nullable=False),
    )
