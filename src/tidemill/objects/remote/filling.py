"""Files that fill up slot by slot, in any order, and go on where they were after a kill.

What was written is not noted anywhere: a slot is filled when its bytes have its digest, and reading them again is many
times faster than fetching them. A crash of the machine that lost some of them is found in the same way.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from io import FileIO
from pathlib import Path

from tidemill.objects.digest import digest_bytes
from tidemill.objects.remote.pieces import Slot
from tidemill.objects.store import plain_errors

_AHEAD = 8

Fetch = Callable[[Sequence[Slot]], Sequence[bytes]]
"""Gives the verified bytes of some slots that lie near one another."""


def fill(
    path: Path, groups: Iterable[Sequence[Slot]], fetch: Fetch, pool: Executor, told: Callable[[int], None]
) -> int:
    """Write the bytes of all slots to a file, and return how many had to be fetched.

    Args:
        path: The file; what an earlier call left in it is kept.
        groups: The slots, those together that are fetched together.
        fetch: Fetches a group.
        pool: Fetches and writes a few groups at once.
        told: Is told the number of bytes that are there, as they come; it may raise to end this.
    """

    def bring(group: Sequence[Slot]) -> None:
        content = fetch(group)
        with path.open("r+b") as file:  # of its own: it may still write when this call has ended with an error
            for slot, piece in zip(group, content, strict=True):
                file.seek(slot.offset)
                file.write(piece)

    fetched = 0
    with plain_errors(path.parent):
        path.touch()
        with path.open("rb", buffering=0) as file:

            def settle(some: set[Future[None]]) -> None:
                nonlocal fetched
                for done in some:
                    group = running.pop(done)
                    done.result()
                    size = sum(slot.length for slot in group)
                    fetched += size
                    told(size)

            running: dict[Future[None], Sequence[Slot]] = {}
            try:
                for group in groups:
                    lacking = [slot for slot in group if not _is_filled(file, slot)]
                    told(sum(slot.length for slot in group) - sum(slot.length for slot in lacking))
                    if not lacking:
                        continue
                    running[pool.submit(bring, lacking)] = lacking
                    if len(running) >= _AHEAD:
                        settle(wait(running, return_when=FIRST_COMPLETED).done)
                settle(wait(running).done)
            finally:
                for left in running:
                    left.cancel()
    return fetched


def _is_filled(file: FileIO, slot: Slot) -> bool:
    file.seek(slot.offset)
    content = file.read(slot.length) or b""
    return len(content) == slot.length and digest_bytes(content) == slot.digest
