"""The tables of pipelines and their runs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "sources",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("git", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pipeline_graphs",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("graph", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "pipeline_runs",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id"), primary_key=True),
        sa.Column("pipeline", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("source", sa.Text, sa.ForeignKey("sources.digest"), nullable=False),
        sa.Column("graph", sa.Text, sa.ForeignKey("pipeline_graphs.key"), nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("datasets", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("cancel_at", sa.BigInteger),
        sa.Column("result", sa.Text),
        sa.Column("failure", sa.Text),
    )
    op.create_index("ix_pipeline_runs_pipeline_created", "pipeline_runs", ["pipeline", "created_at"])
    op.create_index("ix_pipeline_runs_created", "pipeline_runs", ["created_at"])
    op.create_index("ix_pipeline_runs_status", "pipeline_runs", ["status"])
    op.create_table(
        "step_executions",
        sa.Column("run_id", sa.Text, sa.ForeignKey("pipeline_runs.run_id"), primary_key=True),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("output", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("worker", sa.Integer, nullable=False),
        sa.Column("usage", sa.Text, nullable=False),
        sa.Column("cached_from", sa.Text, nullable=False),
        sa.Column("failure", sa.Text),
        sa.Column("log", sa.Text),
    )
    op.create_table(
        "step_cache",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("logged", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Text, sa.ForeignKey("pipeline_runs.run_id"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "run_claims",
        sa.Column("run_id", sa.Text, sa.ForeignKey("pipeline_runs.run_id"), primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
