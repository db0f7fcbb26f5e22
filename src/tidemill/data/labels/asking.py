"""From what somebody orders to a task, and from what somebody types to an answer."""

import re

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.ids import new_id
from tidemill.core.names import check_name, check_text, shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.data.errors import DatasetVersionInTrash
from tidemill.data.labels import store
from tidemill.data.labels.answering import Said
from tidemill.data.labels.errors import (
    InvalidAnswer,
    InvalidLabelTask,
    LabelItemNotFound,
    LabelTaskExists,
    LabelTaskNotFound,
)
from tidemill.data.labels.finishing import unlike
from tidemill.data.labels.making import LABELLED
from tidemill.data.labels.records import LabelKind, LabelPlan, LabelSource, LabelTask, Value
from tidemill.data.labels.rows import Rows
from tidemill.data.labels.rules import LONGEST_NOTE, check_plan, read_value, task_name
from tidemill.data.labels.selecting import inferred_kind, select, values_of
from tidemill.data.profile.records import Profile
from tidemill.data.records import Column, DatasetKind, DatasetVersion
from tidemill.data.rules import DatasetRef
from tidemill.data.store import find_version
from tidemill.data.types import type_word
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore

_ID = re.compile(r"[0-9a-f]{32}")


def find_task(ledger: Ledger, name: str) -> LabelTask:
    """Return a task by its name or identifier.

    Raises:
        LabelTaskNotFound: If there is none.
    """
    with ledger.read() as connection:
        if found := store.find_task(connection, name):
            return found
        known = [task.name for task in store.list_tasks(connection)]
    hint = did_you_mean(name, known) if known else "There are none yet; make one with `tidemill data label`."
    raise LabelTaskNotFound(f"There is no labelling task {shown(name)}", hint=hint)


def make_task(  # noqa: PLR0913 - the parts of a workspace, and what is known of the version
    ledger: Ledger,
    objects: ObjectStore,
    rows: Rows,
    actor: Actor,
    version: DatasetVersion,
    profile: Profile | None,
    plan: LabelPlan,
    *,
    name: str,
    infers: bool,
) -> LabelTask:
    """Make a task, or return the one of that name that asks the same.

    Args:
        ledger: Where it is written.
        objects: Where the positions of its rows go.
        rows: Reads the version.
        actor: Who makes it.
        version: The version.
        profile: What is known of its columns; None for a folder, and where the values of the column are hidden.
        plan: What is asked.
        name: Its name; empty for the usual one.
        infers: Whether the column says the kind.
    """
    if version.kind is DatasetKind.TREE:
        if plan.source is LabelSource.QUARANTINE:
            raise InvalidLabelTask(f"{version.ref} is a folder: nothing of it was put aside", hint="Label its files.")
        plan = msgspec.structs.replace(plan, source=LabelSource.FILES)
    frame = rows.frame(version, plan.source)
    columns = {column: type_word(dtype) for column, dtype in frame.collect_schema().items()}
    plan = _whole(
        plan, columns, values_of(frame, profile.column(plan.column) if profile else None, plan.column), infers
    )
    check_plan(plan, list(columns))
    if plan.column in columns:
        held = Column(name=plan.column, type=columns[plan.column], nullable=True)
        if why := unlike(plan, held):
            raise InvalidLabelTask(why, hint="Choose a kind that fits it, or give the answers a new column.")
    count, positions = select(frame, _count(version, rows, plan.source), plan)
    digest = objects.put_bytes(positions) if positions else None
    label = check_name(name, "task") if name else task_name(version.dataset, plan.column)
    return _write(ledger, actor, version, plan, label, count, digest)


def _whole(plan: LabelPlan, columns: dict[str, str], values: list[str], infers: bool) -> LabelPlan:  # noqa: FBT001 - inner
    """Return a plan with what the column says of itself."""
    is_there = plan.column in columns
    if infers:
        word = columns.get(plan.column, "text")
        kind = LabelKind.CATEGORY if plan.choices else inferred_kind(word, values) if is_there else LabelKind.TEXT
        plan = msgspec.structs.replace(plan, kind=kind)
    if plan.kind is LabelKind.CATEGORY and not plan.choices:
        plan = msgspec.structs.replace(plan, choices=tuple(values))
    if is_there and plan.suggest is None:
        plan = msgspec.structs.replace(plan, suggest=plan.column)
    return plan


def _count(version: DatasetVersion, rows: Rows, source: LabelSource) -> int:
    match source:
        case LabelSource.FILES:
            return len(rows.files(version).entries)
        case LabelSource.QUARANTINE:
            return version.quarantined
        case LabelSource.ROWS:
            return version.rows or 0


def _write(
    ledger: Ledger, actor: Actor, version: DatasetVersion, plan: LabelPlan, name: str, count: int, digest: str | None
) -> LabelTask:
    identifier = new_id()

    def work(tx: Transaction) -> bool:
        if found := store.find_task(tx.connection, name):
            if (found.plan, found.version_id) != (plan, version.id):
                raise LabelTaskExists(
                    f"The task {shown(name)} is there and asks something else, of {found.version}",
                    hint=f"Give this one another --name, or open that one with `tidemill data label {name}`.",
                )
            return False
        if find_version(tx.connection, DatasetRef(version.dataset, number=version.number)) is None:
            raise DatasetVersionInTrash(f"{version.ref} was deleted meanwhile", hint="Choose another version.")
        row = {
            "id": identifier,
            "name": name,
            "version_id": version.id,
            "plan": msgspec.to_builtins(plan),
            "rows": count,
            "positions_digest": digest,
            "dealt": 0,
            "done": 0,
            "is_open": True,
            "created_at": tx.now,
            "created_by": actor.name,
        }
        tx.execute(sa.insert(store.label_tasks), row)
        target = Ref("label_task", identifier)
        tx.link(Ref("dataset_version", version.id), LABELLED, target)
        tx.audit("label_task.create", target, name=name, version=version.ref, column=plan.column, rows=count)
        return True

    created = ledger.write(actor, work)
    return msgspec.structs.replace(find_task(ledger, name), created=created)


def check_item(task: LabelTask, item: int) -> int:
    """Return the number of a row if the task has it.

    Raises:
        LabelItemNotFound: If it has not.
    """
    if not 1 <= item <= task.rows:
        raise LabelItemNotFound(f"{task.name} has no row {item}", hint=f"Its rows are 1 to {task.rows:,}.")
    return item


def said_of(
    task: LabelTask,
    item: int,
    value: Value | None,
    *,
    skip: str | None = None,
    note: str = "",
    seconds: float | None = None,
    answer_id: str = "",
) -> Said:
    """Return what somebody says of a row, read and found fit.

    Raises:
        InvalidAnswer: If it is not what the task asks for.
    """
    if (value is None) == (skip is None):
        raise InvalidAnswer("An answer is either a value or a reason to skip", hint="Give one of the two.")
    if answer_id and not _ID.fullmatch(answer_id):
        raise InvalidAnswer(f"{shown(answer_id)} is no id of an answer", hint="Give 32 hex digits, or leave it out.")
    check_text(note, "the note", LONGEST_NOTE, lines=True)
    check_text(skip or "", "the reason", LONGEST_NOTE, lines=True)
    return Said(
        id=answer_id or new_id(),
        item=check_item(task, item),
        value=None if value is None else read_value(task.plan, value),
        skipped=skip,
        note=note,
        seconds=seconds if seconds is not None and seconds >= 0 else None,
    )
