"""The words of a filter, each with its place; every character is looked at once."""

import re
from enum import StrEnum
from typing import NamedTuple

from tidemill.tracking.search.faults import InvalidFilter

LONGEST = 100_000
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d][\w.\-/@:$#]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_VERSION = re.compile(r"@[0-9]+")
_CURLY = "\u2018\u2019\u201c\u201d\u00b4"
_EXACT_DIGITS = 18
KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "ASC", "DESC"})


class Kind(StrEnum):
    """What a token is."""

    WORD = "word"
    KEYWORD = "keyword"
    SINGLE = "single-quoted"
    DOUBLE = "double-quoted"
    BACK = "back-quoted"
    NUMBER = "number"
    VERSION = "version"
    SYMBOL = "symbol"
    END = "end"


class Token(NamedTuple):
    """One word: what it is, what it says, as it was written, and where it begins and ends."""

    kind: Kind
    value: str
    written: str
    position: int
    end: int


_QUOTES = {"'": Kind.SINGLE, '"': Kind.DOUBLE, "`": Kind.BACK}


def scan(text: str, fault: type[InvalidFilter] = InvalidFilter) -> list[Token]:
    """Return the tokens of a text; the last one is its end.

    Raises:
        InvalidFilter: If the text is too long, or holds what is no word of the language.
    """
    if len(text) > LONGEST:
        raise fault(
            position=LONGEST,
            found="",
            expected=f"at most {LONGEST} characters",
            hint="Split the search, or keep what is searched for in a tag.",
            message=f"The {fault.part} has {len(text)} characters, and {LONGEST} is the most",
        )
    _check_characters(text, fault)
    tokens: list[Token] = []
    position = _after_space(text, 0)
    while position < len(text):
        token = _next(text, position, fault)
        tokens.append(token)
        position = _after_space(text, token.end)
    tokens.append(Token(Kind.END, "", "", len(text), len(text)))
    return tokens


def number(written: str) -> int | float:
    """Return the value of a number token: exact when it is a whole number of up to 18 digits."""
    if len(written) <= _EXACT_DIGITS and written.lstrip("+-").isdecimal():
        return int(written)
    return float(written)


def _check_characters(text: str, fault: type[InvalidFilter]) -> None:
    try:
        text.encode()
        position = text.find("\0")
    except UnicodeEncodeError as error:
        position = error.start
    if position >= 0:
        raise fault(
            position=position,
            found=text[position],
            expected="a character of text",
            hint="Remove null characters and halves of surrogate pairs; no key and no value has them.",
        )


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _next(text: str, position: int, fault: type[InvalidFilter]) -> Token:
    first = text[position]
    if first in _QUOTES:
        return _quoted(text, position, fault)
    if found := _WORD.match(text, position):
        word = found[0]
        upper = word.upper()
        if upper in KEYWORDS:
            return Token(Kind.KEYWORD, upper, word, position, found.end())
        return Token(Kind.WORD, word, word, position, found.end())
    if found := _NUMBER.match(text, position):
        end = found.end()
        if end < len(text) and (text[end].isalnum() or text[end] in "_."):
            raise fault(
                position=position,
                found=text[position : end + 12].split(maxsplit=1)[0],
                expected="a number",
                hint="Put a space after the number, or quotes around a text that begins with a digit.",
            )
        return Token(Kind.NUMBER, found[0], found[0], position, end)
    if found := _VERSION.match(text, position):
        return Token(Kind.VERSION, found[0][1:], found[0], position, found.end())
    return _symbol(text, position, fault)


def _quoted(text: str, position: int, fault: type[InvalidFilter]) -> Token:
    quote = text[position]
    close = text.find(quote, position + 1)
    if close < 0:
        raise fault(
            position=position,
            found=text[position : position + 40],
            expected=f"a closing {quote}",
            hint=f"Close the quote. A text that holds {quote} itself goes into the other kind of quotes.",
            message=f"The quote {quote} of the {fault.part} is never closed",
        )
    return Token(_QUOTES[quote], text[position + 1 : close], text[position : close + 1], position, close + 1)


def _symbol(text: str, position: int, fault: type[InvalidFilter]) -> Token:
    for symbol in ("<=", ">=", "!=", "=", "<", ">", "(", ")", ","):
        if text.startswith(symbol, position) and not text.startswith(("==", "<>"), position):
            return Token(Kind.SYMBOL, symbol, symbol, position, position + len(symbol))
    hint = "Keys with other characters than letters, digits and _ . - / @ : $ # go into `back quotes`."
    found = text[position]
    if text.startswith("==", position):
        hint, found = "Write = for equal.", "=="
    elif text.startswith("<>", position):
        hint, found = "Write != for different.", "<>"
    elif found in _CURLY:
        hint = "Use straight quotes: ' or \"."
    raise fault(position=position, found=found, expected="a key, an operator or a value", hint=hint)
