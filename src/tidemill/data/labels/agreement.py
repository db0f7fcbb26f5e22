"""How far people agree: the share of equal answers, Cohen's kappa of two, Krippendorff's alpha of all; pure."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import combinations

Units = Sequence[Sequence[Hashable]]
"""The answers of each row; rows with less than two say nothing of agreement."""

_TINY = 1e-12


def raw_agreement(units: Sequence[Sequence[object]], differ: Callable[[Sequence[object]], bool]) -> float | None:
    """Return the share of pairs of answers to the same row that are equal.

    Args:
        units: The answers of each row.
        differ: Says whether some answers are not all equal.

    Returns:
        From 0 to 1; None where no row has two answers.
    """
    pairs = equal = 0
    for unit in units:
        for one, other in combinations(unit, 2):
            pairs += 1
            equal += not differ([one, other])
    return equal / pairs if pairs else None


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Return how far two people agree beyond chance.

    Args:
        first: One person's answers.
        second: The other's, to the same rows in the same order.

    Returns:
        1 for full agreement, 0 for what chance gives, below 0 for less; None where both always say the same one thing,
        so that chance explains all of it, or where there are no answers.

    Source:
        Cohen, A coefficient of agreement for nominal scales (1960), Educational and Psychological Measurement 20(1).
    """
    rows = len(first)
    if not rows:
        return None
    observed = sum(one == other for one, other in zip(first, second, strict=True)) / rows
    left, right = Counter(first), Counter(second)
    by_chance = sum(left[value] * right[value] for value in left) / rows**2
    return None if 1 - by_chance < _TINY else (observed - by_chance) / (1 - by_chance)


def alpha_nominal(units: Units) -> float | None:
    """Return Krippendorff's alpha of answers that are equal or not, however many people answered each row.

    Args:
        units: The answers of each row.

    Returns:
        1 for full agreement, 0 for what chance gives; None where all answers are the same, or no row has two.

    Source:
        Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), University of Pennsylvania, section C.
    """
    paired = [Counter(unit) for unit in units if len(unit) > 1]
    totals: Counter[Hashable] = Counter()
    observed = 0.0
    for counts in paired:
        size = sum(counts.values())
        totals.update(counts)
        observed += (size**2 - sum(count**2 for count in counts.values())) / (size - 1)
    size = sum(totals.values())
    expected = (size**2 - sum(count**2 for count in totals.values())) / (size - 1) if size > 1 else 0.0
    return None if expected < _TINY else 1 - observed / expected


def alpha_interval(units: Sequence[Sequence[float]]) -> float | None:
    """Return Krippendorff's alpha of numbers, whose difference counts by its square.

    Args:
        units: The answers of each row.

    Returns:
        1 for full agreement, 0 for what chance gives; None where all answers are the same, or no row has two.

    Source:
        Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), University of Pennsylvania, section C, with the
        sum over pairs of squared differences written by the sums of values and of their squares.
    """
    paired = [unit for unit in units if len(unit) > 1]
    values = [value for unit in paired for value in unit]
    if not values or min(values) == max(values):
        return None
    centre = sum(values) / len(values)  # sums of squares of what lies far from zero would lose the differences
    observed = sum(_spread([value - centre for value in unit]) / (len(unit) - 1) for unit in paired)
    expected = _spread([value - centre for value in values]) / (len(values) - 1)
    return 1 - observed / expected if expected else None


def _spread(values: Sequence[float]) -> float:
    """Return the sum over all ordered pairs of the squared difference."""
    return max(0.0, 2 * (len(values) * sum(value**2 for value in values) - sum(values) ** 2))


def confusion(
    answered: Sequence[Hashable], decided: Sequence[Hashable], values: Sequence[Hashable]
) -> tuple[tuple[int, ...], ...]:
    """Return how often each value was answered where each was decided: a row for each decided value.

    Args:
        answered: A person's answers.
        decided: What was decided of the same rows.
        values: The values, in the order of rows and columns; others are not counted.
    """
    counts = Counter(zip(decided, answered, strict=True))
    return tuple(tuple(counts[row, column] for column in values) for row in values)


def shared(
    votes: Mapping[int, Mapping[str, Hashable]], first: str, second: str
) -> tuple[list[Hashable], list[Hashable]]:
    """Return what two people say of the rows that both answered.

    Args:
        votes: The answers of each row by person.
        first: One person.
        second: The other.
    """
    both = [row for row in votes.values() if first in row and second in row]
    return [row[first] for row in both], [row[second] for row in both]
