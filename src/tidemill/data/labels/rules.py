"""What may be asked and answered, and what answers decide; pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from tidemill.core.names import check_name, check_text, shown
from tidemill.core.nearest import did_you_mean
from tidemill.data.labels.errors import InvalidAnswer, InvalidLabelTask
from tidemill.data.labels.records import LabelKind, LabelPlan, LabelSource, Value

MOST_CHOICES = 500
MOST_PEOPLE = 20
MOST_HELD = 50
"""The most rows that one person holds at a time."""
LONGEST_CHOICE = 200
LONGEST_TEXT = 20_000
LONGEST_NOTE = 2_000
LONGEST_GUIDELINES = 20_000
LONGEST_EXPRESSION = 4_000
LEAST_HOLD_S, MOST_HOLD_S = 1, 7 * 86_400
_YES, _NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}


def task_name(dataset: str, column: str) -> str:
    """Return the name of a task that was given none."""
    return check_name(f"{dataset}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', column).strip('-') or 'label'}"[:128], "task")


def parse_kind(word: str) -> LabelKind:
    """Return the kind of answers that a word names.

    Raises:
        InvalidLabelTask: If it names none.
    """
    try:
        return LabelKind(word)
    except ValueError:
        raise InvalidLabelTask(
            f"{shown(word)} is no kind of answer", hint=did_you_mean(word, [kind.value for kind in LabelKind])
        ) from None


def check_plan(plan: LabelPlan, columns: Sequence[str]) -> LabelPlan:
    """Return a plan if it can be asked of a table.

    Args:
        plan: The plan.
        columns: The table's columns.

    Raises:
        InvalidLabelTask: If it cannot.
    """
    check_text(plan.column, "the column", 200)
    if not plan.column or plan.column.startswith("_"):
        raise InvalidLabelTask(
            f"{shown(plan.column)} is no column for answers", hint="Give a name that begins with no underscore."
        )
    if plan.source is LabelSource.FILES and plan.column in {"path", "digest", "size"}:
        raise InvalidLabelTask(f"{shown(plan.column)} is a column of the files", hint="Name another column.")
    check_text(plan.guidelines, "the guidelines", LONGEST_GUIDELINES, lines=True)
    check_text(plan.where, "the filter", LONGEST_EXPRESSION, lines=True)
    for name in (*plan.show, *(name for name in (plan.suggest, plan.least_certain) if name)):
        if name not in columns:
            raise InvalidLabelTask(f"There is no column {shown(name)}", hint=did_you_mean(name, columns))
    _check_choices(plan)
    _check_numbers(plan)
    return plan


def _check_choices(plan: LabelPlan) -> None:
    if plan.kind is not LabelKind.CATEGORY:
        if plan.choices:
            raise InvalidLabelTask(f"A {plan.kind} has no choices", hint="Leave them out, or make it a category.")
        return
    if len(plan.choices) < 2 or len(plan.choices) > MOST_CHOICES or len(set(plan.choices)) < len(plan.choices):
        raise InvalidLabelTask(
            f"{len(plan.choices)} choices cannot be asked for", hint=f"Give 2 to {MOST_CHOICES}, each once."
        )
    for choice in plan.choices:
        check_text(choice, "a choice", LONGEST_CHOICE)
        if not choice.strip():
            raise InvalidLabelTask("A choice is empty", hint="Give each choice a word.")


def _check_numbers(plan: LabelPlan) -> None:
    numbers = [number for number in (plan.low, plan.high, plan.tolerance) if number is not None]
    if not all(map(math.isfinite, numbers)) or plan.tolerance < 0:
        raise InvalidLabelTask("A limit is no finite number", hint="Give plain numbers, and a tolerance from 0 on.")
    if plan.kind is not LabelKind.NUMBER and (plan.low is not None or plan.high is not None or plan.tolerance):
        raise InvalidLabelTask(f"A {plan.kind} has no range", hint="Leave out low, high and tolerance.")
    if plan.low is not None and plan.high is not None and plan.low >= plan.high:
        raise InvalidLabelTask(f"Nothing lies between {plan.low:g} and {plan.high:g}", hint="Give low below high.")
    if not 1 <= plan.people <= MOST_PEOPLE:
        raise InvalidLabelTask(f"{plan.people} people a row cannot be asked", hint=f"Give 1 to {MOST_PEOPLE}.")
    if plan.sample is not None and plan.sample < 1:
        raise InvalidLabelTask("The sample holds no row", hint="Give a number from 1 on.")
    if not LEAST_HOLD_S <= plan.hold_s <= MOST_HOLD_S:
        raise InvalidLabelTask(f"{plan.hold_s} s is no time to hold a row", hint="Give 1 second to 7 days.")


def read_value(plan: LabelPlan, value: Value) -> Value:
    """Return an answer as the task's kind has it; what a person types may stand as text.

    Raises:
        InvalidAnswer: If it is not what the task asks for.
    """
    match plan.kind:
        case LabelKind.CATEGORY:
            if value not in plan.choices:
                raise InvalidAnswer(
                    f"{shown(str(value))} is none of the choices", hint=did_you_mean(str(value), plan.choices)
                )
            return value
        case LabelKind.YES_NO:
            word = str(value).strip().lower()
            if word not in _YES | _NO:
                raise InvalidAnswer(f"{shown(str(value))} is neither yes nor no", hint="Answer yes or no.")
            return word in _YES
        case LabelKind.NUMBER:
            return _read_number(plan, value)
        case LabelKind.TEXT:
            text = check_text(str(value), "the answer", LONGEST_TEXT, lines=True)
            if not text.strip():
                raise InvalidAnswer("The answer is empty", hint="Write something, or skip the row.")
            return text


def _read_number(plan: LabelPlan, value: Value) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidAnswer(f"{shown(str(value))} is no number", hint="Write it as 12 or 12.5.")
    if (plan.low is not None and number < plan.low) or (plan.high is not None and number > plan.high):
        low, high = ("" if end is None else f"{end:g}" for end in (plan.low, plan.high))
        raise InvalidAnswer(f"{number:g} is out of range", hint=f"Give a number from {low or '…'} to {high or '…'}.")
    return number + 0.0  # no negative zero, which would differ from zero where texts are compared


def offered(plan: LabelPlan, value: object) -> Value | None:
    """Return a column's value as a suggestion, None where it is none that could be answered."""
    if value is None:
        return None
    try:
        return read_value(plan, value if isinstance(value, bool | float | str) else str(value))
    except InvalidAnswer:
        return None


def differ(plan: LabelPlan, values: Sequence[Value]) -> bool:
    """Return whether answers to one row are not all equal."""
    if plan.kind is LabelKind.NUMBER:
        numbers = [float(value) for value in values]
        return bool(numbers) and max(numbers) - min(numbers) > plan.tolerance
    return len(set(values)) > 1


def decide(plan: LabelPlan, values: Sequence[Value]) -> Value | None:
    """Return what answers to one row decide: what more than half say, the median of numbers; None where neither is."""
    if not values:
        return None
    if plan.kind is LabelKind.NUMBER:
        numbers = sorted(float(value) for value in values)
        middle = len(numbers) // 2
        return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2
    value, votes = Counter(values).most_common(1)[0]
    return value if 2 * votes > len(values) else None


def share_equal(plan: LabelPlan, values: Sequence[Value], decided: Value) -> float:
    """Return the share of answers that are the decided one."""
    equal = sum(not differ(plan, [value, decided]) for value in values)
    return equal / len(values) if values else 1.0
