"""From the text of an expression to its tree."""

from collections.abc import Callable
from datetime import timedelta

from tidemill.checks.quality.expression.tokens import Token, cut
from tidemill.checks.quality.expression.tree import Call, Name, Node, Value, fault
from tidemill.core.moments import InvalidDuration, parse_duration
from tidemill.core.names import shown

LONGEST = 10_000
MOST_WORDS = 2_000
DEEPEST = 50
_LONGEST = timedelta(days=36_500_000)

_COMPARING = {"==": "==", "=": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_expression(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        InvalidExpression: If it is none, with the place; also if it is too long or nested too deep.
    """
    if len(text) > LONGEST:
        raise fault("", 0, f"The expression has {len(text):,} characters, and {LONGEST:,} is the most", "Part it.")
    tokens = cut(text)
    if len(tokens) > MOST_WORDS:
        raise fault("", 0, f"The expression has {len(tokens):,} words, and {MOST_WORDS:,} is the most", "Part it.")
    return _Parser(text, tokens).whole()


class _Parser:
    """Recursive descent; each method reads one level of binding, from `or` to a bracket."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._either()
        if self._now.kind != "end":
            raise self._fault(f"Nothing can follow here, and {self._told} does", "Join conditions with `and` or `or`.")
        return node

    @property
    def _now(self) -> Token:
        return self._tokens[self._place]

    @property
    def _told(self) -> str:
        return "the end" if self._now.kind == "end" else shown(self._now.text)

    def _fault(self, message: str, hint: str) -> Exception:
        return fault(self._text, self._now.at, message, hint)

    def _take(self, kind: str, *texts: str) -> Token | None:
        token = self._now
        if token.kind == kind and (not texts or token.text in texts):
            self._place += 1
            return token
        return None

    def _need(self, kind: str, text: str) -> Token:
        token = self._take(kind, text)
        if token is None:
            raise self._fault(f"{text!r} is missing before {self._told}", f"Write {text!r} here.")
        return token

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._fault(f"The expression is nested more than {DEEPEST} deep", "Part it into several.")
        node = read()
        self._depth -= 1
        return node

    def _either(self) -> Node:
        return self._joined("or", lambda: self._joined("and", self._negated))

    def _joined(self, word: str, read: Callable[[], Node]) -> Node:
        parts = [read()]
        while self._take("word", word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else Call(at=parts[0].at, word=word, parts=tuple(parts))

    def _negated(self) -> Node:
        token = self._take("word", "not")
        if token is None:
            return self._compared()
        return Call(at=token.at, word="not", parts=(self._deeper(self._negated),))

    def _compared(self) -> Node:
        left = self._sum()
        if token := self._take("sign", *_COMPARING):
            node = Call(at=token.at, word=_COMPARING[token.text], parts=(left, self._sum()))
            if self._now.kind == "sign" and self._now.text in _COMPARING:
                raise self._fault(
                    "Two comparisons stand in a row", "Write `a <= b and b <= c`, or `b between a and c`."
                )
            return node
        if token := self._take("word", "is"):
            return self._missing(token, left)
        negation = self._take("word", "not")
        found = self._membership(left)
        if negation is None:
            return found or left
        if found is None:
            raise self._fault(f"`not` stands before {self._told}", "`in`, `between` or `matches` may follow it here.")
        return Call(at=negation.at, word="not", parts=(found,))

    def _missing(self, token: Token, left: Node) -> Node:
        negation = self._take("word", "not")
        if not self._take("word", "missing", "null"):
            raise self._fault(f"`is` stands before {self._told}", "Write `is missing` or `is not missing`.")
        node = Call(at=token.at, word="is missing", parts=(left,))
        return Call(at=token.at, word="not", parts=(node,)) if negation else node

    def _membership(self, left: Node) -> Node | None:
        if token := self._take("word", "between"):
            low = self._sum()
            self._need("word", "and")
            ends = (
                Call(at=token.at, word=">=", parts=(left, low)),
                Call(at=token.at, word="<=", parts=(left, self._sum())),
            )
            return Call(at=token.at, word="and", parts=ends)
        if token := self._take("word", "in"):
            self._need("sign", "(")
            return Call(at=token.at, word="in", parts=(left, *self._listed()))
        if token := self._take("word", "matches"):
            return Call(at=token.at, word="matches", parts=(left, self._sum()))
        return None

    def _sum(self) -> Node:
        return self._chain(("+", "-"), lambda: self._chain(("*", "/", "%"), self._signed))

    def _chain(self, signs: tuple[str, ...], read: Callable[[], Node]) -> Node:
        node, links = read(), 0
        while token := self._take("sign", *signs):
            links += 1
            if links > DEEPEST:
                raise self._fault(f"More than {DEEPEST} terms stand in a row", "Part it into several.")
            node = Call(at=token.at, word=token.text, parts=(node, read()))
        return node

    def _signed(self) -> Node:
        token = self._take("sign", "-", "+")
        if token is None:
            return self._single()
        inner = self._deeper(self._signed)
        return inner if token.text == "+" else Call(at=token.at, word="negative", parts=(inner,))

    def _single(self) -> Node:  # noqa: PLR0911 - one a kind of word
        token = self._now
        self._place += 1
        match token.kind:
            case "number":
                return Value(at=token.at, value=_number(token.text))
            case "duration":
                return Value(at=token.at, value=self._duration(token))
            case "text":
                return Value(at=token.at, value=token.text)
            case "word" if token.text in _CONSTANTS:
                return Value(at=token.at, value=_CONSTANTS[token.text])
            case "name":
                if self._take("sign", "("):
                    return Call(at=token.at, word=token.text.lower(), parts=self._listed())
                return Name(at=token.at, name=token.text)
            case "sign" if token.text == "(":
                node = self._deeper(self._either)
                self._need("sign", ")")
                return node
        self._place -= 1
        raise self._fault(
            f"A column, a number or a text is missing before {self._told}", "Texts stand in 'quotes', names in none."
        )

    def _duration(self, token: Token) -> timedelta:
        try:
            found = parse_duration(token.text)
        except InvalidDuration:
            found = timedelta.max
        if found > _LONGEST:
            raise fault(
                self._text, token.at, f"{shown(token.text)} is too long a duration", "Stay below 100,000 years."
            )
        return found

    def _listed(self) -> tuple[Node, ...]:
        """Return what stands between brackets, the first of which was taken."""
        found = [self._deeper(self._either)]
        while self._take("sign", ","):
            found.append(self._deeper(self._either))
        self._need("sign", ")")
        return tuple(found)


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() and len(text) <= 18 else float(text)
