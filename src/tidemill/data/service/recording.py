"""From a draft to a version in the ledger, with its edges and its event."""

from dataclasses import dataclass

from tidemill.checks.quality.rule_book import RuleBook
from tidemill.checks.quality.surroundings import PREVIOUS
from tidemill.core.access import Actor
from tidemill.core.digests import Digest
from tidemill.core.ids import new_id
from tidemill.core.moments import Moment
from tidemill.core.names import shown
from tidemill.core.refs import Ref
from tidemill.data import store
from tidemill.data.errors import DatasetMoved
from tidemill.data.prepare import MakeMasks, Options
from tidemill.data.records import Column, DatasetKind, DatasetVersion, Part, Source
from tidemill.data.rules import DatasetRef
from tidemill.data.service.place import Place
from tidemill.data.service.surroundings import DataAround
from tidemill.ledger import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be ingested.

    Args:
        name: The dataset.
        uri: The source as given, without credentials.
        options: How files are read.
        book: The quality rules.
        make_masks: Gives their masks for a table.
        around: The other datasets that they look at.
        append: Whether the rows of the latest version stay in front.
        description: What the dataset is; empty to leave it.
        new_by: The column that tells which rows are new; empty to take all.
        made_from: Identifiers of versions that it is made from.
    """

    name: str
    uri: str
    options: Options
    book: RuleBook
    make_masks: MakeMasks
    around: DataAround
    append: bool
    description: str
    new_by: str = ""
    made_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version that is not recorded yet; its objects are stored.

    Args:
        kind: Table or tree.
        digest: What names the content.
        source: Where it came from.
        size_bytes: Size of the stored parts or files.
        columns: The schema of a table.
        parts: The rows of a table.
        profile_digest: The profile of a table.
        report_digest: The quality report of a table.
        layout_digest: Where the files of a tree lie.
        files: How many files a tree has.
        at: When it came to be elsewhere, where it was taken over; a version is never older than the one before.
        made_from: Identifiers of versions that it was made from.
    """

    kind: DatasetKind
    digest: Digest
    source: Source
    size_bytes: int
    columns: tuple[Column, ...] = ()
    parts: tuple[Part, ...] = ()
    profile_digest: Digest | None = None
    report_digest: Digest | None = None
    layout_digest: Digest | None = None
    files: int | None = None
    at: Moment | None = None
    made_from: tuple[str, ...] = ()


def record(place: Place, actor: Actor, order: Order, draft: Draft, base_id: str | None) -> DatasetVersion:
    """Make a version of a draft, or return the latest one when it holds the same.

    Args:
        place: What the verbs work on.
        actor: Who does it.
        order: What was asked for.
        draft: What was made of it.
        base_id: The version that must still be the latest, whose content the draft builds on.

    Raises:
        DatasetMoved: If another version came meanwhile.
    """
    identifier = new_id()

    def work(tx: Transaction) -> DatasetVersion:
        latest = store.find_version(tx.connection, DatasetRef(order.name), parts=True)
        if base_id and (latest is None or latest.id != base_id):
            raise DatasetMoved(f"{shown(order.name)} got another version meanwhile", hint="Ingest again.")
        if latest and (latest.digest, latest.report_digest) == (draft.digest, draft.report_digest):
            return latest
        number = store.next_number(tx.connection, order.name, order.description, actor.name, tx.now)
        is_table = draft.kind is DatasetKind.TABLE
        version = DatasetVersion(
            id=identifier,
            dataset=order.name,
            number=number,
            kind=draft.kind,
            digest=draft.digest,
            rows=sum(part.rows for part in draft.parts) if is_table else None,
            rows_read=sum(part.rows_read for part in draft.parts) if is_table else None,
            quarantined=sum(part.quarantined for part in draft.parts),
            size_bytes=draft.size_bytes,
            columns=draft.columns,
            key=order.options.key,
            time=order.options.time,
            parts=draft.parts,
            profile_digest=draft.profile_digest,
            report_digest=draft.report_digest,
            layout_digest=draft.layout_digest,
            files=draft.files,
            source=draft.source,
            created_at=max(draft.at, latest.created_at) if draft.at and latest else draft.at or tx.now,
            created_by=actor.name,
            created=True,
        )
        store.insert_version(tx.connection, version)
        _trail(tx, version, latest, order.around)
        for origin in (*order.made_from, *draft.made_from):
            tx.link(Ref("dataset_version", origin), "derived", Ref("dataset_version", version.id))
        return version

    return place.ledger.write(actor, work)


def _trail(tx: Transaction, version: DatasetVersion, latest: DatasetVersion | None, around: DataAround) -> None:
    target = Ref("dataset_version", version.id)
    digests = [file.digest for file in version.source.files] or [version.digest]
    for digest in dict.fromkeys(digests):
        tx.link(Ref("source", digest), "ingested", target)
    for other in dict.fromkeys(one.id for name, one in around.looked_at.items() if name != PREVIOUS):
        tx.link(Ref("dataset_version", other), "judged", target)
    if latest:
        tx.link(Ref("dataset_version", latest.id), "previous", target)
    tx.audit(
        "dataset.ingest",
        target,
        dataset=version.dataset,
        number=version.number,
        digest=version.digest,
        rows=version.rows,
        quarantined=version.quarantined,
    )
