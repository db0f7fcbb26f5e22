"""How far a task is, and how far people agree on it."""

from collections.abc import Hashable
from itertools import combinations

import sqlalchemy as sa

from tidemill.core.moments import Moment
from tidemill.data.labels import store
from tidemill.data.labels.agreement import alpha_interval, alpha_nominal, cohen_kappa, confusion, raw_agreement, shared
from tidemill.data.labels.deciding import decisions
from tidemill.data.labels.making import given
from tidemill.data.labels.records import (
    Agreement,
    Confusion,
    LabelKind,
    LabelPlan,
    LabelProgress,
    LabelTask,
    Pair,
    Which,
)
from tidemill.data.labels.rules import differ
from tidemill.data.labels.store import decode_value
from tidemill.data.store import dataset_versions

_MOST_VOTES = 100_000
_MOST_VALUES = 40
"""The most values of which a table of answers against decisions is drawn."""

Votes = dict[int, dict[str, Hashable]]


def progress(connection: sa.Connection, task: LabelTask, now: Moment) -> LabelProgress:
    """Return how far a task is."""
    people = store.people_of(connection, task.id, now)
    return LabelProgress(
        task=task,
        left=task.rows - task.done,
        answers=sum(person.answered for person in people),
        wanted=task.rows * task.plan.people,
        people=tuple(people),
        agreement=measure(connection, task) if len(people) > 1 else None,
        disagreements=store.count_differing(connection, task, Which.OPEN),
        skipped=store.count_differing(connection, task, Which.SKIPPED),
        resolved=store.count_differing(connection, task, Which.RESOLVED),
        versions=tuple(_refs(connection, given(connection, task.id))),
    )


def _refs(connection: sa.Connection, identifiers: list[str]) -> list[str]:
    table = dataset_versions.c
    found = connection.execute(sa.select(table.id, table.dataset, table.number).where(table.id.in_(identifiers)))
    names = {row.id: f"{row.dataset}@{row.number}" for row in found}
    return [names[identifier] for identifier in identifiers if identifier in names]


def measure(connection: sa.Connection, task: LabelTask) -> Agreement | None:
    """Return how far people agree on the rows with two answers or more; None where there is none."""
    kept = store.votes(connection, task.id, least=2, limit=_MOST_VOTES + 1)
    is_partial = len(kept) > _MOST_VOTES
    kept = sorted(kept[:_MOST_VOTES])
    votes: Votes = {}
    for item, person, text in kept:
        votes.setdefault(item, {})[person] = decode_value(text)
    units = [list(unit.values()) for unit in votes.values() if len(unit) > 1]
    if not units:
        return None
    plan = task.plan
    equal = raw_agreement(units, lambda values: differ(plan, values))  # type: ignore[arg-type]  # they are answers
    return Agreement(
        rows=len(units),
        answers=sum(len(unit) for unit in units),
        equal=equal or 0.0,
        alpha=_alpha(plan, units),
        pairs=tuple(_pairs(plan, votes)),
        confusions=tuple(_confusions(connection, task, kept, votes)),
        is_partial=is_partial,
    )


def _alpha(plan: LabelPlan, units: list[list[Hashable]]) -> float | None:
    if plan.kind is LabelKind.NUMBER:
        return alpha_interval([[float(value) for value in unit] for unit in units])  # type: ignore[arg-type]  # numbers
    return alpha_nominal(units)


def _people(votes: Votes) -> list[str]:
    return sorted({person for unit in votes.values() for person in unit})


def _pairs(plan: LabelPlan, votes: Votes) -> list[Pair]:
    found = []
    for first, second in combinations(_people(votes), 2):
        one, other = shared(votes, first, second)
        if not one:
            continue
        equal = sum(not differ(plan, pair) for pair in zip(one, other, strict=True))  # type: ignore[arg-type]  # answers
        kappa = None if plan.kind is LabelKind.NUMBER else cohen_kappa(one, other)
        found.append(Pair(first=first, second=second, rows=len(one), equal=equal / len(one), kappa=kappa))
    return found


def _confusions(
    connection: sa.Connection, task: LabelTask, kept: list[tuple[object, ...]], votes: Votes
) -> list[Confusion]:
    """Return each person's answers against what was decided; of numbers and texts, only how many are equal."""
    plan = task.plan
    resolved = {item: found for item, found in store.resolutions(connection, task.id).items() if item in votes}
    decided = {found.item: found.value for found in decisions(plan, kept, resolved) if found}
    values: tuple[Hashable, ...] = plan.choices or ((False, True) if plan.kind is LabelKind.YES_NO else ())
    values = values if len(values) <= _MOST_VALUES else ()
    found = []
    for person in _people(votes):
        rows = [item for item, unit in votes.items() if person in unit and item in decided]
        if not rows:
            continue
        said, truth = [votes[item][person] for item in rows], [decided[item] for item in rows]
        equal = sum(not differ(plan, pair) for pair in zip(said, truth, strict=True))  # type: ignore[arg-type]  # answers
        found.append(
            Confusion(
                person=person,
                values=tuple({False: "no", True: "yes"}.get(value, str(value)) for value in values),  # type: ignore[call-overload]  # a choice is no key
                counts=confusion(said, truth, values),
                equal=equal / len(rows),
            )
        )
    return found
