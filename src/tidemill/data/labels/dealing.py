"""Rows to people: who gets which, for how long, and never one that is somebody else's.

A row is in the ledger from the moment it is first dealt or answered. Three things make dealing quick however long the
task is: `dealt`, up to where the task's rows were dealt at least once; a flag on rows that want another person; and for
each person `reached`, below which no such row is for them.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.data.labels.records import LabelTask
from tidemill.data.labels.store import HELD, label_items, label_people, label_tasks, label_turns
from tidemill.ledger import Transaction

_WINDOW = 10_000
_MOST_EXPIRED = 5_000
_ITEMS, _TURNS, _PEOPLE = label_items.c, label_turns.c, label_people.c


def lock(tx: Transaction, task: LabelTask) -> "sa.Row[Any]":
    """Return the task's counters; until the end of the transaction nobody else deals or answers its rows."""
    table = label_tasks.c
    statement = sa.update(label_tasks).where(table.id == task.id).values(dealt=table.dealt)
    return tx.connection.execute(statement.returning(table.dealt, table.done, table.is_open)).one()


def deal(tx: Transaction, task: LabelTask, person: str, count: int) -> tuple[list[int], Moment]:
    """Let a person hold some rows: those that they hold already, those that want another person, then new ones.

    Args:
        tx: The transaction.
        task: The task.
        person: Who asks.
        count: How many rows they may hold.

    Returns:
        The rows, and until when they are this person's.
    """
    state = lock(tx, task)
    until = tx.now + timedelta(seconds=task.plan.hold_s)
    take_back(tx, task)
    known(tx, task, person)
    mine = (_TURNS.task_id == task.id, _TURNS.person == person, _TURNS.state == HELD)
    held = list(tx.connection.scalars(sa.select(_TURNS.item).where(*mine).order_by(_TURNS.item).limit(count)))
    if held:
        tx.execute(sa.update(label_turns).where(*mine, _TURNS.item.in_(held)).values(until=until))
    if not state.is_open:
        return held, until
    waiting = _waiting(tx, task, person, count - len(held))
    fresh, dealt = _fresh(tx, task, int(state.dealt), count - len(held) - len(waiting))
    if dealt != state.dealt:
        tx.execute(sa.update(label_tasks).where(label_tasks.c.id == task.id).values(dealt=dealt))
    if count > len(held):
        reached = min(waiting) if waiting else dealt
        own = (_PEOPLE.task_id == task.id, _PEOPLE.person == person)
        tx.execute(sa.update(label_people).where(*own).values(reached=reached))
    _hold(tx, task, person, waiting, fresh, until)
    return [*held, *waiting, *fresh], until


def known(tx: Transaction, task: LabelTask, person: str) -> None:
    """Write a person down at the first time that they are seen."""
    row = {"task_id": task.id, "person": person, "reached": 0, "answered": 0, "skipped": 0, "timed": 0, "seconds": 0.0}
    tx.insert_new(label_people, row)


def take_back(tx: Transaction, task: LabelTask) -> None:
    """Give the rows whose time is over to who asks next."""
    late = sa.select(_TURNS.item, _TURNS.person).where(
        _TURNS.task_id == task.id, _TURNS.state == HELD, _TURNS.until < tx.now
    )
    found = tx.connection.execute(late.limit(_MOST_EXPIRED)).all()
    for item, person in found:
        tx.execute(
            sa.delete(label_turns).where(_TURNS.task_id == task.id, _TURNS.item == item, _TURNS.person == person)
        )
        tx.execute(
            sa.update(label_items)
            .where(_ITEMS.task_id == task.id, _ITEMS.item == item)
            .values(taken=_ITEMS.taken - 1, is_open=_wants(task, _ITEMS.taken - 1))
        )
    wanted_again(tx, task, [item for item, _ in found])


def wanted_again(tx: Transaction, task: LabelTask, items: Iterable[int]) -> None:
    """Let everybody look again for rows that want another person."""
    first = min(items, default=None)
    if first is not None:
        again = sa.update(label_people).where(_PEOPLE.task_id == task.id, _PEOPLE.reached > first)
        tx.execute(again.values(reached=first))


def _wants(task: LabelTask, taken: "sa.ColumnElement[int]") -> "sa.ColumnElement[bool]":
    return sa.and_(taken < task.plan.people, _ITEMS.resolved.is_(None))


def _waiting(tx: Transaction, task: LabelTask, person: str, count: int) -> list[int]:
    """Return rows that want another person and were never this one's."""
    if count <= 0:
        return []
    reached = sa.select(_PEOPLE.reached).where(_PEOPLE.task_id == task.id, _PEOPLE.person == person).scalar_subquery()
    own = sa.exists().where(_TURNS.task_id == task.id, _TURNS.item == _ITEMS.item, _TURNS.person == person)
    query = sa.select(_ITEMS.item).where(
        _ITEMS.task_id == task.id, _ITEMS.is_open.is_(True), _ITEMS.item >= reached, ~own
    )
    return list(tx.connection.scalars(query.order_by(_ITEMS.item).limit(count)))


def _fresh(tx: Transaction, task: LabelTask, dealt: int, count: int) -> tuple[list[int], int]:
    """Return rows that nobody had yet, and up to where all rows were dealt then."""
    fresh: list[int] = []
    while len(fresh) < count and dealt < task.rows:
        end = min(dealt + max(_WINDOW, count), task.rows)
        inside = sa.select(_ITEMS.item).where(_ITEMS.task_id == task.id, _ITEMS.item > dealt, _ITEMS.item <= end)
        there = set(tx.connection.scalars(inside))  # answered by a program before they were dealt
        for item in range(dealt + 1, end + 1):
            dealt = item
            if item not in there:
                fresh.append(item)
                if len(fresh) == count:
                    break
    return fresh, dealt


def _hold(
    tx: Transaction, task: LabelTask, person: str, waiting: Sequence[int], fresh: Sequence[int], until: Moment
) -> None:
    if waiting:
        tx.execute(
            sa.update(label_items)
            .where(_ITEMS.task_id == task.id, _ITEMS.item.in_(waiting))
            .values(taken=_ITEMS.taken + 1, is_open=_wants(task, _ITEMS.taken + 1))
        )
    new = {"task_id": task.id, "taken": 1, "answers": 0, "is_open": task.plan.people > 1, "differs": False}
    if fresh:
        tx.execute(sa.insert(label_items), [new | {"item": item} for item in fresh])
    turn = {"task_id": task.id, "person": person, "state": HELD, "until": until, "note": ""}
    turns = [turn | {"item": item} for item in (*waiting, *fresh)]
    if turns:
        tx.execute(sa.insert(label_turns), turns)
