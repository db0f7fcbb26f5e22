"""The tables of labelling tasks, of the rows that they dealt and of what people answered, and the SQL on them."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.data.labels.records import Answer, LabelPlan, LabelTask, PersonProgress, Value, Which
from tidemill.data.store import dataset_versions
from tidemill.ledger import Transaction
from tidemill.ledger.dialect import rows_of
from tidemill.ledger.rows import record
from tidemill.ledger.schema import JsonColumn, MomentColumn, metadata

_DECODER = msgspec.json.Decoder(Value)
HELD, ANSWERED, SKIPPED = "held", "answered", "skipped"

label_tasks = sa.Table(
    "label_tasks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("version_id", sa.Text, sa.ForeignKey("dataset_versions.id"), nullable=False),
    sa.Column("plan", JsonColumn, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("positions_digest", sa.Text),
    sa.Column("dealt", sa.BigInteger, nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("created_at", MomentColumn, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)
label_items = sa.Table(
    "label_items",
    metadata,
    sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), primary_key=True),
    sa.Column("item", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("taken", sa.Integer, nullable=False),
    sa.Column("answers", sa.Integer, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("differs", sa.Boolean, nullable=False),
    sa.Column("resolved", sa.Text),
    sa.Column("resolved_by", sa.Text),
    sa.Index("ix_label_items_open", "task_id", "is_open", "item"),
    sa.Index("ix_label_items_differs", "task_id", "differs", "item"),
)
label_turns = sa.Table(
    "label_turns",
    metadata,
    sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), primary_key=True),
    sa.Column("item", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("until", MomentColumn),
    sa.Column("value", sa.Text),
    sa.Column("skipped", sa.Text),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("ix_label_turns_until", "task_id", "state", "until"),
    sa.Index("ix_label_turns_person", "task_id", "person", "state", "item"),
)
label_answers = sa.Table(
    "label_answers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), nullable=False),
    sa.Column("item", sa.BigInteger, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("skipped", sa.Text),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float(53)),
    sa.Column("at", MomentColumn, nullable=False),
    sa.Column("is_resolution", sa.Boolean, nullable=False),
    sa.Column("corrects", sa.Boolean, nullable=False),
    sa.Index("ix_label_answers_task_id_at", "task_id", "at"),
    sa.Index("ix_label_answers_task_id_person_at", "task_id", "person", "at"),
)
label_people = sa.Table(
    "label_people",
    metadata,
    sa.Column("task_id", sa.Text, sa.ForeignKey("label_tasks.id"), primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("reached", sa.BigInteger, nullable=False),
    sa.Column("answered", sa.BigInteger, nullable=False),
    sa.Column("skipped", sa.BigInteger, nullable=False),
    sa.Column("timed", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False),
    sa.Column("last_at", MomentColumn),
)


_LEAVING = "\x1f"
"""How the name of a task begins that is being deleted: no name that somebody gives can have a control character."""
THERE = ~label_tasks.c.name.startswith(_LEAVING)
"""Tasks that are not being deleted."""


def encode_value(value: Value) -> str:
    """Return the text by which an answer is kept and compared."""
    return msgspec.json.encode(value).decode()


def decode_value(text: str) -> Value:
    """Return the answer that a text keeps."""
    found: Value = _DECODER.decode(text)
    return found


def _tasks() -> sa.Select[Any]:
    version = dataset_versions.c
    query = sa.select(label_tasks, version.dataset, version.number)
    return query.join(dataset_versions, version.id == label_tasks.c.version_id).where(THERE)


def _task(row: sa.Row[Any]) -> LabelTask:
    values = record(row)
    del values["positions_digest"]
    version = f"{values['dataset']}@{values.pop('number')}"
    return LabelTask(**values | {"plan": msgspec.convert(values["plan"], LabelPlan), "version": version})


def find_task(connection: sa.Connection, name: str) -> LabelTask | None:
    """Return a task by its name or identifier, None when there is none."""
    table = label_tasks.c
    row = connection.execute(_tasks().where((table.name == name) | (table.id == name))).first()
    return _task(row) if row else None


def open_task_on(connection: sa.Connection, dataset: str, number: int | None) -> str:
    """Return the name of a task that deals rows of a dataset, or of one version of it; empty when none does."""
    version = dataset_versions.c
    query = sa.select(label_tasks.c.name).join(dataset_versions, version.id == label_tasks.c.version_id)
    query = query.where(version.dataset == dataset, label_tasks.c.is_open)
    if number is not None:
        query = query.where(version.number == number)
    return connection.scalar(query.limit(1)) or ""


def count_answers(connection: sa.Connection, task_id: str) -> int:
    """Return how many answers were given, corrections too."""
    query = sa.select(sa.func.count()).select_from(label_answers).where(label_answers.c.task_id == task_id)
    return int(connection.scalar(query) or 0)


def mark_leaving(tx: Transaction, task: LabelTask) -> None:
    """Let a task be found by nobody any more; another one may be called so from now on."""
    name = f"{_LEAVING}{task.id} {task.name}"
    tx.execute(sa.update(label_tasks).where(label_tasks.c.id == task.id).values(name=name))


def leaving(connection: sa.Connection) -> dict[str, str]:
    """Return the ids of tasks that are being deleted, and how they were called."""
    query = sa.select(label_tasks.c.id, label_tasks.c.name).where(~THERE)
    return {identifier: name.partition(" ")[2] for identifier, name in connection.execute(query)}


def list_tasks(connection: sa.Connection) -> list[LabelTask]:
    """Return all tasks, newest first."""
    table = label_tasks.c
    return [_task(row) for row in connection.execute(_tasks().order_by(table.created_at.desc(), table.name))]


def positions_digest(connection: sa.Connection, task_id: str) -> str | None:
    """Return the object that holds the positions of a task's rows; None where they are all rows in their order."""
    return connection.scalar(sa.select(label_tasks.c.positions_digest).where(label_tasks.c.id == task_id))


def turns_of(connection: sa.Connection, task_id: str, person: str, items: Sequence[int]) -> dict[int, sa.Row[Any]]:
    """Return what a person has of some rows."""
    table = label_turns.c
    query = sa.select(label_turns).where(table.task_id == task_id, table.person == person, table.item.in_(items))
    return {row.item: row for row in connection.execute(query)}


def people_of(connection: sa.Connection, task_id: str, now: Moment) -> list[PersonProgress]:
    """Return how far each person is, who answered most first."""
    table, turns = label_people.c, label_turns.c
    held = sa.select(turns.person, sa.func.count()).where(
        turns.task_id == task_id, turns.state == HELD, turns.until >= now
    )
    in_hand = {row[0]: int(row[1]) for row in connection.execute(held.group_by(turns.person))}
    rows = connection.execute(
        sa.select(label_people).where(table.task_id == task_id).order_by(table.answered.desc(), table.person)
    )
    return [
        PersonProgress(
            person=row.person,
            answered=row.answered,
            skipped=row.skipped,
            in_hand=in_hand.get(row.person, 0),
            seconds=row.seconds / row.timed if row.timed else None,
            last_at=row.last_at,
        )
        for row in rows
    ]


def list_answers(
    connection: sa.Connection, task_id: str, *, person: str | None, item: int | None, limit: int
) -> list[Answer]:
    """Return what was answered, newest first."""
    table = label_answers.c
    query = sa.select(label_answers).where(table.task_id == task_id)
    if person is not None:
        query = query.where(table.person == person)
    if item is not None:
        query = query.where(table.item == item)
    rows = connection.execute(query.order_by(table.at.desc(), table.id.desc()).limit(limit))
    return [answer_of(row) for row in rows]


def answer_of(row: sa.Row[Any]) -> Answer:
    """Return the answer that a row keeps."""
    values = record(row)
    del values["task_id"]
    text = values["value"]
    return Answer(**values | {"value": None if text is None else decode_value(text)})


def votes(
    connection: sa.Connection, task_id: str, *, least: int, limit: int | None = None
) -> Sequence[tuple[Any, ...]]:
    """Return item, person and kept value of every answer that counts, the last rows first where they are limited.

    Args:
        connection: The database.
        task_id: The task.
        least: How many answers a row must have.
        limit: The most answers.
    """
    order = "t.item DESC, t.person" if limit else "t.item, t.person"
    query = (
        "SELECT t.item, t.person, t.value FROM label_turns t JOIN label_items i"  # noqa: S608 - words of ours
        " ON i.task_id = t.task_id AND i.item = t.item"
        f" WHERE t.task_id = ? AND t.state = ? AND i.answers >= ? ORDER BY {order}"
    )
    return rows_of(connection, f"{query} LIMIT {int(limit)}" if limit else query, task_id, ANSWERED, least)


def resolutions(connection: sa.Connection, task_id: str) -> dict[int, tuple[str, str]]:
    """Return the kept value of each row that a reviewer decided, and who that was."""
    table = label_items.c
    query = sa.select(table.item, table.resolved, table.resolved_by)
    rows = connection.execute(query.where(table.task_id == task_id, table.resolved.is_not(None)))
    return {row.item: (row.resolved, row.resolved_by) for row in rows}


def differing(connection: sa.Connection, task: LabelTask, which: Which, start: int, limit: int) -> list[sa.Row[Any]]:
    """Return the rows that a reviewer looks at, in the order of the task.

    Args:
        connection: The database.
        task: The task.
        which: Which of them.
        start: How many to pass over.
        limit: The most rows.
    """
    query = sa.select(label_items).where(*_seen_by_reviewer(task, which))
    return list(connection.execute(query.order_by(label_items.c.item).offset(start).limit(limit)))


def count_differing(connection: sa.Connection, task: LabelTask, which: Which) -> int:
    """Return how many rows there are that a reviewer looks at."""
    query = sa.select(sa.func.count()).select_from(label_items).where(*_seen_by_reviewer(task, which))
    return int(connection.scalar(query) or 0)


def _seen_by_reviewer(task: LabelTask, which: Which) -> list[sa.ColumnElement[bool]]:
    table, turns = label_items.c, label_turns.c
    of_task = table.task_id == task.id
    match which:
        case Which.RESOLVED:
            return [of_task, table.resolved.is_not(None)]
        case Which.OPEN:
            return [of_task, table.differs.is_(True), table.resolved.is_(None)]
        case Which.SKIPPED:
            skipped = sa.select(turns.item).where(turns.task_id == task.id, turns.state == SKIPPED)
            not_done = table.answers < task.plan.people
            return [of_task, table.item.in_(skipped), not_done, table.resolved.is_(None)]


def values_of(connection: sa.Connection, task_id: str, items: Sequence[int]) -> list[sa.Row[Any]]:
    """Return the answers that count to some rows, and who skipped them, by row and person."""
    table = label_turns.c
    query = sa.select(table.item, table.person, table.value, table.skipped, table.note)
    query = query.where(table.task_id == task_id, table.item.in_(items), table.state != HELD)
    return list(connection.execute(query.order_by(table.item, table.person)))
