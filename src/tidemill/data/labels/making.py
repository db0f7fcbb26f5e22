"""From rows with their answers to a dataset version: parts, profile, report, lineage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from tidemill.checks.outcome import Verdict
from tidemill.checks.quality.language import parse_rules
from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.lazy import lazy
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.data.disk import Scratch
from tidemill.data.errors import DatasetMoved, QualityFailed
from tidemill.data.labels.records import LabelTask
from tidemill.data.prepare import schema_of
from tidemill.data.profile.build import Measuring, decode_profile, encode_profile
from tidemill.data.profile.merge import merge_profiles
from tidemill.data.records import Column, DatasetKind, DatasetVersion, Part, Source, SourceFile
from tidemill.data.report import QualityReport, decode_report, encode_report, make_report
from tidemill.data.rules import DatasetRef, join_schemas, manifest, recipe
from tidemill.data.segments import adopt_segments, write_segments
from tidemill.data.service.place import Place
from tidemill.data.service.surroundings import DataAround
from tidemill.ledger import Transaction
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
        is_held: Whether the rules of the base hold of it too.
    """

    dataset: str
    base: DatasetVersion
    parts: Sequence[Part]
    key: tuple[str, ...]
    time: str | None
    is_held: bool


def make_part(objects: ObjectStore, rows: "pl.LazyFrame", scratch: Scratch, source: SourceFile) -> Part:
    """Store rows as a part.

    Args:
        objects: Where it goes.
        rows: The rows, in their order.
        scratch: Where unfinished files go.
        source: What the rows were read from.
    """
    measured = Measuring(beside=2)
    written = write_segments(rows, scratch, measured.add)
    profile = measured.profile()
    segments = adopt_segments(objects, written)
    return Part(
        segments=segments,
        columns=schema_of(profile),
        rows_read=profile.rows,
        profile_digest=objects.put_bytes(encode_profile(profile)),
        source=source,
        recipe=digest_bytes(recipe(source.digest, {"labelled": [segment.digest for segment in segments]})),
    )


def record(place: Place, actor: Actor, task: LabelTask, draft: Draft) -> DatasetVersion:
    """Make the version in the ledger, or return the latest one when it holds the same.

    Raises:
        QualityFailed: If it breaks a rule of the base.
    """
    objects = place.objects
    parts = tuple(draft.parts)
    columns = join_schemas([(part.source.name, part.columns) for part in parts])
    profile = merge_profiles([decode_profile(objects.read(part.profile_digest)) for part in parts])
    digest = objects.put_bytes(manifest(columns, draft.key, draft.time, parts))
    report = _judged(place, draft, columns, digest)
    profile_digest = objects.put_bytes(encode_profile(profile))
    report_digest = objects.put_bytes(encode_report(report))
    identifier = new_id()
    if not objects.hold_all(digest for part in parts for digest in part.digests):
        raise DatasetMoved(f"{draft.base.ref} was removed for good meanwhile", hint="Choose another version.")

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

    return place.ledger.write(actor, work)


def _judged(place: Place, draft: Draft, columns: Sequence[Column], digest: Digest) -> QualityReport:
    base = draft.base.report_digest
    rules = decode_report(place.objects.read(base)).rules if base and draft.is_held else {}
    if not rules:
        return make_report(draft.parts, {}, ())
    book = parse_rules(rules)
    around = DataAround(place, draft.dataset, book.datasets())
    around.put_beside(digest)
    findings = book.judge(place.reader.scan_parts(draft.parts, columns), around)
    failed = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    if failed:
        raise QualityFailed(
            f"With the answers {shown(draft.dataset)} breaks a rule: {failed[0].name}: {failed[0].reason}",
            hint="Correct the answers, or finish into another dataset with `--into`.",
            details={"findings": msgspec.to_builtins(failed)},
        )
    return make_report(draft.parts, rules, findings, {name: seen.ref for name, seen in around.looked_at.items()})


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
