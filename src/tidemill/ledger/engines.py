"""Database engines, set up so that SQLite and PostgreSQL behave the same to the code above."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, QueuePool

_READERS = 8


def sqlite_writer(path: Path, *, begins: bool = True) -> sa.Engine:
    """Return an engine for the one connection that writes and checkpoints.

    Args:
        path: The database file.
        begins: Whether a connection begins its transactions; if not, who has it does so through the driver.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        # A batch of a thousand metrics changes as many pages: they fit the cache, and are checkpointed with others.
        connection.execute("PRAGMA cache_size=-16384")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)
    if begins:
        _explicit_begin(engine)
    return engine


def sqlite_readers(path: Path) -> sa.Engine:
    """Return an engine whose connections can only read, and never checkpoint."""

    def connect() -> sqlite3.Connection:
        uri = f"file:{quote(str(path))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA mmap_size=268435456")
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=_READERS, max_overflow=32)
    _explicit_begin(engine)
    return engine


def postgresql(url: sa.URL) -> sa.Engine:
    """Return a pooled engine on PostgreSQL."""
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"), pool_size=_READERS, max_overflow=8, pool_pre_ping=True
    )


def _explicit_begin(engine: sa.Engine) -> None:
    """Let SQLAlchemy, not the driver, say when a transaction begins, so that savepoints work."""

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")
