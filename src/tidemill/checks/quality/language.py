"""Quality rules as they stand in a project file.

dep_delay: {nulls: "< 5%"}
carrier: {in: [UA, AA, B6, DL], severity: warn}
distance: {between: {is: [1, 6000], bad: "< 0.1%"}}
tailnum: {matches: "N[0-9]+[A-Z]*", optional: true}
plane: {references: planes.tailnum}
departed_at: {fresh: 2d}
table:
  rows: {between: [1000, null], change: "< 30%"}
  unique: [carrier, flight, departed_at]
  expect: ["arrived_at >= departed_at", {is: "distance < 5000", severity: warn}]
  drift: {against: flights@1, tolerance: 0.1}
"""

from collections.abc import Callable, Iterator, Mapping

from tidemill.checks.bounds import Bound, parse_bound
from tidemill.checks.errors import InvalidBound, InvalidRule
from tidemill.checks.quality.categories import In
from tidemill.checks.quality.drifting import DriftRule
from tidemill.checks.quality.expectation import Expect
from tidemill.checks.quality.finding import Severity
from tidemill.checks.quality.freshness import Fresh
from tidemill.checks.quality.missing_values import Nulls
from tidemill.checks.quality.monotone import Increasing
from tidemill.checks.quality.pattern import Matches
from tidemill.checks.quality.ranges import Between
from tidemill.checks.quality.references import References
from tidemill.checks.quality.row_count import RowCount
from tidemill.checks.quality.rule import TABLE, Rule, RuleProblem
from tidemill.checks.quality.rule_book import RuleBook, RuleEntry
from tidemill.checks.quality.schema import Type
from tidemill.checks.quality.text_length import Length
from tidemill.checks.quality.together import UniqueTogether
from tidemill.checks.quality.unique import Unique
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

Parse = Callable[[object, RuleProblem], Rule | None]

RULES: dict[str, Parse] = {
    "nulls": Nulls.parse,
    "type": Type.parse,
    "in": In.parse,
    "between": Between.parse,
    "matches": Matches.parse,
    "length": Length.parse,
    "unique": Unique.parse,
    "increasing": Increasing.parse,
    "references": References.parse,
    "fresh": Fresh.parse,
    "expect": Expect.parse,
}
"""What each word under a column orders, given its value."""

TABLE_RULES: dict[str, Parse] = {
    "rows": RowCount.parse,
    "unique": UniqueTogether.parse,
    "expect": Expect.parse,
    "drift": DriftRule.parse,
}
"""What each word under `table` orders."""

MOST_RULES = 20_000
_MOST_VALUES = 200_000
_DEEPEST = 8
_WHOLE = (Nulls, Fresh, RowCount, DriftRule)
_OPTIONAL, _SEVERITY, _BAD, _IS = "optional", "severity", "bad", "is"


def parse_rules(rules: Mapping[str, object]) -> RuleBook:
    """Return the rules of a project file.

    Args:
        rules: By column, a mapping from a rule's word to its value; `optional: true` lets the column be absent, and
            `severity: warn` lets a broken rule only warn. Under `table` stand the rules of the table; a column that
            is called so is written in backquotes.

    Raises:
        InvalidRule: If a word is no rule, or a value is not one that its rule takes; names column, rule and the
            nearest valid word.
    """
    check_size(rules)
    parsed: list[RuleEntry] = []
    for key, given in rules.items():
        column = "" if key == TABLE else _bare(str(key))
        if not isinstance(given, Mapping):
            raise InvalidRule(
                f"The rules of {RuleProblem(column=column, word='').subject} are {shown(str(given))}",
                hint="Write a mapping from rule to value, such as {nulls: '< 5%'}.",
                where=f"rules.{key}",
            )
        parsed += _parse_column(column, given)
        if len(parsed) > MOST_RULES:
            raise InvalidRule(
                f"There are more than {MOST_RULES:,} rules", hint="Keep those that matter.", where="rules"
            )
    seen: set[tuple[str, str]] = set()
    for one in parsed:
        name = one.rule.label(), one.columns[0] if one.columns else ""
        if name in seen:
            raise InvalidRule(
                f"The rule {shown(one.rule.written())} stands twice",
                hint="Remove one.",
                where=f"rules.{one.column or TABLE}",
            )
        seen.add(name)
    return RuleBook(parsed)


def _bare(key: str) -> str:
    """Return the column that a key names: what stands between backquotes, or the key as it is."""
    return key[1:-1] if len(key) > 2 and key[0] == key[-1] == "`" else key


def _parse_column(column: str, given: Mapping[object, object]) -> Iterator[RuleEntry]:
    is_optional = _is_optional(column, given)
    severity = _severity(given.get(_SEVERITY), RuleProblem(column=column, word=_SEVERITY))
    known = RULES if column else TABLE_RULES
    for key, value in given.items():
        word = str(key)
        if word in {_OPTIONAL, _SEVERITY}:
            continue
        problem = RuleProblem(column=column, word=word)
        if word not in known:
            raise _unknown(word, problem, [*known, _SEVERITY, *([_OPTIONAL] if column else [])])
        for each in _each(word, value, at_table=not column):
            bare, own, tolerated = _modified(each, severity, problem)
            rule = known[word](bare, problem)
            if rule is None:
                continue
            if tolerated and isinstance(rule, _WHOLE):
                raise problem.error(each, "`bad` fits rules that rows break one by one.")
            yield RuleEntry(column=column, rule=rule, is_optional=is_optional, severity=own, tolerated=tolerated)


def _each(word: str, value: object, *, at_table: bool) -> list[object]:
    """Return the values of a rule that may be written several times, as a list."""
    if word == "expect" and isinstance(value, list | tuple) and value:
        return list(value)
    if word in {"unique", "drift"} and at_table and isinstance(value, list | tuple) and value:
        return list(value) if all(isinstance(each, list | tuple | Mapping) for each in value) else [value]
    return [value]


def _modified(value: object, severity: Severity, problem: RuleProblem) -> tuple[object, Severity, Bound | None]:
    """Return a rule's value without what modifies it: `{is: [1, 6000], severity: warn, bad: '< 1%'}`."""
    if not isinstance(value, Mapping):
        return value, severity, None
    rest = {key: inner for key, inner in value.items() if key not in {_SEVERITY, _BAD}}
    own = _severity(value[_SEVERITY], problem) if _SEVERITY in value else severity
    tolerated = None
    if _BAD in value:
        try:
            tolerated = parse_bound(str(value[_BAD]))
        except InvalidBound as error:
            raise problem.error(value[_BAD], "Write the share of rows that may break it, such as '< 1%'.") from error
        if tolerated.is_floor:
            raise problem.error(value[_BAD], "Bound bad rows from above, such as '< 1%'.")
    if _IS in rest and len(rest) > 1:
        stray = next(str(key) for key in rest if key != _IS)
        raise problem.error(stray, did_you_mean(stray, [_IS, _SEVERITY, _BAD]))
    return rest.get(_IS, rest), own, tolerated


def _severity(value: object, problem: RuleProblem) -> Severity:
    if value is None:
        return Severity.FAIL
    if value not in list(Severity):
        raise problem.error(value, did_you_mean(str(value), list(Severity)))
    return Severity(str(value))


def _is_optional(column: str, given: Mapping[object, object]) -> bool:
    value = given.get(_OPTIONAL, False)
    if not isinstance(value, bool) or (value and not column):
        raise RuleProblem(column=column, word=_OPTIONAL).error(value, "Write true or false, under a column.")
    return value


def _unknown(word: str, problem: RuleProblem, known: list[str]) -> InvalidRule:
    hint = did_you_mean(word, known)
    if not problem.column and word in RULES:
        hint = "It is a rule of columns; rules of a column that is called table stand under '`table`', in backquotes."
    elif problem.column and word in TABLE_RULES:
        hint = f"It is a rule of the whole: write it under `{TABLE}`."
    return InvalidRule(
        f"{problem.subject.capitalize() if not problem.column else 'Column ' + shown(problem.column)} has no rule "
        f"{shown(word)} to keep",
        hint=hint,
        where=problem.place,
        details={"column": problem.column, "rule": word},
    )


def check_size(rules: object) -> None:
    """Refuse rules that are nested too deep or, as aliases of YAML allow, far larger than they were written.

    Raises:
        InvalidRule: If they are.
    """
    waiting, seen = [(rules, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST_VALUES:
            fault = "nested too deep" if depth > _DEEPEST else f"more than {_MOST_VALUES:,} values"
            raise InvalidRule(f"The rules are {fault}", hint="Write {column: {rule: value}}.", where="rules")
        if isinstance(value, Mapping):
            waiting.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list | tuple):
            waiting.extend((inner, depth + 1) for inner in value)
