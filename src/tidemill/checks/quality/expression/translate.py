"""From the tree of an expression to Polars, every part of a known kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tidemill.checks.quality.expression import kinds
from tidemill.checks.quality.expression.functions import FUNCTIONS, SAME, expected, takes_so_many
from tidemill.checks.quality.expression.kinds import BOOLEAN, DURATION, MOMENT, NOTHING, NUMBER, TEXT, Typed
from tidemill.checks.quality.expression.tree import Call, Name, Node, Value, fault
from tidemill.checks.quality.pattern import pattern_fault
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_ORDERED = {NUMBER, TEXT, MOMENT, DURATION}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_SUMS = {
    ("+", NUMBER, NUMBER): NUMBER, ("-", NUMBER, NUMBER): NUMBER,
    ("*", NUMBER, NUMBER): NUMBER, ("/", NUMBER, NUMBER): NUMBER, ("%", NUMBER, NUMBER): NUMBER,
    ("-", MOMENT, MOMENT): DURATION, ("+", MOMENT, DURATION): MOMENT, ("-", MOMENT, DURATION): MOMENT,
    ("+", DURATION, MOMENT): MOMENT, ("+", DURATION, DURATION): DURATION, ("-", DURATION, DURATION): DURATION,
    ("*", DURATION, NUMBER): DURATION, ("*", NUMBER, DURATION): DURATION, ("/", DURATION, NUMBER): DURATION,
    ("/", DURATION, DURATION): NUMBER,
}  # fmt: skip


def translate(node: Node, text: str, schema: "Mapping[str, pl.DataType]") -> "pl.Expr":
    """Return a condition as Polars has it: true, false, or null where a value is missing.

    Args:
        node: The tree.
        text: What was written, for messages.
        schema: The columns of the table.

    Raises:
        InvalidExpression: If it names no column of the table, joins what does not fit, or is no condition.
    """
    whole = _Translator(text, schema).typed(node)
    if whole.kind not in {BOOLEAN, NOTHING}:
        raise fault(text, 0, f"The expression gives {whole.kind}, not true or false", "Compare it, such as `… >= 0`.")
    return whole.expr


class _Translator:
    def __init__(self, text: str, schema: "Mapping[str, pl.DataType]") -> None:
        self._text = text
        self._schema = schema
        self._joining: dict[str, Callable[[Call], Typed]] = {
            **dict.fromkeys(_COMPARISONS, self._compared),
            **dict.fromkeys(("+", "-", "*", "/", "%"), self._computed),
            **dict.fromkeys(("and", "or"), self._joined),
            "not": self._negated,
            "is missing": self._missing,
            "negative": self._negative,
            "in": self._listed,
            "matches": self._matching,
        }

    def typed(self, node: Node) -> Typed:
        """Return a node translated, with its kind."""
        if isinstance(node, Value):
            return kinds.of_value(node.value)
        if isinstance(node, Name):
            return self._column(node)
        if isinstance(node, Call):
            return self._joining.get(node.word, self._called)(node)
        raise AssertionError

    def _fault(self, node: Node, message: str, hint: str) -> Exception:
        return fault(self._text, node.at, message, hint)

    def _column(self, node: Name) -> Typed:
        if node.name not in self._schema:
            raise self._fault(
                node,
                f"The table has no column {shown(node.name)}",
                f"{did_you_mean(node.name, self._schema)} Texts stand in 'quotes'.",
            )
        dtype = self._schema[node.name]
        found = kinds.of_column(node.name, dtype)
        if found is None:
            raise self._fault(
                node, f"Column {shown(node.name)} is {str(dtype).lower()}", "Numbers, texts, booleans and times fit."
            )
        return found

    def _of(self, node: Node, kind: str) -> "pl.Expr":
        """Return a node that must be of a kind; null is of every kind, and a text may name a moment."""
        found = self.typed(node)
        if kind == MOMENT and found.literal is not None:
            found = self._moment(node, found.literal)
        if found.kind not in {kind, NOTHING}:
            raise self._fault(node, f"Here must be {kind}, and this is {found.kind}", "See the types of the columns.")
        return kinds.held_as(found, kind)

    def _moment(self, node: Node, text: str) -> Typed:
        found = kinds.as_moment(text)
        if found is None:
            raise self._fault(node, f"{shown(text)} is no moment", "Write it as '2013-01-31' or '2013-01-31T10:00'.")
        return found

    def _alike(self, nodes: Sequence[Node]) -> tuple[str, "list[pl.Expr]"]:
        """Return the one kind of some nodes, and their expressions."""
        found = [self.typed(node) for node in nodes]
        if any(one.kind == MOMENT for one in found):
            found = [
                one if one.literal is None else self._moment(node, one.literal)
                for node, one in zip(nodes, found, strict=True)
            ]
        kind = next((one.kind for one in found if one.kind != NOTHING), NOTHING)
        for node, one in zip(nodes, found, strict=True):
            if one.kind not in {kind, NOTHING}:
                raise self._fault(node, f"This is {one.kind}, and stands beside {kind}", "Compare like with like.")
        return kind, [kinds.held_as(one, kind) for one in found]

    def _joined(self, node: Call) -> Typed:
        parts = [self._of(part, BOOLEAN) for part in node.parts]
        joined = pl.all_horizontal(parts) if node.word == "and" else pl.any_horizontal(parts)
        return Typed(kind=BOOLEAN, expr=joined)

    def _negated(self, node: Call) -> Typed:
        return Typed(kind=BOOLEAN, expr=~self._of(node.parts[0], BOOLEAN))

    def _missing(self, node: Call) -> Typed:
        return Typed(kind=BOOLEAN, expr=self.typed(node.parts[0]).expr.is_null())

    def _compared(self, node: Call) -> Typed:
        kind, (left, right) = self._alike(node.parts)
        if node.word not in {"==", "!="} and kind not in {*_ORDERED, NOTHING}:
            raise self._fault(node, f"`{node.word}` does not fit {kind}", "Use `==` or `!=`.")
        match node.word:
            case "==":
                answer = left == right
            case "!=":
                answer = left != right
            case "<":
                answer = left < right
            case "<=":
                answer = left <= right
            case ">":
                answer = left > right
            case _:
                answer = left >= right
        return Typed(kind=BOOLEAN, expr=answer)

    def _computed(self, node: Call) -> Typed:
        left, right = (self.typed(part) for part in node.parts)
        if NOTHING in {left.kind, right.kind}:
            missing = left.expr.is_null() | right.expr.is_null()  # one value a row, as the columns have
            return Typed(kind=NOTHING, expr=pl.when(missing).then(pl.lit(None, pl.Boolean)))
        first, second = node.parts
        if left.literal is not None and right.kind in {MOMENT, DURATION}:
            left = self._moment(first, left.literal)
        elif right.literal is not None and left.kind == MOMENT:
            right = self._moment(second, right.literal)
        gives = _SUMS.get((node.word, left.kind, right.kind))
        if gives is None:
            raise self._fault(
                node, f"`{node.word}` does not fit {left.kind} and {right.kind}", "Texts are joined by concat(a, b)."
            )
        match node.word:
            case "+":
                answer = left.expr + right.expr
            case "-":
                answer = left.expr - right.expr
            case "*":
                answer = left.expr * right.expr
            case "/":  # what is divided by nothing is missing, not infinite
                answer = left.expr / pl.when(right.expr != 0).then(right.expr)
            case _:
                answer = left.expr % pl.when(right.expr != 0).then(right.expr)
        return Typed(kind=gives, expr=answer)

    def _negative(self, node: Call) -> Typed:
        found = self.typed(node.parts[0])
        if found.kind not in {NUMBER, DURATION, NOTHING}:
            raise self._fault(node, f"`-` does not fit {found.kind}", "It stands before numbers and durations.")
        return found if found.kind == NOTHING else Typed(kind=found.kind, expr=-found.expr)

    def _listed(self, node: Call) -> Typed:
        for part in node.parts[1:]:
            if not isinstance(part, Value) and not (isinstance(part, Call) and part.word == "negative"):
                raise self._fault(part, "A list holds numbers or texts", "Join comparisons of columns with `or`.")
        _, (value, *listed) = self._alike(node.parts)
        return Typed(kind=BOOLEAN, expr=pl.any_horizontal([value == one for one in listed]))

    def _matching(self, node: Call) -> Typed:
        pattern = node.parts[1]
        if not isinstance(pattern, Value) or not isinstance(pattern.value, str):
            raise self._fault(pattern, "A pattern stands after `matches`", "Write it in quotes: matches '[A-Z]+'.")
        if problem := pattern_fault(pattern.value):
            raise self._fault(pattern, problem, "Look-around and back-references do not exist here.")
        return Typed(kind=BOOLEAN, expr=self._of(node.parts[0], TEXT).str.contains(f"^(?:{pattern.value})$"))

    def _called(self, node: Call) -> Typed:
        function = FUNCTIONS.get(node.word)
        if function is None:
            raise self._fault(node, f"There is no function {shown(node.word)}", did_you_mean(node.word, FUNCTIONS))
        if not takes_so_many(function, len(node.parts)):
            most = "or more" if function.more else ""
            raise self._fault(
                node, f"{node.word} takes {len(function.takes)} {most}".rstrip(), f"It is given {len(node.parts)}."
            )
        wanted = [expected(function, place) for place in range(len(node.parts))]
        alike = [part for part, kind in zip(node.parts, wanted, strict=True) if kind == SAME]
        kind, held = self._alike(alike) if alike else (function.gives, [])
        same = iter(held)
        made = [
            next(same) if want == SAME else self._of(part, want) for part, want in zip(node.parts, wanted, strict=True)
        ]
        return Typed(kind=kind if function.gives == SAME else function.gives, expr=function.make(made))
