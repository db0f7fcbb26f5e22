"""The table of remembered places, and how a version that came from one enters the ledger."""

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.data import store
from tidemill.data.records import DatasetVersion
from tidemill.data.sharing.records import Remote
from tidemill.ledger.rows import record
from tidemill.ledger.schema import MomentColumn, metadata

data_remotes = sa.Table(
    "data_remotes",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("uri", sa.Text, nullable=False),
    sa.Column("creates_once", sa.Boolean, nullable=False),
    sa.Column("compares", sa.Boolean, nullable=False),
    sa.Column("single_writer", sa.Boolean, nullable=False),
    sa.Column("added_at", MomentColumn, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
)


def list_remotes(connection: sa.Connection) -> list[Remote]:
    """Return all places, by name."""
    rows = connection.execute(sa.select(data_remotes).order_by(data_remotes.c.name))
    return [msgspec.convert(record(row), Remote) for row in rows]


def insert_shared(
    connection: sa.Connection, version: DatasetVersion, description: str, actor: str, now: Moment
) -> None:
    """Insert a version that was made elsewhere under its own number, making the dataset if it is new."""
    table = store.datasets.c
    store.begin_anew(connection, version.dataset, actor, now)
    last = sa.case((table.last_number < version.number, version.number), else_=table.last_number)
    changed = sa.update(store.datasets).where(table.name == version.dataset).values(last_number=last)
    if connection.execute(changed).rowcount == 0:
        store.insert_dataset(connection, version.dataset, version.number, description=description, actor=actor, now=now)
    store.insert_version(connection, version)
