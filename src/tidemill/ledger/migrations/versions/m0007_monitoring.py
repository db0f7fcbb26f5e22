"""The tables of the stage monitoring."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    _create_captured()
    _create_feedback()
    _create_windows()
    _create_alerts()


def _create_captured() -> None:
    op.create_table(
        "capture_sources",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("sealed", sa.BigInteger, nullable=False),
        sa.Column("torn", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("faults", sa.BigInteger, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("first_event", sa.BigInteger, nullable=False),
        sa.Column("last_event", sa.BigInteger, nullable=False),
        sa.Column("first_id", sa.Text, nullable=False),
        sa.Column("last_id", sa.Text, nullable=False),
        sa.Column("sealed_at", sa.BigInteger, nullable=False),
        sa.Column("watermark", sa.BigInteger, nullable=False),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.UniqueConstraint(
            "source", "start", "endpoint", "deployment", name="uq_segments_source_start_endpoint_deployment"
        ),
    )
    op.create_index("ix_segments_endpoint_at", "segments", ["endpoint", "last_at"])
    op.create_index("ix_segments_endpoint_event", "segments", ["endpoint", "last_event"])
    op.create_index("ix_segments_last_id", "segments", ["last_id"])
    op.create_index("ix_segments_counted", "segments", ["counted"])


def _create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("prediction_id", sa.Text, nullable=False),
        sa.Column("truth", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("joined", sa.Boolean, nullable=False),
        sa.UniqueConstraint(
            "endpoint", "prediction_id", "truth", "at", name="uq_feedback_endpoint_prediction_id_truth_at"
        ),
    )
    op.create_index("ix_feedback_joined", "feedback", ["joined", "endpoint"])
    op.create_table(
        "feedback_batches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("first_id", sa.Text, nullable=False),
        sa.Column("last_id", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("joined", sa.Boolean, nullable=False),
        sa.UniqueConstraint("endpoint", "digest", name="uq_feedback_batches_endpoint_digest"),
    )
    op.create_index("ix_feedback_batches_endpoint", "feedback_batches", ["endpoint", "last_id"])


def _create_windows() -> None:
    op.create_table(
        "monitors",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "monitor_references",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("blocks", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "windows",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("dirty", sa.Boolean, nullable=False),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.Column("is_ripe", sa.Boolean, nullable=False),
        sa.Column("drift_verdict", sa.Text, nullable=False),
        sa.Column("performance_verdict", sa.Text, nullable=False),
        sa.Column("drift", sa.Text),
        sa.Column("performance", sa.Text),
        sa.Column("judged_at", sa.BigInteger),
    )
    op.create_table(
        "window_parts",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("deployment", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("faults", sa.BigInteger, nullable=False),
        sa.Column("latency", sa.Text, nullable=False),
        sa.Column("summary", sa.Text),
    )
    op.create_table(
        "window_profiles",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("lot", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_table(
        "training_profiles",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("open_key", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("first_window", sa.BigInteger, nullable=False),
        sa.Column("last_window", sa.BigInteger, nullable=False),
        sa.Column("bad_windows", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_at", sa.BigInteger),
        sa.UniqueConstraint("open_key", name="uq_alerts_open_key"),
    )
    op.create_index("ix_alerts_endpoint", "alerts", ["endpoint", "opened_at"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("alert", sa.Text, sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("notifier", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
    )
    op.create_index("ix_notifications_due", "notifications", ["state", "next_at"])
    op.create_table(
        "triggers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("alert", sa.Text),
        sa.Column("moment", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.UniqueConstraint("key", name="uq_triggers_key"),
    )
    op.create_index("ix_triggers_endpoint", "triggers", ["endpoint", "created_at"])
