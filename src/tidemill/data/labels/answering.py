"""What somebody says of a row: kept for good, and counted."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tidemill.core.refs import Ref
from tidemill.data.labels.dealing import known, lock, wanted_again
from tidemill.data.labels.records import Answer, LabelTask, Value
from tidemill.data.labels.rules import differ
from tidemill.data.labels.store import (
    ANSWERED,
    HELD,
    SKIPPED,
    answer_of,
    decode_value,
    encode_value,
    label_answers,
    label_items,
    label_people,
    label_tasks,
    label_turns,
)
from tidemill.ledger import Transaction

_MOST_SECONDS = 600.0
"""What took longer is taken for a pause."""

_ITEMS, _TURNS, _PEOPLE = label_items.c, label_turns.c, label_people.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is said of a row.

    Args:
        id: The identifier that the answer is to have; one that is there already is returned as it is.
        item: The row's number in the task, from 1.
        value: The answer; None where the row is skipped.
        skipped: Why it is skipped.
        note: A note.
        seconds: How long it took.
    """

    id: str
    item: int
    value: Value | None
    skipped: str | None
    note: str
    seconds: float | None


def keep_answer(tx: Transaction, task: LabelTask, said: Said) -> Answer:
    """Keep what the actor says of a row; it takes the place of what they said before, which stays on record."""
    person = tx.actor.name
    lock(tx, task)
    if found := _kept(tx, said.id):
        return found
    known(tx, task, person)
    item = _item(tx, task, said.item)
    before = tx.connection.execute(sa.select(label_turns).where(*_own(task, said.item, person))).first()
    was = before.state if before else None
    state = SKIPPED if said.value is None else ANSWERED
    turn = {
        "state": state,
        "until": None,
        "value": None if said.value is None else encode_value(said.value),
        "skipped": said.skipped,
        "note": said.note,
    }
    if before:
        tx.execute(sa.update(label_turns).where(*_own(task, said.item, person)).values(turn))
    else:
        tx.execute(sa.insert(label_turns), turn | {"task_id": task.id, "item": said.item, "person": person})
    taken = item.taken + (state == ANSWERED) - (was in {HELD, ANSWERED})
    _count_item(tx, task, item, taken, item.answers + (state == ANSWERED) - (was == ANSWERED))
    _count_person(tx, task, person, was, state, said.seconds)
    return _keep(tx, task, said, corrects=was in {ANSWERED, SKIPPED}, is_resolution=False)


def keep_resolution(tx: Transaction, task: LabelTask, said: Said) -> Answer:
    """Keep what a reviewer decides of a row, over what people said."""
    assert said.value is not None  # noqa: S101 - the service read it
    lock(tx, task)
    if found := _kept(tx, said.id):
        return found
    item = _item(tx, task, said.item)
    is_new_done = item.resolved is None and item.answers < task.plan.people
    tx.execute(
        sa.update(label_items)
        .where(_ITEMS.task_id == task.id, _ITEMS.item == said.item)
        .values(resolved=encode_value(said.value), resolved_by=tx.actor.name, is_open=False)
    )
    _count_task(tx, task, int(is_new_done))
    tx.audit("label_task.resolve", Ref("label_task", task.id), item=said.item)
    return _keep(tx, task, said, corrects=item.resolved is not None, is_resolution=True)


def _kept(tx: Transaction, identifier: str) -> Answer | None:
    row = tx.connection.execute(sa.select(label_answers).where(label_answers.c.id == identifier)).first()
    return answer_of(row) if row else None


def _own(task: LabelTask, item: int, person: str) -> tuple["sa.ColumnElement[bool]", ...]:
    return _TURNS.task_id == task.id, _TURNS.item == item, _TURNS.person == person


def _item(tx: Transaction, task: LabelTask, item: int) -> "sa.Row[Any]":
    new = {"task_id": task.id, "item": item, "taken": 0, "answers": 0, "is_open": True, "differs": False}
    tx.insert_new(label_items, new)
    return tx.connection.execute(sa.select(label_items).where(_ITEMS.task_id == task.id, _ITEMS.item == item)).one()


def _count_item(tx: Transaction, task: LabelTask, item: "sa.Row[Any]", taken: int, answers: int) -> None:
    query = sa.select(_TURNS.value).where(_TURNS.task_id == task.id, _TURNS.item == item.item, _TURNS.state == ANSWERED)
    values = [decode_value(text) for text in tx.connection.scalars(query)]
    is_open = taken < task.plan.people and item.resolved is None
    tx.execute(
        sa.update(label_items)
        .where(_ITEMS.task_id == task.id, _ITEMS.item == item.item)
        .values(taken=taken, answers=answers, is_open=is_open, differs=differ(task.plan, values))
    )
    if is_open:
        wanted_again(tx, task, [item.item])
    if item.resolved is None:
        _count_task(tx, task, int(answers >= task.plan.people) - int(item.answers >= task.plan.people))


def _count_task(tx: Transaction, task: LabelTask, more: int) -> None:
    if more:
        table = label_tasks.c
        tx.execute(sa.update(label_tasks).where(table.id == task.id).values(done=table.done + more))


def _count_person(
    tx: Transaction, task: LabelTask, person: str, was: str | None, state: str, seconds: float | None
) -> None:
    changes: dict[str, object] = {
        "answered": _PEOPLE.answered + ((state == ANSWERED) - (was == ANSWERED)),
        "skipped": _PEOPLE.skipped + ((state == SKIPPED) - (was == SKIPPED)),
        "last_at": tx.now,
    }
    if seconds is not None and 0 <= seconds <= _MOST_SECONDS:
        changes |= {"timed": _PEOPLE.timed + 1, "seconds": _PEOPLE.seconds + seconds}
    tx.execute(sa.update(label_people).where(_PEOPLE.task_id == task.id, _PEOPLE.person == person).values(changes))


def _keep(tx: Transaction, task: LabelTask, said: Said, *, corrects: bool, is_resolution: bool) -> Answer:
    answer = Answer(
        id=said.id,
        item=said.item,
        person=tx.actor.name,
        value=said.value,
        skipped=said.skipped,
        note=said.note,
        seconds=said.seconds,
        at=tx.now,
        is_resolution=is_resolution,
        corrects=corrects,
    )
    row = {name: getattr(answer, name) for name in answer.__struct_fields__}
    value = None if said.value is None else encode_value(said.value)
    tx.execute(sa.insert(label_answers), row | {"task_id": task.id, "value": value})
    return answer
