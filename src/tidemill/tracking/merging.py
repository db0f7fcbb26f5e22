"""What a repeated import does to tags and aliases: what was changed at the source changes here, the rest stays.

Of each text the import keeps a mark of what the source had the last time. One that is gone there goes here too, but
only if the import brought it and it is what it was then: what somebody set here stays.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from tidemill.ledger import Transaction
from tidemill.tracking.store import carrying

_WAS_HERE = "="
"""How the mark of a text begins that was here already when the import came with the same one."""


class Merged(NamedTuple):
    """What is to be done, and what is to be known the next time.

    Args:
        put: The texts to set.
        drop: The keys to delete.
        marks: A mark of each text that the source has.
    """

    put: dict[str, str]
    drop: list[str]
    marks: dict[str, str]


def merge(marks: Mapping[str, str], theirs: Mapping[str, str], ours: Mapping[str, str]) -> Merged:
    """Return what becomes of texts by key.

    Args:
        marks: What an earlier import knew of the source.
        theirs: What the source has now.
        ours: What is here.
    """
    put: dict[str, str] = {}
    known: dict[str, str] = {}
    for key, text in theirs.items():
        mark, before = _mark(text), marks.get(key)
        if before is not None and before.removeprefix(_WAS_HERE) == mark:
            known[key] = before
        elif before is None and ours.get(key) == text:
            known[key] = _WAS_HERE + mark
        else:
            put[key], known[key] = text, mark
    drop = [key for key, mark in marks.items() if key not in theirs and key in ours and _mark(ours[key]) == mark]
    return Merged(put, drop, known)


def merge_tags(
    tx: Transaction,
    source: str,
    kind: str,
    table: tuple[str, str],
    owned: Sequence[tuple[str, str, Mapping[str, str]]],
    new: Collection[str] = (),
) -> tuple[dict[str, dict[str, str]], int]:
    """Merge the tags of things into what is here.

    Args:
        tx: The transaction.
        source: Where they come from.
        kind: What the things are.
        table: The table of the tags, and its column of whom they belong to.
        owned: Each thing's id there, its id here, and the tags that it has there.
        new: Which of them, by their ids there, were not here until now: what was known of an earlier one says nothing.

    Returns:
        The marks of each thing by its id there, and how many tags were deleted.
    """
    before = carrying.find_brought(tx.connection, source, kind, [foreign for foreign, _, _ in owned])
    here = carrying.texts_of(tx.connection, *table, [local for _, local, _ in owned])
    marks: dict[str, dict[str, str]] = {}
    put: list[tuple[str, str, str]] = []
    drop: list[tuple[str, str]] = []
    for foreign, local, theirs in owned:
        merged = merge({} if foreign in new else before.get(foreign, {}), theirs, here.get(local, {}))
        marks[foreign] = merged.marks
        put += ((local, key, text) for key, text in merged.put.items())
        drop += ((local, key) for key in merged.drop)
    carrying.put_texts(tx.connection, *table, put)
    carrying.drop_texts(tx.connection, *table, drop)
    return marks, len(drop)


def _mark(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=6).hexdigest()
