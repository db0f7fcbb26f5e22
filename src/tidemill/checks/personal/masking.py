"""Personal data as it may be shown."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache, partial

from tidemill.checks.personal.kinds import KINDS, Kind
from tidemill.checks.personal.names import WHOLE
from tidemill.checks.personal.national import NATIONAL

ALL_KINDS = {kind.name: kind for kind in (*KINDS, *NATIONAL)}
"""Every kind that values show by themselves, by its name."""

_MOST_CHANCE = 0.05
_SHORTEST = 6
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
HIDDEN = "•"


@cache
def compiled(kind: str) -> "re.Pattern[str]":
    """Return the shape of a kind, whole words only; a number is no part of a decimal, a date or a UUID."""
    before, after = (r"", r"") if kind == "email" else (r"(?<!\w[.-])", r"(?![.-]\w)")
    return re.compile(rf"(?<![\w@]){before}(?:{ALL_KINDS[kind].pattern})(?![\w@]){after}")


def found_in(text: str, kind: Kind) -> Iterator["re.Match[str]"]:
    """Yield what has the shape of a kind in a text, proven or not."""
    return compiled(kind.name).finditer(text)


def mask(values: Sequence[str | None], kinds: Collection[str]) -> list[str | None]:
    """Return texts with what is personal in them hidden, in the order given; None stays None.

    Of an address of e-mail the first letter and the end of the domain stay, of a number its last digits, of an IP
    address nothing. Kinds that only a column's name tells hide the whole value but for its first letter.

    Args:
        values: Texts of one column.
        kinds: What the column holds, by the names of `ALL_KINDS` and of `names`; one of neither hides the whole value.
    """
    if not kinds:
        return list(values)
    hide_all = any(kind in WHOLE or kind not in ALL_KINDS for kind in kinds)
    shapes = [ALL_KINDS[kind] for kind in kinds if kind in ALL_KINDS]
    return [value if value is None else _whole(value) if hide_all else _inside(value, shapes) for value in values]


def mask_text(text: str) -> str:
    """Return a text with every proven piece of personal data in it hidden, whatever its kind.

    For texts of which no column is known, such as messages; numbers whose proof chance passes often stay.
    """
    if len(text) < _SHORTEST or _DECIMAL.fullmatch(text) or ("@" not in text and not any(map(str.isdigit, text))):
        return text
    for kind in ALL_KINDS.values():
        if kind.alone and kind.chance < _MOST_CHANCE:
            text = compiled(kind.name).sub(partial(_proven, kind), text)
    return text


def _proven(kind: Kind, found: "re.Match[str]") -> str:
    return masked(found[0], kind) if kind.proves(found[0]) else found[0]


def _hidden(kind: Kind, found: "re.Match[str]") -> str:
    return masked(found[0], kind)


def _whole(value: str) -> str:
    return value[:1] + 3 * HIDDEN if value.strip() else value


def _inside(value: str, shapes: Sequence[Kind]) -> str:
    for kind in shapes:
        value = compiled(kind.name).sub(partial(_hidden, kind), value)
    return value


def masked(found: str, kind: Kind) -> str:
    """Return one piece of personal data of a kind as it may be shown."""
    if kind.name == "email":
        return f"{found[0]}{3 * HIDDEN}@{3 * HIDDEN}.{found.rpartition('.')[2]}"
    seen, shown = 0, []
    for each in reversed(found):
        is_part = each.isalnum()
        shown.append(each if not is_part or seen < kind.kept else HIDDEN)
        seen += is_part
    return "".join(reversed(shown))
