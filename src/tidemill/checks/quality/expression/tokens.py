"""An expression cut into words."""

import re
from dataclasses import dataclass

from tidemill.checks.quality.expression.tree import fault
from tidemill.core.names import shown

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<duration>\d+(?:\.\d+)?(?:ms|[smhdw])(?![A-Za-z0-9_]))
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_]))
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<quoted>`(?:[^`]|``)+`)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign><=|>=|<>|!=|==|[-+*/%()<>=,])""",
    re.VERBOSE,
)

WORDS = frozenset({"and", "or", "not", "in", "is", "between", "matches", "missing", "null", "true", "false"})
"""Words that are no names; a column that is called so stands in backquotes."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression.

    Args:
        kind: `name`, `word`, `number`, `duration`, `text`, `sign`, or `end`.
        text: What it says, without its quotes.
        at: Where it begins.
    """

    kind: str
    text: str
    at: int


def cut(text: str) -> list[Token]:
    """Return the words of an expression, closed by an `end`.

    Raises:
        InvalidExpression: If a character belongs to no word, or a quote is not closed.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _stray(text, at)
        kind, part = str(match.lastgroup), match[0]
        if kind == "text":
            quote = part[0]
            found.append(Token("text", part[1:-1].replace(quote * 2, quote), at))
        elif kind == "quoted":
            found.append(Token("name", part[1:-1].replace("``", "`"), at))
        elif kind == "name" and part.lower() in WORDS:
            found.append(Token("word", part.lower(), at))
        elif kind != "blank":
            found.append(Token(kind, part, at))
        at = match.end()
    found.append(Token("end", "", len(text)))
    return found


def _stray(text: str, at: int) -> Exception:
    if text[at] in "'\"`":
        return fault(
            text, at, f"The quote {text[at]} is not closed", "Close it; write it twice to have it in the text."
        )
    if text[at].isdigit():
        return fault(text, at, "A number runs into a name", "Leave a blank; a duration is written 2d, 12h or 90s.")
    return fault(
        text, at, f"{shown(text[at])} belongs to no expression", "Names with other characters stand in `backquotes`."
    )
