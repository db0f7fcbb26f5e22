"""From rows with their answers to a dataset version: parts, profile, report, lineage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.data.disk import Scratch
from tidemill.data.labels.records import LabelTask
from tidemill.data.prepare import schema_of
from tidemill.data.profile.build import decode_profile, encode_profile, profile_batches
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.records import DatasetKind, DatasetVersion, Part, Source, SourceFile
from tidemill.data.report import encode_report, make_report
from tidemill.data.rules import DatasetRef, join_schemas, manifest, recipe
from tidemill.data.segments import adopt_segments, write_segments
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.schema import lineage_edges
from tidemill.objects import ObjectStore, digest_bytes

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

LABELLED, GAVE = "labelled", "gave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version that is to be.

    Args:
        dataset: The dataset that gets it.
        base: The version that the rows come from.
        parts: Its rows.
        key: Columns that together name a row.
        time: The column that says when a row happened.
    """

    dataset: str
    base: DatasetVersion
    parts: Sequence[Part]
    key: tuple[str, ...]
    time: str | None


def make_part(objects: ObjectStore, rows: "pl.LazyFrame", scratch: Scratch, source: SourceFile) -> Part:
    """Store rows as a part.

    Args:
        objects: Where it goes.
        rows: The rows, in their order.
        scratch: Where unfinished files go.
        source: What the rows were read from.
    """
    written = write_segments(rows, scratch)
    profile = profile_batches(pl.read_parquet(segment.path, glob=False) for segment in written)
    segments = adopt_segments(objects, written)
    return Part(
        segments=segments,
        columns=schema_of(profile),
        rows_read=profile.rows,
        profile_digest=objects.put_bytes(encode_profile(profile)),
        source=source,
        recipe=digest_bytes(recipe(source.digest, {"labelled": [segment.digest for segment in segments]})),
    )


def record(ledger: Ledger, objects: ObjectStore, actor: Actor, task: LabelTask, draft: Draft) -> DatasetVersion:
    """Make the version in the ledger, or return the latest one when it holds the same."""
    parts = tuple(draft.parts)
    columns = join_schemas([(part.source.name, part.columns) for part in parts])
    report = make_report(parts, {}, ())
    profile = merge_profiles([decode_profile(objects.read(part.profile_digest)) for part in parts])
    digest = objects.put_bytes(manifest(columns, draft.key, draft.time, parts))
    profile_digest = objects.put_bytes(encode_profile(profile))
    report_digest = objects.put_bytes(encode_report(report))
    identifier = new_id()

    def work(tx: Transaction) -> DatasetVersion:
        latest = store.find_version(tx.connection, DatasetRef(draft.dataset), parts=True)
        if latest and latest.digest == digest:
            return latest
        version = DatasetVersion(
            id=identifier,
            dataset=draft.dataset,
            number=store.next_number(tx.connection, draft.dataset, "", actor.name, tx.now),
            kind=DatasetKind.TABLE,
            digest=digest,
            rows=sum(part.rows for part in parts),
            rows_read=sum(part.rows_read for part in parts),
            quarantined=sum(part.quarantined for part in parts),
            size_bytes=sum(part.size_bytes for part in parts),
            columns=columns,
            key=draft.key,
            time=draft.time,
            parts=parts,
            profile_digest=profile_digest,
            report_digest=report_digest,
            source=Source(uri=f"labels of {task.name}"),
            created_at=tx.now,
            created_by=actor.name,
            created=True,
        )
        store.insert_version(tx.connection, version)
        _trail(tx, task, version, latest)
        return version

    return ledger.write(actor, work)


def _trail(tx: Transaction, task: LabelTask, version: DatasetVersion, latest: DatasetVersion | None) -> None:
    target = Ref("dataset_version", version.id)
    tx.link(Ref("label_task", task.id), GAVE, target)
    if latest:
        tx.link(Ref("dataset_version", latest.id), "previous", target)
    tx.audit(
        "label_task.finish",
        Ref("label_task", task.id),
        dataset=version.dataset,
        number=version.number,
        digest=version.digest,
        rows=version.rows,
    )


def given(connection: sa.Connection, task_id: str) -> list[str]:
    """Return the identifiers of the versions that a task gave, newest first."""
    edge = lineage_edges.c
    query = sa.select(edge.target_id).where(
        edge.source_kind == "label_task", edge.source_id == task_id, edge.relation == GAVE
    )
    return list(connection.scalars(query.order_by(edge.created_at.desc(), edge.target_id.desc())))
