"""Capture files become segments: Parquet objects and rows of the ledger, each frame exactly once.

How far a file is sealed is a row of the ledger, written in the same transaction as the segments; a file goes only
after that. So a process killed in between leaves at most an object that nothing names, and the next pass goes on.
"""

from pathlib import Path

import msgspec

from tidemill.core.access import Actor
from tidemill.core.errors import TidemillError
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment, utc_now
from tidemill.core.refs import Ref
from tidemill.delivery.store import find_endpoint
from tidemill.ledger import Ledger, Transaction
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.frames import Located, Lot, tabulate, to_parquet
from tidemill.monitoring.records import Problem, Segment
from tidemill.monitoring.service import torn as torn_files
from tidemill.monitoring.store import segments as store
from tidemill.serving.capture import read_segment, seal_orphans

_YOUNG_S = 10.0


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass sealed."""

    segments: int = 0
    rows: int = 0
    problems: list[Problem] = []


class Sealer:
    """Seals capture files.

    Args:
        ledger: Where segments are recorded.
        archive: Where files and objects are.
    """

    def __init__(self, ledger: Ledger, archive: Archive) -> None:
        self._ledger = ledger
        self._archive = archive

    def seal(self, actor: Actor, *, fresh: bool) -> Sealed:
        """Seal every closed capture file and, with `fresh`, what the open ones hold so far."""
        if not self._archive.folder.is_dir():
            return Sealed()
        seal_orphans(self._archive.folder, older_s=_YOUNG_S)
        problems = self._discard(actor)
        paths = [path for path in self._archive.files() if fresh or path.suffix == ".done"]
        if not paths:
            return Sealed(problems=problems)
        with self._ledger.read() as connection:
            sealed = store.sealed_bytes(connection, [path.stem for path in paths])
        count, rows = 0, 0
        for path in paths:
            try:
                made = self._seal_file(actor, path, sealed.get(path.stem, 0))
                count, rows = count + len(made), rows + sum(segment.rows for segment in made)
            except FileNotFoundError:
                continue  # Closed just now: the next pass finds it under its last name.
            except TidemillError as error:
                problems.append(Problem(what=f"seal {path.name}", code=error.code, message=error.message))
        return Sealed(segments=count, rows=rows, problems=problems)

    def _discard(self, actor: Actor) -> list[Problem]:
        try:
            torn_files.discard(self._ledger, actor, self._archive.folder)
        except TidemillError as error:
            return [Problem(what="remove old torn files", code=error.code, message=error.message)]
        return []

    def _seal_file(self, actor: Actor, path: Path, start: int) -> list[Segment]:
        is_closed = path.suffix == ".done"
        if path.stat().st_size <= start:
            if is_closed:
                path.unlink(missing_ok=True)
            return []
        reader = read_segment(path, start=start)
        frames: list[Located] = [(reader.end, frame) for frame in reader]
        made: list[Segment] = []
        if frames or (is_closed and reader.torn_bytes):
            lots = tabulate(frames, self._times(frames)) if frames else []
            drafts = [(self._store(path.stem, start, reader.end, lot), lot.watermark()) for lot in lots]
            torn = reader.torn_bytes if is_closed else 0
            made = self._record(actor, path.stem, start, reader.end, torn, drafts)
        if is_closed:
            if reader.torn_bytes:
                torn_files.put_aside(path, reader.torn_bytes)
            else:
                path.unlink(missing_ok=True)
        return made

    def _times(self, frames: list[Located]) -> dict[str, str | None]:
        names = {frame.endpoint for _, frame in frames}
        with self._ledger.read() as connection:
            found = {name: find_endpoint(connection, name) for name in names}
        return {name: endpoint.time if endpoint else None for name, endpoint in found.items()}

    def _store(self, source: str, start: int, end: int, lot: Lot) -> Segment:
        first_at, last_at = lot.bounds("at")
        first_event, last_event = lot.bounds("event_time")
        first_id, last_id = lot.ids()
        return Segment(
            id=new_id(),
            endpoint=lot.endpoint,
            deployment=lot.deployment,
            model=lot.model,
            version=lot.version,
            digest=self._archive.objects.put_bytes(to_parquet(lot.table)),
            source=source,
            start=start,
            end=end,
            rows=lot.rows,
            failures=lot.failures,
            faults=lot.faults,
            requests=lot.requests,
            first_at=first_at,
            last_at=last_at,
            first_event=first_event,
            last_event=last_event,
            first_id=first_id,
            last_id=last_id,
            sealed_at=utc_now(),
        )

    def _record(
        self, actor: Actor, source: str, start: int, end: int, torn: int, drafts: list[tuple[Segment, Moment]]
    ) -> list[Segment]:
        def work(tx: Transaction) -> list[Segment]:
            if store.sealed_bytes(tx.connection, [source]).get(source, 0) != start:
                return []  # Another pass was faster.
            store.set_sealed(tx, source, end, torn)
            for segment, watermark in drafts:
                store.add_segment(tx, segment, watermark)
                if segment.deployment:
                    tx.link(Ref("deployment", segment.deployment), "answered", Ref("segment", segment.id))
            return [segment for segment, _ in drafts]

        return self._ledger.write(actor, work)


def fresh_frames(ledger: Ledger, archive: Archive) -> list[tuple[Path, list[Located]]]:
    """Return the frames that are captured and not sealed yet, by file."""
    paths = archive.files() if archive.folder.is_dir() else []
    with ledger.read() as connection:
        sealed = store.sealed_bytes(connection, [path.stem for path in paths])
    return list(archive.tails(sealed, paths))
