"""What people see: rows with what they answered, and rows on which they differ."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.moments import Moment
from tidemill.data.labels import store
from tidemill.data.labels.asking import check_item
from tidemill.data.labels.errors import LabelItemNotFound
from tidemill.data.labels.records import Disagreement, Hand, LabelRow, LabelSource, LabelTask, Vote, Which
from tidemill.data.labels.rows import Rows, cells_of, cells_of_file, masked, media_of
from tidemill.data.labels.rules import decide, offered
from tidemill.data.labels.store import HELD, decode_value, label_people, label_tasks
from tidemill.data.records import DatasetVersion
from tidemill.data.service import DataService
from tidemill.ledger import Ledger

_MOST_VERSIONS = 32


class Looker:
    """Shows rows of tasks.

    Args:
        ledger: Where the answers are.
        data: Knows the versions.
        rows: Reads them.
    """

    def __init__(self, ledger: Ledger, data: DataService, rows: Rows) -> None:
        self._ledger = ledger
        self._data = data
        self._rows = rows
        self._versions: dict[str, DatasetVersion] = {}

    def hand(
        self, connection: sa.Connection, task: LabelTask, person: str, items: Sequence[int], until: Moment
    ) -> Hand:
        """Return what a person was dealt, without what the rows hold: that is read outside the transaction."""
        counters = connection.execute(sa.select(label_tasks).where(label_tasks.c.id == task.id)).one()
        own = label_people.c
        answered = connection.scalar(sa.select(own.answered).where(own.task_id == task.id, own.person == person))
        rows = tuple(LabelRow(item=item, position=0, cells=(), until=until) for item in items)
        return Hand(
            rows=rows, left=counters.rows - counters.done, answered=int(answered or 0), is_open=counters.is_open
        )

    def filled(self, actor: Actor, task: LabelTask, hand: Hand) -> Hand:
        """Return a hand with what its rows hold."""
        return msgspec.structs.replace(hand, rows=tuple(self.rows_of(actor, task, [row.item for row in hand.rows])))

    def rows_of(self, actor: Actor, task: LabelTask, items: Sequence[int]) -> list[LabelRow]:
        """Return some rows with what an actor answered.

        Raises:
            LabelItemNotFound: If there is no such row.
        """
        for item in items:
            check_item(task, item)
        if not items:
            return []
        version = self._version(actor, task)
        with self._ledger.read() as connection:
            digest = store.positions_digest(connection, task.id)
            turns = store.turns_of(connection, task.id, actor.name, items)
        found = []
        for item in items:
            row = self._row(version, task, item, self._rows.position(digest, item))
            turn = turns.get(item)
            if turn is not None:
                row = msgspec.structs.replace(
                    row,
                    answer=None if turn.value is None else decode_value(turn.value),
                    skipped=turn.skipped,
                    note=turn.note,
                    until=turn.until if turn.state == HELD else None,
                )
            found.append(row)
        return found

    def file(self, actor: Actor, task: LabelTask, item: int) -> tuple[bytes, str]:
        """Return the file that is a row of a task, and what picture it is.

        Raises:
            LabelItemNotFound: If the rows of the task are no files, or there is no such row.
        """
        if task.plan.source is not LabelSource.FILES:
            raise LabelItemNotFound(f"The rows of {task.name} are no files", hint="Look at the row itself.")
        check_item(task, item)
        with self._ledger.read() as connection:
            digest = store.positions_digest(connection, task.id)
        files = self._rows.files(self._version(actor, task))
        content = files.read(files.entries[self._rows.position(digest, item)].path)
        return content, media_of(content)

    def disagreements(
        self, actor: Actor, task: LabelTask, which: Which, *, start: int, limit: int
    ) -> list[Disagreement]:
        """Return rows that a reviewer looks at, with what each said."""
        with self._ledger.read() as connection:
            items = store.differing(connection, task, which, start, limit)
            said = store.values_of(connection, task.id, [item.item for item in items])
        votes: dict[int, list[Vote]] = {}
        for turn in said:
            value = None if turn.value is None else decode_value(turn.value)
            vote = Vote(person=turn.person, value=value, skipped=turn.skipped, note=turn.note)
            votes.setdefault(turn.item, []).append(vote)
        found = []
        for item, row in zip(items, self.rows_of(actor, task, [item.item for item in items]), strict=True):
            mine = votes.get(item.item, [])
            decided = decide(task.plan, [vote.value for vote in mine if vote.value is not None])
            if item.resolved is not None:
                decided = decode_value(item.resolved)
            found.append(Disagreement(row=row, votes=tuple(mine), decided=decided, resolved_by=item.resolved_by))
        return found

    def _row(self, version: DatasetVersion, task: LabelTask, item: int, position: int) -> LabelRow:
        plan = task.plan
        if plan.source is LabelSource.FILES:
            files = self._rows.files(version)
            entry = files.entries[position]
            cells, media = cells_of_file(plan, files, entry)
            return LabelRow(item=item, position=position + 1, cells=cells, file=entry.path, media=media)
        values = self._rows.row(version, plan.source, position)
        seen = masked(values, None if plan.unmasked else self._data.masks.of(version))
        suggestion = None
        if plan.suggest and seen[plan.suggest] == masked(values, None)[plan.suggest]:  # what is hidden is not offered
            suggestion = offered(plan, values[plan.suggest])
        return LabelRow(item=item, position=position + 1, cells=cells_of(plan, seen), suggestion=suggestion)

    def _version(self, actor: Actor, task: LabelTask) -> DatasetVersion:
        """Return the version of a task; it never changes, and has many parts."""
        found = self._versions.get(task.version_id)
        if found is None:
            found = self._data.get(actor, task.version_id)
            if len(self._versions) >= _MOST_VERSIONS:
                self._versions.clear()
            self._versions[task.version_id] = found
        return found
