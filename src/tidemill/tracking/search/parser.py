"""Reads filters and orders into trees.

filter    := "" | either
either    := all (OR all)*
all       := term (AND term)*
term      := NOT* ( "(" either ")" | condition )
condition := name operator value | name [NOT] (LIKE | ILIKE) text | name [NOT] IN "(" value ("," value)* ")"
           | name IS [NOT] NULL | entity "." key ["@" number]
name      := [entity "."] key
order     := name [ASC | DESC]
"""

import msgspec

from tidemill.tracking.search.faults import InvalidFilter, InvalidOrder
from tidemill.tracking.search.lexer import Kind, Token, number, scan
from tidemill.tracking.search.syntax import (
    COMPARATORS,
    All,
    Condition,
    Either,
    Filter,
    Linked,
    Literal,
    Name,
    Node,
    Not,
    Operator,
    Order,
)

MOST_CONDITIONS = 1_000
MOST_VALUES = 10_000
DEEPEST = 16
_OPERATORS = "an operator (=, !=, <, <=, >, >=, LIKE, ILIKE, IN, NOT IN, IS NULL or IS NOT NULL)"
_VALUE = "a number or a quoted text"
_ORDER = "Write one key, then ASC or DESC, such as metrics.auc DESC; each further key is an order of its own."
_EXAMPLE = "A condition is written like metrics.loss < 0.1 or params.optimizer = 'adam'."
_COMPARATORS = {str(operator): operator for operator in COMPARATORS}


def parse(text: str) -> Filter:
    """Return the tree of a filter; an empty text lets everything pass.

    Raises:
        InvalidFilter: If the text is not in the language; the error names the column.
    """
    parser = _Parser(scan(text), InvalidFilter)
    if parser.here.kind is Kind.END:
        return Filter(None)
    root = parser.either(0)
    parser.end("AND, OR or the end of the filter")
    return Filter(root)


def parse_order(text: str) -> Order:
    """Return what one key to order by says.

    Raises:
        InvalidOrder: If the text is not in the language.
    """
    parser = _Parser(scan(text, InvalidOrder), InvalidOrder)
    name = parser.name()
    descending = parser.accept("DESC") is not None
    if not descending:
        parser.accept("ASC")
    parser.end("ASC, DESC or the end")
    return Order(name, descending)


def _versioned(name: Name) -> Name:
    """Return the name of a thing without its version, which a key of another kind may have as a part."""
    if name.quoted or name.version is None:
        return name
    return msgspec.structs.replace(name, key=name.key.rpartition("@")[0])


class _Parser:
    """One walk over the tokens of a text."""

    def __init__(self, tokens: list[Token], fault: type[InvalidFilter]) -> None:
        self._tokens = tokens
        self._next = 0
        self._fault = fault
        self._conditions = 0
        self._values = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._next]

    def take(self) -> Token:
        token = self.here
        if token.kind is not Kind.END:
            self._next += 1
        return token

    def accept(self, *words: str) -> Token | None:
        """Return the next token if it is one of these keywords or symbols."""
        if self.here.kind in (Kind.KEYWORD, Kind.SYMBOL) and self.here.value in words:
            return self.take()
        return None

    def refuse(self, expected: str, hint: str = "", token: Token | None = None) -> InvalidFilter:
        at = token or self.here
        hint = hint or (_ORDER if self._fault is InvalidOrder else _EXAMPLE)
        return self._fault(position=at.position, found=at.written, expected=expected, hint=hint)

    def end(self, expected: str) -> None:
        if self.here.kind is not Kind.END:
            hint = "Join conditions by AND or OR; close every parenthesis that was opened, and no other."
            if self._fault is InvalidOrder:
                hint = ""
            elif self.here.kind in (Kind.SINGLE, Kind.DOUBLE):
                hint = "A text that holds one kind of quotes goes into the other kind; quotes cannot be escaped."
            raise self.refuse(expected, hint)

    def either(self, depth: int) -> Node:
        terms = [self.all(depth)]
        while self.accept("OR"):
            terms.append(self.all(depth))
        if len(terms) == 1:
            return terms[0]
        return Either(tuple(part for term in terms for part in (term.terms if isinstance(term, Either) else (term,))))

    def all(self, depth: int) -> Node:
        terms = [self.term(depth)]
        while self.accept("AND"):
            terms.append(self.term(depth))
        if len(terms) == 1:
            return terms[0]
        return All(tuple(part for term in terms for part in (term.terms if isinstance(term, All) else (term,))))

    def term(self, depth: int) -> Node:
        turned = False
        while self.accept("NOT"):
            turned = not turned
        opening = self.accept("(")
        if opening is None:
            node: Node = self.condition()
        else:
            if depth == DEEPEST:
                raise self._fault(
                    position=opening.position,
                    found="(",
                    expected="a condition",
                    hint="Write the same with fewer parentheses.",
                    message=f"The filter has parentheses more than {DEEPEST} deep",
                )
            node = self.either(depth + 1)
            if not self.accept(")"):
                raise self.refuse("AND, OR or a closing )", f"The ( at column {opening.position + 1} is open.")
        if not turned:
            return node
        return node.term if isinstance(node, Not) else Not(node)

    def condition(self) -> Node:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise self._fault(
                position=self.here.position,
                found=self.here.written,
                expected=f"at most {MOST_CONDITIONS} conditions",
                hint="Use IN for many values of one key.",
                message=f"The filter has more than {MOST_CONDITIONS} conditions",
            )
        name = self.name()
        at = self.here
        if name.quoted and name.version is not None and at.kind is not Kind.END and at.value not in ("AND", "OR", ")"):
            raise self.refuse("AND, OR or the end of the filter", "A name with @ and a number stands alone.")
        if at.kind is Kind.SYMBOL and at.value in _COMPARATORS:
            self.take()
            return Condition(name, _COMPARATORS[at.value], at.position, (self.value(),))
        if self.accept("IS"):
            return self.null(name, at)
        turned = self.accept("NOT") is not None
        if self.accept("IN"):
            return Condition(name, Operator.NOT_IN if turned else Operator.IN, at.position, self.values())
        if word := self.accept("LIKE", "ILIKE"):
            operator = Operator(f"NOT {word.value}" if turned else word.value)
            return Condition(name, operator, at.position, (self.value(),))
        if turned:
            raise self.refuse("IN, LIKE or ILIKE")
        if name.entity and (at.kind is Kind.END or at.value in ("AND", "OR", ")")):
            return Linked(_versioned(name), at.written)
        raise self.refuse(_OPERATORS)

    def null(self, name: Name, at: Token) -> Condition:
        turned = self.accept("NOT") is not None
        if not self.accept("NULL"):
            raise self.refuse("NULL" if turned else "NULL or NOT NULL", "Compare with a value by = or !=.")
        return Condition(name, Operator.IS_NOT_NULL if turned else Operator.IS_NULL, at.position)

    def name(self) -> Name:
        token = self.take()
        if token.kind in (Kind.BACK, Kind.DOUBLE):
            return Name("", token.value, token.position, self.here.position, token.written, quoted=True)
        if token.kind is not Kind.WORD:
            raise self.refuse("a key such as metrics.loss, params.optimizer or status", token=token)
        entity, dot, key = token.value.partition(".")
        if not dot:
            return Name("", entity, token.position, self.here.position, token.written)
        if key:
            return self.bare(token, entity, key)
        quoted = self.here
        if quoted.kind not in (Kind.BACK, Kind.DOUBLE) or quoted.position != token.end or not quoted.value:
            raise self.refuse(f"a key after {entity}.", "Write it bare or in `back quotes`.")
        self.take()
        version: int | None = None
        if self.here.kind is Kind.VERSION and self.here.position == quoted.end:
            version = self.version(self.here.value, self.take())
        written = f"{token.written}{quoted.written}"
        return Name(entity.lower(), quoted.value, token.position, self.here.position, written, version, quoted=True)

    def bare(self, token: Token, entity: str, key: str) -> Name:
        name, at, digits = key.rpartition("@")
        version = None
        if at and name and digits.isascii() and digits.isdecimal():
            version = self.version(digits, token)
        return Name(entity.lower(), key, token.position, self.here.position, token.written, version)

    def version(self, digits: str, token: Token) -> int:
        if len(digits) > 9:
            raise self.refuse("the number of a version", "Versions are numbered from 1.", token)
        return int(digits)

    def value(self) -> Literal:
        token = self.take()
        self._values += 1
        if self._values > MOST_VALUES:
            raise self._fault(
                position=token.position,
                found=token.written,
                expected=f"at most {MOST_VALUES} values",
                hint="Search in several parts.",
                message=f"The filter has more than {MOST_VALUES} values",
            )
        if token.kind in (Kind.SINGLE, Kind.DOUBLE):
            return Literal(token.value, token.position, token.written)
        if token.kind is Kind.NUMBER:
            return Literal(number(token.value), token.position, token.written)
        raise self.refuse(_VALUE, "Put texts into quotes: 'adam'. Numbers stand without.", token)

    def values(self) -> tuple[Literal, ...]:
        if not self.accept("("):
            raise self.refuse("a list such as ('a', 'b')", "Write the values in parentheses, with commas between.")
        found = [self.value()]
        while self.accept(","):
            found.append(self.value())
        if not self.accept(")"):
            raise self.refuse(", or ) of the list", "Write the values in parentheses, with commas between.")
        return tuple(found)
