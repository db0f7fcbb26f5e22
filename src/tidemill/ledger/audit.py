"""Who did what when: a chain in which each event holds the digest of the one before.

A changed, removed or inserted event breaks the chain at its place. The head is one row, locked by whoever
appends, so that writers of several servers form one chain.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from blake3 import blake3

from tidemill.core.moments import Moment, to_us
from tidemill.core.refs import Ref
from tidemill.ledger.dialect import is_sqlite, rows_of, write_many, write_one
from tidemill.ledger.encoding import decode_json, encode_json
from tidemill.ledger.records import AuditEvent
from tidemill.ledger.schema import audit_events, audit_head

GENESIS = "0" * 64
_HEAD = "SELECT seq, digest FROM audit_head"
_ADD = "INSERT INTO audit_events (seq, at, actor, action, subject_kind, subject_id, detail, previous, digest) {rows}"
_EVENT = ("bigint", "bigint", *("text",) * 7)


class Draft(NamedTuple):
    """An event before it has its place in the chain; its detail is the JSON that will be kept."""

    at: Moment
    actor: str
    action: str
    subject: Ref
    detail: str


class BrokenChain(NamedTuple):
    """Where the chain is not what was written."""

    seq: int
    problem: str


def append(connection: sa.Connection, drafts: Sequence[Draft]) -> None:
    """Append events to the chain, inside the caller's transaction."""
    head = rows_of(connection, _HEAD if is_sqlite(connection) else f"{_HEAD} FOR UPDATE")
    seq, previous = head[0] if head else (0, GENESIS)
    rows = []
    for draft in drafts:
        seq += 1
        at, subject = to_us(draft.at), draft.subject
        digest = _digest(seq, at, draft.actor, draft.action, str(subject), draft.detail, previous)
        rows.append((seq, at, draft.actor, draft.action, subject.kind, subject.id, draft.detail, previous, digest))
        previous = digest
    write_many(connection, _ADD, _EVENT, rows)
    write_one(connection, "UPDATE audit_head SET seq = ?, digest = ?", seq, previous)


def read(
    connection: sa.Connection, *, subject: Ref | None = None, before: int | None = None, limit: int = 100
) -> list[AuditEvent]:
    """Return events, newest first.

    Args:
        connection: The database.
        subject: Only events of this thing.
        before: Only events with a smaller sequence number, for the next page.
        limit: The most events to return.
    """
    query = sa.select(audit_events).order_by(audit_events.c.seq.desc()).limit(limit)
    if subject:
        query = query.where(audit_events.c.subject_kind == subject.kind, audit_events.c.subject_id == subject.id)
    if before is not None:
        query = query.where(audit_events.c.seq < before)
    return [_event(row) for row in connection.execute(query)]


def verify_chain(connection: sa.Connection) -> Iterator[BrokenChain]:
    """Yield every place at which the chain is not what was written."""
    expected, previous = 1, GENESIS
    for row in connection.execute(sa.select(audit_events).order_by(audit_events.c.seq)):
        if row.seq != expected:
            yield BrokenChain(expected, f"events {expected} to {row.seq - 1} are missing")
        elif row.previous != previous:
            yield BrokenChain(row.seq, "it does not follow the event before it")
        subject = f"{row.subject_kind}:{row.subject_id}"
        found = _digest(row.seq, to_us(row.at), row.actor, row.action, subject, row.detail, row.previous)
        if found != row.digest:
            yield BrokenChain(row.seq, "its content was changed")
        expected, previous = row.seq + 1, row.digest
    head = connection.execute(sa.select(audit_head)).one_or_none()
    if head is None:
        yield BrokenChain(0, "the head of the chain is missing")
    elif (head.seq, head.digest) != (expected - 1, previous):
        yield BrokenChain(head.seq, "the head does not name the last event: events at the end are missing")


def _event(row: sa.Row[tuple[object, ...]]) -> AuditEvent:
    detail = decode_json(row.detail)
    return AuditEvent(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=f"{row.subject_kind}:{row.subject_id}",
        detail=detail if isinstance(detail, dict) else {},
        previous=row.previous,
        digest=row.digest,
    )


def _digest(*parts: object) -> str:
    return blake3(encode_json(parts)).hexdigest()
