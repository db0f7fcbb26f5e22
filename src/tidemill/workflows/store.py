"""The database of the workflows: how it is opened and copied, and the one table of our own in it."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from tidemill.core.errors import Damaged, OutOfSpace, TidemillError
from tidemill.workflows.codec import dump, load
from tidemill.workflows.errors import BackupElsewhere, WorkflowStoreUnavailable

SCHEMA = "dbos"
"""Where the tables live on PostgreSQL."""

metadata = sa.MetaData()

messages = sa.Table(
    "tidemill_messages",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("workflow", sa.Text, nullable=False, index=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, unique=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("taken_by", sa.Text),
    sqlite_autoincrement=True,
)


def open_engine(where: Path | str) -> sa.Engine:
    """Return an engine on a SQLite file or a PostgreSQL URL.

    On SQLite every connection keeps a rollback journal. The library writes from several threads with a connection
    each, and in WAL mode that is what SQLite before 3.51.3 can lose pages by (the WAL-reset bug); without a WAL
    there is nothing to reset.
    """
    if isinstance(where, str):
        url = sa.make_url(where).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url, pool_size=20, max_overflow=0, pool_pre_ping=True)
        with engine.begin() as connection:
            connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
        return engine
    where.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(where)), pool_size=20, max_overflow=0)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Take the write lock at the start of a transaction: an upgrade from reading to writing could not be waited for.
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout=30000", "journal_mode=TRUNCATE", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    if sqlite3.sqlite_version_info < (3, 42):
        # From Python 3.12 on the library takes it that SQLite knows `unixepoch('subsec')`; a Python that was built
        # on an older system has an SQLite that answers null.
        connection.create_function("unixepoch", -1, _unixepoch)


def _unixepoch(*words: object) -> float:
    return round(time.time(), 3) if "subsec" in words else float(int(time.time()))


def explain(error: Exception, where: Path | str) -> TidemillError:
    """Return what a fault of the database means to a caller."""
    cause = getattr(error, "orig", None) or error
    place = str(where) if isinstance(where, Path) else sa.make_url(where).render_as_string(hide_password=True)
    text = str(cause)
    if "full" in text:
        return OutOfSpace(
            f"The workflows cannot be recorded: {text}", where=place, hint="Free some space; they go on by themselves."
        )
    if isinstance(cause, sqlite3.DatabaseError) and ("malformed" in text or "not a database" in text):
        return Damaged(
            f"The database of the workflows is damaged: {text}",
            where=place,
            hint="Restore it from a backup; the ledger is another file.",
        )
    return WorkflowStoreUnavailable(
        f"The database of the workflows cannot be used: {text}", where=place, hint="Check that it can be written."
    )


def copy_database(source: Path | str, target: Path) -> None:
    """Copy a SQLite database that is in use to a file, whole and consistent.

    Raises:
        BackupElsewhere: If it is not SQLite.
    """
    if isinstance(source, str):
        raise BackupElsewhere("PostgreSQL is not copied by Tidemill", hint="Use pg_dump, before that of the ledger.")
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reader,
            closing(sqlite3.connect(partial)) as writer,
        ):
            # All pages in one step under one read lock: page by page, each commit in between would restart the copy.
            reader.backup(writer, pages=-1)
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except sqlite3.Error as error:
        raise explain(error, source) from error
    finally:
        partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Inbox:
    """Messages for workflows, each received by one step however often that step runs."""

    def __init__(self, engine: sa.Engine) -> None:
        schema = SCHEMA if engine.dialect.name == "postgresql" else None
        self._engine = engine.execution_options(schema_translate_map={None: schema})

    def create(self) -> None:
        """Make the table if it is not there."""
        metadata.create_all(self._engine)

    def put(self, workflow: str, topic: str, message: object, key: str) -> None:
        """Leave a message; one whose key is known is dropped."""
        row = {"workflow": workflow, "topic": topic, "body": dump(message), "key": key or None}
        try:
            with self._engine.begin() as connection:
                connection.execute(messages.insert(), row)
        except sa.exc.IntegrityError:
            if not key:
                raise

    def take(self, workflow: str, topic: str, step_key: str) -> tuple[bool, object]:
        """Return whether there is a message for a step, and the message: the one it had before, or else the oldest."""
        mine = (messages.c.workflow == workflow) & (messages.c.topic == topic)
        free = mine & messages.c.taken_by.is_(None)
        first = sa.select(messages.c.number, messages.c.body, messages.c.taken_by).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(first.where(mine, messages.c.taken_by == step_key)).first()
            row = row or connection.execute(first.where(free).order_by(messages.c.number)).first()
        if row is None:
            return False, None
        if row.taken_by is None:
            with self._engine.begin() as connection:
                connection.execute(messages.update().where(messages.c.number == row.number).values(taken_by=step_key))
        return True, load(row.body)

    def forget(self, workflows: list[str]) -> None:
        """Remove the messages of workflows."""
        with self._engine.begin() as connection:
            connection.execute(messages.delete().where(messages.c.workflow.in_(workflows)))
