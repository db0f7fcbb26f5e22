"""The tables of projects and deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "projects",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("applied_at", sa.BigInteger, nullable=False),
        sa.Column("applied_by", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("trigger", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("gate_report", sa.Text),
        sa.Column("rollout", sa.Text),
        sa.Column("started_by", sa.Text, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("ix_deliveries_project", "deliveries", ["project", "started_at"])
    op.create_table(
        "delivery_events",
        sa.Column("delivery", sa.Text, sa.ForeignKey("deliveries.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("refs", sa.Text, nullable=False),
        sa.UniqueConstraint("delivery", "key", name="uq_delivery_events_delivery_key"),
    )
    op.create_table(
        "project_sightings",
        sa.Column("project", sa.Text, sa.ForeignKey("projects.name"), primary_key=True),
        sa.Column("dataset", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
