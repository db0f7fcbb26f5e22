"""The table of check reports, and the SQL on it."""

import sqlalchemy as sa

from tidemill.checks.outcome import Verdict
from tidemill.core.digests import Digest
from tidemill.data.checking.records import ReportHead
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata

check_reports = sa.Table(
    "check_reports",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("suite", sa.Text, nullable=False),
    # No foreign keys: what was found in a version is known when its rows are gone.
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("version_id", sa.Text, nullable=False),
    sa.Column("against", sa.Text),
    sa.Column("against_id", sa.Text),
    sa.Column("label", sa.Text),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("counts", JsonColumn, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rows_against", sa.BigInteger),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Index("ix_check_reports_dataset", "dataset", "created_at"),
    sa.Index("ix_check_reports_version_id", "version_id"),
)


def find_report(connection: sa.Connection, identifier: str) -> ReportHead | None:
    """Return the head of a report; None when there is none."""
    row = connection.execute(sa.select(check_reports).where(check_reports.c.id == identifier)).first()
    return _head(row) if row else None


def list_reports(
    connection: sa.Connection, *, dataset: str = "", version_id: str = "", limit: int = 50
) -> list[ReportHead]:
    """Return the heads of reports, newest first."""
    table = check_reports.c
    query = sa.select(check_reports).order_by(table.created_at.desc(), table.id.desc()).limit(limit)
    if dataset:
        query = query.where(table.dataset == dataset)
    if version_id:
        query = query.where(table.version_id == version_id)
    return [_head(row) for row in connection.execute(query)]


def row_of(head: ReportHead) -> dict[str, object]:
    """Return a head as a row."""
    row = {name: getattr(head, name) for name in head.__struct_fields__}
    return row | {"verdict": head.verdict.value}


def _head(row: sa.Row[tuple[object, ...]]) -> ReportHead:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return ReportHead(**values | {"verdict": Verdict(str(values["verdict"])), "digest": Digest(str(values["digest"]))})
