"""What leaves the ledger goes in pieces, so that others can write between.

A piece takes little of the writer's time, however many rows belong to one thing. The first one marks what goes: from
then on nobody sees it, so that nothing is taken out of the trash of which a part is gone. A kill leaves the mark, and
the next collection goes on by it.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import sqlalchemy as sa

from tidemill.app.references import lives
from tidemill.app.trackers.progress import Progress
from tidemill.core.access import Actor
from tidemill.core.refs import Ref
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.removal import crowded, cut, remove_belonging, targets_of
from tidemill.tracking.store import trash

MOST_ROWS = 20_000
"""The most rows of one piece."""
_FEWEST_ROWS, _MOST_THINGS, _MOST_EDGES = 500, 100, 200
_SHORT_S, _LONG_S = 0.008, 0.02
_POINTS = {"metrics", "logged_model_metrics"}
T = TypeVar("T")


class Going(NamedTuple):
    """Things of one kind on their way out.

    Args:
        kind: What they are.
        choose: Returns those of some ids that may go now.
        finish: Removes them with what still belongs to them, records that they are gone, and counts them.
        table: Where their rows are, if what belongs to one may be too much for one piece.
        keeping: Tables whose rows `finish` needs.
    """

    kind: str
    choose: Callable[[sa.Connection, Sequence[str]], list[str]]
    finish: Callable[[Transaction, list[str]], Counter[str]]
    table: sa.Table | None = None
    keeping: Collection[str] = ()


class _Piece(NamedTuple):
    """What a piece did: how much went, which things are not gone yet, and of which many others came."""

    counts: Counter[str]
    left: list[str]
    crowded: list[Ref]


class Pieces:
    """Removes things a piece at a time; pieces grow and shrink with the time that they take.

    Args:
        ledger: Where the things are.
        actor: Who removes them.
        progress: Is told how far it is.
    """

    def __init__(self, ledger: Ledger, actor: Actor, progress: Progress) -> None:
        self._ledger = ledger
        self._actor = actor
        self._progress = progress
        self._rows, self._things = 2 * _FEWEST_ROWS, 1

    def remove(self, going: Going, ids: Collection[str]) -> None:
        """Remove those things that may go when it is their turn."""
        waiting = list(ids)
        while waiting:
            few, waiting = waiting[: self._things], waiting[self._things :]
            done: set[Ref] = set()
            piece = self._do(partial(_begin, going=going, ids=few, most=self._rows))
            while piece.left:
                for ref in piece.crowded:
                    self._cut(ref)
                done.update(piece.crowded)
                piece = self._do(partial(_go_on, going=going, ids=piece.left, most=self._rows, uncrowded=done))
            self._progress.step(len(few))

    def mark(self, going: Going, thing: str) -> bool:
        """Let one thing be seen by nobody any more, if it may go; say whether it may."""
        return self._timed(partial(_mark, going=going, ids=[thing])) != []

    def _do(self, work: Callable[[Transaction], _Piece]) -> _Piece:
        piece = self._timed(work)
        self._progress.counts.update(piece.counts)
        return piece

    def _cut(self, ref: Ref) -> None:
        """Delete the edges of a thing that lead to nothing, some at a time; no new ones come to what nobody sees."""
        with self._ledger.read() as connection:
            targets = targets_of(connection, ref)
        for start in range(0, len(targets), _MOST_EDGES):
            some = targets[start : start + _MOST_EDGES]
            self._timed(partial(cut, ref=ref, targets=some, lives=lives))

    def _timed(self, work: Callable[[Transaction], T]) -> T:
        def timed(tx: Transaction) -> tuple[T, float]:
            began = time.monotonic()  # in here: waiting for one's turn takes nobody's time
            return work(tx), time.monotonic() - began

        result, took = self._ledger.write(self._actor, timed)
        if took < _SHORT_S:
            self._rows, self._things = min(self._rows * 2, MOST_ROWS), min(self._things * 2, _MOST_THINGS)
        elif took > _LONG_S:
            self._rows, self._things = max(self._rows // 2, _FEWEST_ROWS), max(self._things // 2, 1)
        return result


def _begin(tx: Transaction, *, going: Going, ids: list[str], most: int) -> _Piece:
    chosen = _mark(tx, going=going, ids=ids)
    return _take(tx, going, chosen, most, ())


def _mark(tx: Transaction, *, going: Going, ids: list[str]) -> list[str]:
    # Chosen again: somebody may have taken one out of the trash, or come to stand on it.
    chosen = going.choose(tx.connection, ids)
    if going.table is not None and chosen:
        trash.mark_leaving(tx, going.table, chosen)
    return chosen


def _go_on(tx: Transaction, *, going: Going, ids: list[str], most: int, uncrowded: Collection[Ref]) -> _Piece:
    assert going.table is not None  # noqa: S101 - the others go in one piece
    # An import may have brought one anew meanwhile: it stays.
    return _take(tx, going, trash.leaving(tx.connection, going.table, ids), most, uncrowded)


def _take(tx: Transaction, going: Going, ids: list[str], most: int, uncrowded: Collection[Ref]) -> _Piece:
    counts: Counter[str] = Counter()
    if going.table is not None:
        own = next(iter(going.table.primary_key)).in_(ids)
        gone = remove_belonging(tx, going.table, own, most, going.keeping)
        counts["metric points"] = sum(count for table, count in gone.items() if table in _POINTS)
        refs = {Ref(going.kind, each) for each in ids} - set(uncrowded)
        full = crowded(tx.connection, refs, _MOST_EDGES)
        if gone.total() >= most or full:
            return _Piece(counts, ids, full)
    if ids:
        counts += going.finish(tx, ids)
    return _Piece(counts, [], [])
