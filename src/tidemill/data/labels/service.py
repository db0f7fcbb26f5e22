"""What one can do with labelling tasks."""

from collections.abc import Sequence

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.moments import utc_now
from tidemill.core.refs import Ref
from tidemill.data.labels import measuring, store
from tidemill.data.labels.answering import keep_answer, keep_resolution
from tidemill.data.labels.asking import find_task, make_task, said_of
from tidemill.data.labels.dealing import deal
from tidemill.data.labels.deleting import delete, end_all
from tidemill.data.labels.ending import finish
from tidemill.data.labels.finishing import Wanted
from tidemill.data.labels.looking import Looker
from tidemill.data.labels.records import (
    Answer,
    Disagreement,
    Finished,
    Hand,
    LabelPlan,
    LabelProgress,
    LabelRow,
    LabelSource,
    LabelTask,
    Value,
    Which,
)
from tidemill.data.labels.rows import Rows
from tidemill.data.labels.rules import MOST_HELD, parse_kind
from tidemill.data.service import DataService
from tidemill.ledger import Ledger, Transaction
from tidemill.objects import ObjectStore

_MOST_LISTED = 1000


class LabelService:
    """The verbs of labelling tasks.

    Args:
        ledger: Where the rows are.
        objects: Where the bytes are.
        data: Knows the versions.
    """

    local = frozenset({"file"})

    def __init__(self, ledger: Ledger, objects: ObjectStore, data: DataService) -> None:
        self._ledger = ledger
        self._objects = objects
        self._data = data
        self._rows = Rows(objects, data.place.reader)
        self._looker = Looker(ledger, data, self._rows)

    def create(  # noqa: PLR0913 - what can be asked, a parameter a thing
        self,
        actor: Actor,
        dataset: str,
        column: str,
        *,
        kind: str = "",
        choices: Sequence[str] = (),
        low: float | None = None,
        high: float | None = None,
        tolerance: float = 0.0,
        people: int = 1,
        where: str = "",
        sample: int | None = None,
        seed: int = 0,
        least_certain: str | None = None,
        quarantined: bool = False,
        suggest: str | None = None,
        show: Sequence[str] = (),
        guidelines: str = "",
        hold_s: int = 900,
        unmasked: bool = False,
        name: str = "",
    ) -> LabelTask:
        """Make a labelling task, or return the one of that name that asks the same, with `created` false.

        Args:
            actor: Who makes it.
            dataset: The version, such as `flights@3`.
            column: What the answers become: a new column, or one that is corrected.
            kind: `category`, `yes_no`, `number` or `text`; by the column where that is there and nothing is said.
            choices: What a category may be, in the order of their keys; the column's values where nothing is said.
            low: The least number.
            high: The greatest number.
            tolerance: How far apart numbers may be that are called equal.
            people: How many people answer each row.
            where: A condition on the columns that rows must fulfil, in the language of rules.
            sample: How many rows by chance, or of the least certain.
            seed: What the chance begins with.
            least_certain: A column of scores whose lowest come first.
            quarantined: Whether the rows are those that were put aside.
            suggest: A column whose value is offered; the column itself where it is corrected.
            show: The columns that people see; all when left out.
            guidelines: What people are told.
            hold_s: How long a dealt row is somebody's, in seconds.
            unmasked: Whether people see personal data as it is: for admins to order, on record.
            name: The task's name; `DATASET-COLUMN` when left out.

        Raises:
            InvalidLabelTask: If that cannot be asked.
            InvalidExpression: If the condition cannot be read.
            NoRowsToLabel: If it leaves none.
            LabelTaskExists: If the task of that name asks something else.
        """
        plan = LabelPlan(
            column=column,
            kind=parse_kind(kind or "text"),
            choices=tuple(choices),
            low=low,
            high=high,
            tolerance=tolerance,
            people=people,
            source=LabelSource.QUARANTINE if quarantined else LabelSource.ROWS,
            where=where.strip(),
            sample=sample,
            seed=seed,
            least_certain=least_certain,
            suggest=suggest,
            show=tuple(show),
            guidelines=guidelines,
            hold_s=hold_s,
            unmasked=unmasked,
        )
        version = self._data.get(actor, dataset)
        hidden = self._data.masks.seen_by(actor, version, unmasked=unmasked) or {}
        profile = self._data.profile(actor, version.id) if version.profile_digest else None
        return make_task(
            self._ledger,
            self._objects,
            self._rows,
            actor,
            version,
            None if column in hidden else profile,
            plan,
            name=name,
            infers=not kind,
        )

    def list(self, actor: Actor) -> list[LabelTask]:
        """Return all tasks, newest first."""
        del actor
        with self._ledger.read() as connection:
            return store.list_tasks(connection)

    def get(self, actor: Actor, task: str) -> LabelTask:
        """Return a task by its name.

        Raises:
            LabelTaskNotFound: If there is none.
        """
        del actor
        return find_task(self._ledger, task)

    def progress(self, actor: Actor, task: str) -> LabelProgress:
        """Return how far a task is: done and left, by person, with agreement."""
        del actor
        found = find_task(self._ledger, task)
        with self._ledger.read() as connection:
            return measuring.progress(connection, found, utc_now())

    def deal(self, actor: Actor, task: str, *, rows: int = 1) -> Hand:
        """Return rows that are this actor's for a while; those that they hold already come first.

        Args:
            actor: Who is to answer.
            task: The task.
            rows: How many, 50 at most.
        """
        found = find_task(self._ledger, task)
        count = max(1, min(rows, MOST_HELD))

        def work(tx: Transaction) -> Hand:
            items, until = deal(tx, found, actor.name, count)
            return self._looker.hand(tx.connection, found, actor.name, items, until)

        return self._looker.filled(actor, found, self._ledger.write(actor, work))

    def row(self, actor: Actor, task: str, item: int) -> LabelRow:
        """Return a row of a task, with what this actor answered.

        Raises:
            LabelItemNotFound: If there is no such row.
        """
        return self._looker.rows_of(actor, find_task(self._ledger, task), [item])[0]

    def answer(
        self,
        actor: Actor,
        task: str,
        item: int,
        *,
        value: Value | None = None,
        skip: str | None = None,
        note: str = "",
        seconds: float | None = None,
        answer_id: str = "",
    ) -> Answer:
        """Answer a row, or correct the answer that one gave; it is kept for good before this returns.

        Args:
            actor: Who answers.
            task: The task.
            item: The row's number in the task, from 1.
            value: The answer.
            skip: Why the row is skipped, instead of an answer.
            note: A note on the row.
            seconds: How long it took.
            answer_id: 32 hex digits by which an answer that is sent twice counts once; made when left out.

        Raises:
            InvalidAnswer: If it is not what the task asks for.
            LabelItemNotFound: If there is no such row.
        """
        found = find_task(self._ledger, task)
        said = said_of(found, item, value, skip=skip, note=note, seconds=seconds, answer_id=answer_id)
        return self._ledger.write(actor, lambda tx: keep_answer(tx, found, said))

    def answers(
        self, actor: Actor, task: str, *, person: str | None = None, item: int | None = None, limit: int = 100
    ) -> "Sequence[Answer]":
        """Return what was answered, newest first, with what was corrected since.

        Args:
            actor: Who asks.
            task: The task.
            person: Whose; everybody's when left out.
            item: On which row; all when left out.
            limit: The most answers, 1000 at most.
        """
        del actor
        found = find_task(self._ledger, task)
        most = max(1, min(limit, _MOST_LISTED))
        with self._ledger.read() as connection:
            return store.list_answers(connection, found.id, person=person, item=item, limit=most)

    def disagreements(
        self, actor: Actor, task: str, *, which: Which = Which.OPEN, start: int = 0, limit: int = 50
    ) -> "Sequence[Disagreement]":
        """Return rows on which people differ, or that were skipped, in the order of the task, with what each said.

        Args:
            actor: Who asks.
            task: The task.
            which: `open` for those on which people differ, `skipped` for those that somebody skipped and that are not
                done, `resolved` for those that a reviewer decided.
            start: How many to pass over.
            limit: The most rows, 1000 at most.
        """
        found = find_task(self._ledger, task)
        most = max(1, min(limit, _MOST_LISTED))
        return self._looker.disagreements(actor, found, which, start=max(0, start), limit=most)

    def resolve(self, actor: Actor, task: str, item: int, value: Value, *, note: str = "") -> Answer:
        """Decide a row, over what people said of it."""
        found = find_task(self._ledger, task)
        said = said_of(found, item, value, note=note)
        return self._ledger.write(actor, lambda tx: keep_resolution(tx, found, said))

    def finish(
        self,
        actor: Actor,
        task: str,
        *,
        into: str | None = None,
        onto: str | None = None,
        details: bool = False,
        only_labelled: bool = False,
        at_least: int = 1,
    ) -> Finished:
        """Make a dataset version with the answers so far; as often as one likes.

        Args:
            actor: Who does it.
            task: The task.
            into: The dataset that gets the version.
            onto: Another version of the dataset to put the answers on, by its key.
            details: Whether columns say who answered, and how far they agree.
            only_labelled: Whether rows that are not decided are left out.
            at_least: How many answers decide a row.

        Raises:
            NothingLabelled: If no row is decided.
            LabelsUnfit: If the answers cannot be put there.
            QualityFailed: If with the answers the table breaks a rule of its dataset.
        """
        found = find_task(self._ledger, task)
        wanted = Wanted(details=details, only_labelled=only_labelled)
        base = self._data.get(actor, found.version_id)
        target = self._data.get(actor, onto) if onto else base
        return finish(self._data.place, self._rows, actor, found, base, target, wanted, into=into, at_least=at_least)

    def close(self, actor: Actor, task: str) -> LabelTask:
        """Let a task deal no more rows; answers that are on their way still count."""
        return self._set_open(actor, task, is_open=False)

    def reopen(self, actor: Actor, task: str) -> LabelTask:
        """Let a task deal rows again."""
        return self._set_open(actor, task, is_open=True)

    def delete(self, actor: Actor, task: str) -> None:
        """Delete a task that is closed, with all answers, for good; the versions that it gave stay.

        Raises:
            LabelTaskNotFound: If there is none of that name.
            LabelTaskOpen: If it still deals rows.
        """
        left = end_all(self._ledger, actor)
        with self._ledger.read() as connection:
            is_done = task in left and store.find_task(connection, task) is None
        if not is_done:
            delete(self._ledger, actor, find_task(self._ledger, task))

    def file(self, actor: Actor, task: str, item: int) -> tuple[bytes, str]:
        """Return a file of a folder that is labelled, and what picture it is; empty where it is none."""
        return self._looker.file(actor, find_task(self._ledger, task), item)

    def _set_open(self, actor: Actor, task: str, *, is_open: bool) -> LabelTask:
        found = find_task(self._ledger, task)

        def work(tx: Transaction) -> None:
            tx.execute(sa.update(store.label_tasks).where(store.label_tasks.c.id == found.id).values(is_open=is_open))
            tx.audit("label_task.reopen" if is_open else "label_task.close", Ref("label_task", found.id))

        if found.is_open != is_open:
            self._ledger.write(actor, work)
        return find_task(self._ledger, found.id)
