"""References of model versions: what live data is compared with."""

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.digests import parse_digest
from tidemill.core.lazy import lazy
from tidemill.core.moments import utc_now
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.delivery.store import deployments
from tidemill.ledger import Ledger, Transaction
from tidemill.models.manifest import MANIFEST, Manifest
from tidemill.monitoring import rules
from tidemill.monitoring.frames import OUTPUT, score_column
from tidemill.monitoring.ports import Registry, TrainingRows
from tidemill.monitoring.records import MonitorReferenceInfo
from tidemill.monitoring.reference import MonitorReference, reference_from
from tidemill.monitoring.store import segments as segment_store
from tidemill.monitoring.store import windows as store
from tidemill.monitoring.store.tables import segments
from tidemill.objects import ObjectStore

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_MOST_SCORED = 20_000
_MOST_CACHED = 32


class References:
    """Keeps and finds references.

    Args:
        ledger: Where their rows are.
        objects: Where they are.
        training: Gives rows by reference; only `artifact:DIGEST` can be read when left out.
        registry: Knows versions by alias and asks models for the reference of the score; without it neither is done.
    """

    def __init__(
        self, ledger: Ledger, objects: ObjectStore, training: TrainingRows | None, registry: Registry | None
    ) -> None:
        self._ledger = ledger
        self._objects = objects
        self._training = training
        self._registry = registry
        self._cache: dict[str, MonitorReference] = {}

    def find(self, model: str, version: int) -> MonitorReference | None:
        """Return the reference of a model version; None when it has none."""
        with self._ledger.read() as connection:
            info = store.find_reference(connection, model, version)
        if info is None:
            return None
        found = self._cache.get(info.digest)
        if found is None:
            found = msgspec.msgpack.decode(self._objects.read(info.digest), type=MonitorReference)
            if len(self._cache) >= _MOST_CACHED:
                self._cache.clear()
            self._cache[info.digest] = found
        return found

    def resolve(self, ref: str) -> tuple[str, int]:
        """Return the model and the version that a text such as `delay@3` names.

        Raises:
            MonitorReferenceMissing: If it names none.
        """
        if self._registry is not None:
            return self._registry.resolve(ref)
        model, _, version = ref.rpartition("@")
        if not model or not version.isdigit():
            raise rules.MonitorReferenceMissing(f"{shown(ref)} is not a model version", hint="Write MODEL@NUMBER.")
        return model, int(version)

    def read_rows(self, source: str) -> "pl.DataFrame":
        """Return the rows that a reference names.

        Raises:
            InvalidReferenceSource: If it names none.
        """
        ref = Ref.parse(source)
        if ref.kind == "artifact":
            content = self._objects.read(parse_digest(ref.id))
            try:
                return pl.read_parquet(BytesIO(content))
            except pl.exceptions.PolarsError as error:
                raise rules.InvalidReferenceSource(
                    f"{shown(source)} is not a Parquet file: {shown(str(error))}", hint="Give a table's artifact."
                ) from error
        if self._training is None or ref.kind != "dataset_version":
            raise rules.InvalidReferenceSource(
                f"No rows can be read from {shown(source)}", hint="Give artifact:DIGEST or dataset_version:ID."
            )
        return self._training.rows(source)

    def build(
        self, model: str, version: int, *, rows: "pl.DataFrame", holdout: "pl.DataFrame | None", time: str | None
    ) -> MonitorReference:
        """Return the reference of a model version from the rows that it was trained on.

        Args:
            model: The model.
            version: The version.
            rows: Its training rows.
            holdout: Rows that it did not see, for its score: scores of training rows flatter.
            time: When each row happened.
        """
        manifest = self._manifest(model, version)
        inputs = [field.name for field in manifest.signature.inputs] if manifest else rows.columns
        known = [name for name in inputs if name in rows.columns]
        weights = manifest.importances if manifest else {}
        found = reference_from(rows, time, columns=known, weights=weights)
        scored = self._score(model, version, rows if holdout is None else holdout, time)
        return found if scored is None else _with_score(found, scored, time)

    def _manifest(self, model: str, version: int) -> Manifest | None:
        table = deployments.c
        query = sa.select(table.digest).where(table.model == model, table.version == version)
        with self._ledger.read() as connection:
            digest = connection.execute(query).scalars().first()
        if digest is None and self._registry is not None:  # it is not deployed yet
            digest = self._registry.bundle(model, version)
        if digest is None:
            return None
        files = {entry.path: entry.digest for entry in self._objects.list_tree(parse_digest(digest))}
        if MANIFEST not in files:
            return None
        return msgspec.json.decode(self._objects.read(files[MANIFEST]), type=Manifest)

    def _score(self, model: str, version: int, rows: "pl.DataFrame", time: str | None) -> "pl.DataFrame | None":
        """Return outputs of the version for rows, with their time; None when it cannot be asked."""
        kept = [name for name in rows.columns if name == time]
        outputs = [name for name in rows.columns if name.startswith(OUTPUT)]
        if outputs:
            return rows.select(*outputs, *kept)
        if self._registry is None or not rows.height:
            return None
        sample = rows.gather_every(max(1, rows.height // _MOST_SCORED))
        answered = self._registry.score(model, version, sample).select(pl.all().name.prefix(OUTPUT))
        return answered.with_columns([sample[name] for name in kept])

    def keep(
        self, actor: Actor, model: str, version: int, found: MonitorReference, source: str
    ) -> MonitorReferenceInfo:
        """Store a reference and count the version's rows again, over its bins."""
        info = MonitorReferenceInfo(
            model=model,
            version=version,
            digest=self._objects.put_bytes(msgspec.msgpack.encode(found)),
            rows=found.reference.rows,
            columns=[column.name for column in found.reference.columns],
            blocks=max((len(lots) for lots in found.blocks.values()), default=0),
            source=source,
            created_at=utc_now(),
        )

        def work(tx: Transaction) -> MonitorReferenceInfo:
            there = store.find_reference(tx.connection, model, version)
            if there is not None and there.digest == info.digest:
                return there
            store.set_reference(tx, info)
            store.drop_parts(tx, model, version)
            segment_store.recount(tx, segments.c.model == model, segments.c.version == version)
            tx.link(Ref.parse(source), "reference_of", Ref("report", info.digest))
            tx.audit("monitor.reference", Ref("report", info.digest), model=model, version=version)
            return info

        return self._ledger.write(actor, work)


def _with_score(found: MonitorReference, scored: "pl.DataFrame", time: str | None) -> MonitorReference:
    name = score_column(scored.columns, "")
    if name is None:
        return found
    has_blocks = bool(found.blocks) and time in scored.columns
    block = timedelta(seconds=found.block_s) if has_blocks else None
    score = reference_from(scored, time if has_blocks else None, columns=[name], block=block)
    whole = msgspec.structs.replace(found.reference, columns=(*found.reference.columns, *score.reference.columns))
    return msgspec.structs.replace(found, reference=whole, blocks={**found.blocks, **score.blocks})
