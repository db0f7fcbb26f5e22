"""What the answers of a task decide, row by row."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from tidemill.data.labels.records import LabelPlan, Value
from tidemill.data.labels.rules import decide, share_equal
from tidemill.data.labels.store import decode_value


class Decided(NamedTuple):
    """A decided row.

    Args:
        item: Its number in the task, from 1.
        value: What was decided.
        by: Who said so: the reviewer, or those who answered, by comma.
        agreement: The share of answers that are the decided one.
    """

    item: int
    value: Value
    by: str
    agreement: float


def decisions(
    plan: LabelPlan,
    votes: Sequence[tuple[Any, ...]],
    resolutions: Mapping[int, tuple[str, str]],
    *,
    least: int = 1,
) -> Iterator[Decided | None]:
    """Yield what was decided of each row that has answers or a resolution; None for one that stays undecided.

    Args:
        plan: What is asked.
        votes: Item, person and kept value of each answer, in the order of the items.
        resolutions: The kept value and the reviewer of rows that a reviewer decided.
        least: How many answers a row must have.
    """
    kept = dict(resolutions)
    read = {text: decode_value(text) for text in {text for _, _, text in votes}}
    for item, group in groupby(votes, key=lambda vote: vote[0]):
        said = [(person, read[text]) for _, person, text in group]
        values = [value for _, value in said]
        if resolution := kept.pop(item, None):
            value = decode_value(resolution[0])
            yield Decided(item, value, resolution[1], share_equal(plan, values, value))
            continue
        if len(values) >= least and values.count(values[0]) == len(values):
            yield Decided(item, values[0], ",".join(person for person, _ in said), 1.0)
            continue
        found = decide(plan, values) if len(values) >= least else None
        if found is None:
            yield None
            continue
        agreeing = [person for person, value in said if plan.tolerance or value == found] or [who for who, _ in said]
        yield Decided(item, found, ",".join(agreeing), share_equal(plan, values, found))
    for item, (text, person) in sorted(kept.items()):
        yield Decided(item, decode_value(text), person, 1.0)
