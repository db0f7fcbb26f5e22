"""What a person probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like this one, or None when none is near."""
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], *, most: int = 12) -> str:
    """Return a hint that names the nearest known word, or else some of the known ones."""
    words = sorted(known)
    close = nearest(word, words)
    if close:
        return f"Did you mean {close!r}?"
    if not words:
        return "There are none yet."
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"Known: {', '.join(words[:most])}{more}."
