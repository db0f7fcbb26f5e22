"""Quality rules as they stand in a project file.

dep_delay: {nulls: "< 5%"}
carrier: {in: [UA, AA, B6, DL]}
distance: {between: [1, 6000]}
tailnum: {matches: "N[0-9]+[A-Z]*", optional: true}
flight_id: {unique: true, nulls: never, type: integer}
"""

from collections.abc import Callable, Mapping

from tidemill.checks.errors import InvalidRule
from tidemill.checks.quality.categories import In
from tidemill.checks.quality.missing_values import Nulls
from tidemill.checks.quality.monotone import Increasing
from tidemill.checks.quality.pattern import Matches
from tidemill.checks.quality.ranges import Between
from tidemill.checks.quality.rule import Rule, RuleProblem
from tidemill.checks.quality.rule_book import ColumnRule, RuleBook
from tidemill.checks.quality.schema import Type
from tidemill.checks.quality.text_length import Length
from tidemill.checks.quality.unique import Unique
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

RULES: dict[str, Callable[[object, RuleProblem], Rule | None]] = {
    "nulls": Nulls.parse,
    "type": Type.parse,
    "in": In.parse,
    "between": Between.parse,
    "matches": Matches.parse,
    "length": Length.parse,
    "unique": Unique.parse,
    "increasing": Increasing.parse,
}
"""What each word orders, given its value."""

_OPTIONAL = "optional"


def parse_rules(rules: Mapping[str, object]) -> RuleBook:
    """Return the rules of a project file.

    Args:
        rules: By column, a mapping from a rule's word to its value. `optional: true` lets the column be absent.

    Raises:
        InvalidRule: If a word is no rule, or a value is not one that its rule takes; names column, rule and the
            nearest valid word.
    """
    parsed: list[ColumnRule] = []
    for column, given in rules.items():
        if not isinstance(given, Mapping):
            raise InvalidRule(
                f"The rules of column {shown(column)} are {shown(str(given))}",
                hint="Write a mapping from rule to value, such as {nulls: '< 5%'}.",
                where=f"rules.{column}",
            )
        is_optional = _is_optional(column, given)
        for word, value in given.items():
            if word == _OPTIONAL:
                continue
            rule = _parse_rule(column, str(word), value)
            if rule is not None:
                parsed.append(ColumnRule(column=column, rule=rule, is_optional=is_optional))
    return RuleBook(parsed)


def _is_optional(column: str, given: Mapping[object, object]) -> bool:
    value = given.get(_OPTIONAL, False)
    if not isinstance(value, bool):
        raise RuleProblem(column=column, word=_OPTIONAL).error(value, "Write true or false.")
    return value


def _parse_rule(column: str, word: str, value: object) -> Rule | None:
    if word not in RULES:
        raise InvalidRule(
            f"Column {shown(column)} has no rule {shown(word)} to keep",
            hint=did_you_mean(word, [*RULES, _OPTIONAL]),
            where=f"rules.{column}.{word}",
            details={"column": column, "rule": word},
        )
    return RULES[word](value, RuleProblem(column=column, word=word))
