"""What exists: labelling tasks, the rows they deal, what people answered, and how far it is."""

from enum import StrEnum

import msgspec

from tidemill.core.moments import Moment
from tidemill.data.records import DatasetVersion

Value = str | float | bool
"""What somebody answers: a choice or a text, a number, or yes and no."""


class LabelKind(StrEnum):
    """What kind of answer a task asks for."""

    CATEGORY = "category"
    YES_NO = "yes_no"
    NUMBER = "number"
    TEXT = "text"


class LabelSource(StrEnum):
    """What a task's rows are: of the table, of those put aside, or the files of a folder."""

    ROWS = "rows"
    QUARANTINE = "quarantine"
    FILES = "files"


class LabelPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a task asks; two tasks with equal plans on one version are one.

    Args:
        column: What the answers become.
        kind: The kind of an answer.
        choices: What a category may be, in the order of their keys.
        low: The least number.
        high: The greatest number.
        people: How many people answer each row.
        source: What the rows are.
        where: A condition that rows must fulfil; empty for all.
        sample: How many rows by chance, or of the least certain; None for all.
        seed: What the chance begins with.
        least_certain: The column of scores whose lowest come first.
        suggest: The column whose value is offered.
        show: The columns that people see; empty for all.
        guidelines: What they are told.
        tolerance: How far apart numbers may be that are called equal.
        hold_s: How long a dealt row is somebody's, in seconds.
        unmasked: Whether people see personal data as it is.
    """

    column: str
    kind: LabelKind
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    people: int = 1
    source: LabelSource = LabelSource.ROWS
    where: str = ""
    sample: int | None = None
    seed: int = 0
    least_certain: str | None = None
    suggest: str | None = None
    show: tuple[str, ...] = ()
    guidelines: str = ""
    tolerance: float = 0.0
    hold_s: int = 900
    unmasked: bool = False


class LabelTask(msgspec.Struct, frozen=True, kw_only=True):
    """A labelling task.

    Args:
        id: Its identifier.
        name: What people call it.
        dataset: The dataset.
        version: The version, such as `flights@3`.
        version_id: Its identifier.
        plan: What is asked.
        rows: How many rows it has.
        dealt: How many of them were dealt at least once.
        done: How many have as many answers as the task asks, or were resolved.
        is_open: Whether it deals rows.
        created_at: When it was made.
        created_by: Who made it.
        created: Whether this call made it.
    """

    id: str
    name: str
    dataset: str
    version: str
    version_id: str
    plan: LabelPlan
    rows: int
    dealt: int
    done: int
    is_open: bool
    created_at: Moment
    created_by: str
    created: bool = False


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A column's value in a row, as text."""

    name: str
    text: str | None


class LabelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that somebody answers.

    Args:
        item: Its number in the task, from 1.
        position: Its number in the version, from 1.
        cells: What people see of it.
        file: The path, where it is a file of a folder.
        media: The type of the file where it can be shown as a picture, such as `image/png`; else empty.
        suggestion: What is offered.
        answer: What this person answered last.
        skipped: Why this person skipped it.
        note: What this person noted.
        until: Until when it is this person's; None when it is not dealt to them.
    """

    item: int
    position: int
    cells: tuple[Cell, ...]
    file: str | None = None
    media: str = ""
    suggestion: Value | None = None
    answer: Value | None = None
    skipped: str | None = None
    note: str = ""
    until: Moment | None = None


class Hand(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is dealt.

    Args:
        rows: The rows, in the order in which they are asked.
        left: How many rows of the task are not done; where none is dealt, they wait with others, or were skipped.
        answered: How many this person answered.
        is_open: Whether the task deals rows.
    """

    rows: tuple[LabelRow, ...]
    left: int
    answered: int
    is_open: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of a row; corrections are further answers.

    Args:
        id: Its identifier.
        item: The row's number in the task, from 1.
        person: Who said it.
        value: What; None when the row was skipped.
        skipped: Why it was skipped.
        note: A note.
        seconds: How long it took; None when nobody measured.
        at: When it was kept.
        is_resolution: Whether a reviewer decided the row with it.
        corrects: Whether the person had answered the row before.
    """

    id: str
    item: int
    person: str
    value: Value | None = None
    skipped: str | None = None
    note: str = ""
    seconds: float | None = None
    at: Moment
    is_resolution: bool = False
    corrects: bool = False


class PersonProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one person is.

    Args:
        person: Their name.
        answered: Rows they answered.
        skipped: Rows they skipped.
        in_hand: Rows that are theirs now.
        seconds: What a row took them, on average; None when nobody measured.
        last_at: When they last answered.
    """

    person: str
    answered: int
    skipped: int
    in_hand: int
    seconds: float | None
    last_at: Moment | None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """How two people agree: on how many rows, the share of equal answers, and Cohen's kappa of it."""

    first: str
    second: str
    rows: int
    equal: float
    kappa: float | None


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answers against what was decided: a count for each decided value and each answered one."""

    person: str
    values: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    equal: float


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How people agree, on rows with two answers or more.

    Args:
        rows: Those rows.
        answers: Their answers.
        equal: The share of pairs of answers that are equal.
        alpha: Krippendorff's alpha; None where there is no variation to measure it by.
        pairs: Each two people.
        confusions: Each person against what was decided.
        is_partial: Whether there are more than were counted.
    """

    rows: int
    answers: int
    equal: float
    alpha: float | None
    pairs: tuple[Pair, ...]
    confusions: tuple[Confusion, ...]
    is_partial: bool = False


class LabelProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a task is.

    Args:
        task: The task.
        left: Rows that are not done.
        answers: How many rows people answered, counted for each person.
        wanted: How many answers the task asks in all.
        people: Each person, who answered most first.
        agreement: How they agree; None while no row has two answers.
        disagreements: Rows on which people differ and nobody decided.
        skipped: Rows that somebody skipped and that are not done.
        resolved: Rows that a reviewer decided.
        versions: What was made of it, newest first.
    """

    task: LabelTask
    left: int
    answers: int
    wanted: int
    people: tuple[PersonProgress, ...]
    agreement: Agreement | None
    disagreements: int
    skipped: int
    resolved: int
    versions: tuple[str, ...]


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """What one person says of a row now; no value where they skipped it, and why."""

    person: str
    value: Value | None = None
    skipped: str | None = None
    note: str = ""


class Which(StrEnum):
    """Which rows a reviewer looks at: on which people differ, that were skipped and are not done, that are resolved."""

    OPEN = "open"
    SKIPPED = "skipped"
    RESOLVED = "resolved"


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A row on which people differ, that somebody skipped, or that a reviewer decided."""

    row: LabelRow
    votes: tuple[Vote, ...]
    decided: Value | None
    resolved_by: str | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What finishing a task gave.

    Args:
        version: The version; `created` says whether this call made it.
        decided: Rows whose answer is in it.
        undecided: Rows with answers that decide nothing.
        unmatched: Decided rows that the version it was put on does not have, by key.
    """

    version: DatasetVersion
    decided: int
    undecided: int
    unmatched: int = 0
