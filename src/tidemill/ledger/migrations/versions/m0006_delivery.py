"""The tables of delivery."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "gate_reports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("champion", sa.Integer),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("results", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("holdout", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.create_index("ix_gate_reports_model", "gate_reports", ["model", "version", "created_at"])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("gate_report", sa.Text, sa.ForeignKey("gate_reports.id"), nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("own_work", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_approvals_gate_report", "approvals", ["gate_report"])
    op.create_table(
        "endpoints",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("time", sa.Text),
        sa.Column("passthrough", sa.Text, nullable=False),
        sa.Column("sticky", sa.Text),
        sa.Column("targets", sa.Text, nullable=False),
        sa.Column("stable", sa.Text),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("served_revision", sa.BigInteger, nullable=False),
        sa.Column("served", sa.Text),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, sa.ForeignKey("endpoints.name"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("model_version_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("gate_report", sa.Text, sa.ForeignKey("gate_reports.id")),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.UniqueConstraint("endpoint", "number", name="uq_deployments_endpoint_number"),
    )
    op.create_table(
        "endpoint_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, sa.ForeignKey("endpoints.name"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.UniqueConstraint("hash", name="uq_endpoint_tokens_hash"),
    )
    op.create_index("ix_endpoint_tokens_endpoint", "endpoint_tokens", ["endpoint"])
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, sa.ForeignKey("endpoints.name"), nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text, sa.ForeignKey("deployments.id"), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("share", sa.Float(53), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("ix_rollouts_endpoint", "rollouts", ["endpoint", "started_at"])
    op.create_table(
        "rollout_events",
        sa.Column("rollout", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.UniqueConstraint("rollout", "key", name="uq_rollout_events_rollout_key"),
    )
