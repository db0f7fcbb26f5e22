"""What texts of a column have in common: their length, or the kinds of characters in a row."""

import re
from typing import TYPE_CHECKING

from tidemill.core.lazy import lazy
from tidemill.data.judging.records import Suggestion
from tidemill.data.profile.records import ColumnProfile

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_LEAST_TEXTS = 20
_MOST_RUNS = 8
_SPECIAL = frozenset(".^$*+?()[]{}|\\#&~")
_RUN = re.compile(r"[A-Z]+|[a-z]+|[0-9]+|.", re.DOTALL)
_NAMED = {
    "an e-mail address": r"[^@\s]+@[^@\s]+\.[^@\s.]+",
    "a UUID": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "an address on the web": r"https?://\S+",
}


def guess_shape(column: ColumnProfile, near: "pl.Series") -> list[Suggestion]:
    """Return a pattern or a length that the texts of a column share, as far as some rows tell.

    Args:
        column: The column.
        near: Its texts in some rows.
    """
    texts = near.drop_nulls().unique()
    if len(texts) < _LEAST_TEXTS:
        return []
    for what, pattern in _NAMED.items():
        if texts.str.contains(f"^(?:{pattern})$").all():
            return [_pattern(column, pattern, f"every text looks like {what}")]
    if pattern := _shared(texts.head(2_000).to_list()):
        return [_pattern(column, pattern, f"every text has this shape, such as {texts.min()!r}")]
    if column.length and column.length.shortest == column.length.longest:
        size = column.length.longest
        evidence = f"every text has {size} characters"
        return [Suggestion(column=column.name, rule="length", value=[size, size], evidence=evidence)]
    return []


def _pattern(column: ColumnProfile, pattern: str, evidence: str) -> Suggestion:
    return Suggestion(column=column.name, rule="matches", value=pattern, evidence=evidence)


def _shared(texts: list[str]) -> str:
    """Return the pattern of texts that all are the same kinds of characters in a row, empty when they are not."""
    runs = [[match[0] for match in _RUN.finditer(text)] for text in texts]
    if not runs[0] or len(runs[0]) > _MOST_RUNS or any(len(each) != len(runs[0]) for each in runs):
        return ""
    parts = []
    for place in range(len(runs[0])):
        kinds = {_kind(each[place]) for each in runs}
        if len(kinds) != 1:
            return ""
        sizes = {len(each[place]) for each in runs}
        kind = kinds.pop()
        parts.append(kind + _times(sizes) if kind.startswith("[") else kind)
    pattern = "".join(parts)
    return pattern if "[" in pattern else ""


def _kind(run: str) -> str:
    for kind in ("[A-Z]", "[a-z]", "[0-9]"):
        if re.match(kind, run):
            return kind
    if not run.isascii() or not run.isprintable():
        return "\0"
    return f"\\{run}" if run in _SPECIAL else run


def _times(sizes: set[int]) -> str:
    if len(sizes) > 1:
        return "+"
    size = sizes.pop()
    return f"{{{size}}}" if size > 1 else ""
