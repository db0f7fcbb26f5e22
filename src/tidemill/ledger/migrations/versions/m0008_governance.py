"""The tables of the stage governance."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("last_used_day", sa.Text),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
    )
    live = sa.text("revoked_at IS NULL")
    op.create_index("uq_tokens_live_name", "tokens", ["name"], unique=True, sqlite_where=live, postgresql_where=live)
