"""The tables of the stage data."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "datasets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("last_number", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_table(
        "dataset_versions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("dataset", sa.Text, sa.ForeignKey("datasets.name"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("rows_read", sa.BigInteger),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("time", sa.Text),
        sa.Column("profile_digest", sa.Text),
        sa.Column("report_digest", sa.Text),
        sa.Column("layout_digest", sa.Text),
        sa.Column("files", sa.BigInteger),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.BigInteger),
    )
    op.create_index("ix_dataset_versions_dataset_number", "dataset_versions", ["dataset", "number"], unique=True)
    op.create_index("ix_dataset_versions_digest", "dataset_versions", ["digest"])
    op.create_table(
        "dataset_parts",
        sa.Column("version_id", sa.Text, sa.ForeignKey("dataset_versions.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("segments", sa.Text, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("rows_read", sa.BigInteger, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("quarantine_digest", sa.Text),
        sa.Column("broken", sa.Text, nullable=False),
        sa.Column("profile_digest", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
    )
    op.create_index("ix_dataset_parts_recipe", "dataset_parts", ["recipe"])
    op.create_table(
        "dataset_tags",
        sa.Column("dataset", sa.Text, sa.ForeignKey("datasets.name"), primary_key=True),
        sa.Column("tag", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("set_at", sa.BigInteger, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
    )
    op.create_table(
        "removed_dataset_versions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("files", sa.BigInteger),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "deleted_at", "removed_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("created_by", "removed_by")),
    )
    op.create_index("ix_removed_dataset_versions_dataset", "removed_dataset_versions", ["dataset", "number"])
    op.create_table(
        "data_remotes",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("uri", sa.Text, nullable=False),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("creates_once", "compares", "single_writer")),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
    )
    op.create_table(
        "check_reports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("version_id", sa.Text, nullable=False),
        sa.Column("against", sa.Text),
        sa.Column("against_id", sa.Text),
        sa.Column("label", sa.Text),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("rows_against", sa.BigInteger),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.create_index("ix_check_reports_dataset", "check_reports", ["dataset", "created_at"])
    op.create_index("ix_check_reports_version_id", "check_reports", ["version_id"])
    op.create_table(
        "label_tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("version_id", sa.Text, sa.ForeignKey("dataset_versions.id"), nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("positions_digest", sa.Text),
        sa.Column("dealt", sa.BigInteger, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.create_table(
        "label_items",
        sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), primary_key=True),
        sa.Column("item", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("answers", sa.Integer, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("differs", sa.Boolean, nullable=False),
        sa.Column("resolved", sa.Text),
        sa.Column("resolved_by", sa.Text),
    )
    op.create_index("ix_label_items_open", "label_items", ["task_id", "is_open", "item"])
    op.create_index("ix_label_items_differs", "label_items", ["task_id", "differs", "item"])
    op.create_table(
        "label_turns",
        sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), primary_key=True),
        sa.Column("item", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("value", sa.Text),
        sa.Column("skipped", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("ix_label_turns_until", "label_turns", ["task_id", "state", "until"])
    op.create_index("ix_label_turns_person", "label_turns", ["task_id", "person", "state", "item"])
    op.create_table(
        "label_answers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), nullable=False),
        sa.Column("item", sa.BigInteger, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("skipped", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float(53)),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("is_resolution", sa.Boolean, nullable=False),
        sa.Column("corrects", sa.Boolean, nullable=False),
    )
    op.create_index("ix_label_answers_task_id_at", "label_answers", ["task_id", "at"])
    op.create_index("ix_label_answers_task_id_person_at", "label_answers", ["task_id", "person", "at"])
    op.create_table(
        "label_people",
        sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("reached", sa.BigInteger, nullable=False),
        sa.Column("answered", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.BigInteger, nullable=False),
        sa.Column("timed", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("last_at", sa.BigInteger),
    )
