"""The rows that a model version was trained on, profiled: what a window stands beside."""

from collections.abc import Iterator
from threading import Lock
from typing import TYPE_CHECKING

from tidemill.checks.personal.scan import scan_personal
from tidemill.core.access import Actor
from tidemill.core.digests import parse_digest
from tidemill.core.errors import NotFound, TidemillError
from tidemill.core.lazy import lazy
from tidemill.core.refs import Ref
from tidemill.data.masking import Kinds, mask_profile
from tidemill.data.profile.build import profile_batches
from tidemill.data.profile.records import FORMAT, Profile
from tidemill.data.service import DataService
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.lineage import trace
from tidemill.ledger.records import Edge
from tidemill.monitoring.archive import Archive
from tidemill.monitoring.profiling import store
from tidemill.monitoring.profiling.parts import keep, read_kept
from tidemill.monitoring.profiling.records import TrainingSide
from tidemill.monitoring.profiling.store import Kept
from tidemill.monitoring.store import windows as window_store

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_BATCH_CELLS = 1 << 21
_MOST_REMEMBERED = 64
_MOST_EDGES = 500
_MOST_DATASETS = 8
_VERSION = "dataset_version:"


class Training:
    """Gives the training side of windows.

    Args:
        ledger: Where it stands what a version was trained on.
        archive: Where tables that are no dataset version are.
        data: Gives the profiles of dataset versions.
    """

    def __init__(self, ledger: Ledger, archive: Archive, data: DataService) -> None:
        self._ledger = ledger
        self._archive = archive
        self._data = data
        self._kinds: dict[str, Kinds] = {}
        self._lock = Lock()

    def find(self, actor: Actor, model: str, version: int) -> tuple[TrainingSide, Kinds]:
        """Return what a version was trained on, personal data masked, and what is personal in it."""
        with self._ledger.read() as connection:
            info = window_store.find_reference(connection, model, version)
        if info is None:
            absent = f"it is not said what {model}@{version} was trained on"
            return TrainingSide(model=model, version=version, absent=absent), {}
        source = Ref.parse(info.source) if info.source else None
        try:
            if source is not None and source.kind == "dataset_version":
                found = self._data.get(actor, source.id)
                kinds = self._data.masks.of(found)
                profile, name = self._data.profile(actor, source.id), found.ref
                datasets: tuple[str, ...] = (found.ref,)
            elif source is not None and source.kind == "artifact":
                profile, kinds = self._of_artifact(actor, info.source, source.id)
                name, datasets = f"the training rows of {model}@{version}", self._made_from(actor, source)
            else:
                absent = f"the training rows of {model}@{version} are not kept"
                return TrainingSide(model=model, version=version, source=info.source, absent=absent), {}
        except TidemillError as error:
            side = TrainingSide(model=model, version=version, source=info.source, absent=error.message)
            return side, {}
        side = TrainingSide(
            model=model,
            version=version,
            source=info.source,
            name=name,
            datasets=datasets,
            rows=profile.rows,
            profile=profile,
        )
        return side, kinds

    def _made_from(self, actor: Actor, table: Ref) -> tuple[str, ...]:
        """Return the versions of datasets that a table was made from, those that lie nearest."""
        with self._ledger.read() as connection:
            edges = trace(connection, table, limit=_MOST_EDGES).edges
        wanted = {Ref.parse(edge.source).id: None for edge in edges if _is_origin(edge)}
        found = []
        for identifier in list(wanted)[:_MOST_DATASETS]:
            try:
                found.append(self._data.get(actor, identifier).ref)
            except NotFound:
                continue  # removed since; what it was is told by the lineage
        return tuple(sorted(found))

    def _of_artifact(self, actor: Actor, source: str, identifier: str) -> tuple[Profile, Kinds]:
        objects = self._archive.objects
        frame = self._archive.scan(parse_digest(identifier))
        kinds = self._kinds.get(source)
        if kinds is None:
            kinds = scan_personal(frame).kinds_by_column()
            with self._lock:
                while len(self._kinds) >= _MOST_REMEMBERED:
                    self._kinds.pop(next(iter(self._kinds)))
                self._kinds[source] = kinds
        with self._ledger.read() as connection:
            there = store.find_training(connection, source)
        found = read_kept(objects, there) if there is not None and there.state == FORMAT else None
        if found is None:
            found = profile_batches(_slices(frame))

            def work(tx: Transaction, kept: Kept) -> None:
                store.keep_training(tx, source, kept)

            keep(self._ledger, objects, actor, found, FORMAT, work)
        return mask_profile(found, kinds), kinds


def _is_origin(edge: Edge) -> bool:
    return edge.source.startswith(_VERSION) and not edge.target.startswith(_VERSION)


def _slices(frame: "pl.LazyFrame") -> "Iterator[pl.DataFrame]":
    rows = int(frame.select(pl.len()).collect(engine="streaming").item())
    step = max(1, _BATCH_CELLS // max(1, len(frame.collect_schema())))
    for start in range(0, max(rows, 1), step):
        yield frame.slice(start, step).collect()
