"""Profiles of lots: measured once, kept as objects, measured again when what they were measured of has changed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b

import msgspec

from tidemill.core.access import Actor
from tidemill.core.errors import Damaged, NotFound, TidemillError
from tidemill.core.moments import Moment, to_us
from tidemill.data.profile.build import decode_profile, encode_profile, profile_frame
from tidemill.data.profile.records import FORMAT, Profile
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.profiling import store
from tidemill.monitoring.profiling.rows import Lot, fitted, read_lot, with_truths
from tidemill.monitoring.profiling.store import Kept
from tidemill.monitoring.service.feedback import Feedback
from tidemill.objects import ObjectStore

_WORTH_KEEPING = 5_000
"""A lot of fewer rows is measured as fast as its profile is read."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a window are read.

    Args:
        types: The word of each training column's type.
        truth: The word of the type that holds truths; empty where none is told.
    """

    types: Mapping[str, str]
    truth: str


class Parts:
    """Gives the profiles of lots.

    Args:
        ledger: Where it stands which are kept.
        archive: Where their rows are.
        feedback: What became true of those.
    """

    def __init__(self, ledger: Ledger, archive: Archive, feedback: Feedback) -> None:
        self._ledger = ledger
        self._archive = archive
        self._feedback = feedback

    def find(
        self, actor: Actor, endpoint: str, start: Moment, end: Moment, place: int, lot: Lot, shape: Shape
    ) -> tuple[Profile, bool]:
        """Return the profile of a lot, and whether it was kept from an earlier look.

        Args:
            actor: Who looks.
            endpoint: The endpoint.
            start: The first moment of the window.
            end: The moment after its last.
            place: Which lot of the window it is.
            lot: Its segments.
            shape: How its rows are read.
        """
        with self._ledger.read() as connection:
            there = store.find_lot(connection, endpoint, start, place)
            truths = store.truth_state(connection, endpoint, *lot.ids)
        state = _state(FORMAT, [one.digest for one in lot.segments], to_us(end), lot.is_cut, truths, shape)
        if there is not None and there.state == state:
            found = read_kept(self._archive.objects, there)
            if found is not None:
                return found, True
        measured = self._measure(endpoint, start, end, lot, shape)
        if measured.rows >= _WORTH_KEEPING:

            def work(tx: Transaction, kept: Kept) -> None:
                store.keep_lot(tx, endpoint, start, place, kept)

            keep(self._ledger, self._archive.objects, actor, measured, state, work)
        return measured, False

    def _measure(self, endpoint: str, start: Moment, end: Moment, lot: Lot, shape: Shape) -> Profile:
        rows = read_lot(self._archive, lot, start, end)
        if shape.truth:
            truths = self._feedback.latest_between(endpoint, *lot.ids)
            rows = with_truths(rows, truths, shape.truth)
        return profile_frame(fitted(rows.drop("prediction_id"), shape.types))


def _state(*what: object) -> str:
    return blake2b(msgspec.json.encode(what), digest_size=16).hexdigest()


def read_kept(objects: ObjectStore, kept: Kept) -> Profile | None:
    """Return a profile that was kept; None where it is gone or damaged, since it can be measured again."""
    try:
        return decode_profile(objects.read(kept.digest))
    except (Damaged, NotFound, msgspec.DecodeError):
        return None


def keep(
    ledger: Ledger,
    objects: ObjectStore,
    actor: Actor,
    profile: Profile,
    state: str,
    work: Callable[[Transaction, Kept], None],
) -> None:
    """Store a profile and record it; where there is no room it is not kept, since it can be measured again."""
    with suppress(TidemillError):
        kept = Kept(objects.put_bytes(encode_profile(profile)), state)
        ledger.write(actor, lambda tx: work(tx, kept))
