"""Copies of a whole workspace, taken while it works."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

import tidemill
from tidemill.app import archive
from tidemill.app.archive import Entry, Manifest
from tidemill.core.ids import new_id
from tidemill.core.moments import utc_now
from tidemill.ledger import Ledger
from tidemill.ledger.schema import audit_head
from tidemill.objects import ObjectStore, digest_file
from tidemill.objects.store import plain_errors

Copier = Callable[[Path], None]


def take(home: Path, ledger: Ledger, objects: ObjectStore, copy_workflows: Copier | None) -> Iterator[bytes]:
    """Return the bytes of a backup, while others write.

    The copies are made before this returns. Their order makes them one state: a workflow older than the ledger does its
    last step again, and finds it done; a captured prediction is in the capture or in a sealed segment; an object is
    stored before the ledger names it, and never changes.

    Args:
        home: The workspace folder.
        ledger: Its ledger.
        objects: Its objects.
        copy_workflows: Copies the database of the workflows, where there is one.
    """
    staging = home / "incoming" / f"backup-{new_id()}"
    with plain_errors(home):
        staging.mkdir(parents=True)
    try:
        if copy_workflows:
            copy_workflows(staging / "workflows.sqlite")
        _keep_capture(home / "serving" / "capture", staging / "serving" / "capture")
        ledger.snapshot(staging / "ledger.sqlite")
        seq, digest = _audit_head(staging / "ledger.sqlite")
        manifest = Manifest(
            format=archive.FORMAT,
            version=tidemill.__version__,
            created_at=utc_now(),
            audit_seq=seq,
            audit_digest=digest,
            files=[*_staged(staging), *_stored(objects)],
        )
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return _packed(manifest, staging, objects)


def _packed(manifest: Manifest, staging: Path, objects: ObjectStore) -> Iterator[bytes]:
    def opened(entry: Entry) -> BinaryIO:
        if entry.path.startswith("objects/"):
            return objects.verify(archive.digest_of(entry.path)).open("rb")
        return (staging / entry.path).open("rb")

    try:
        yield from archive.pack(manifest, opened)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _keep_capture(source: Path, target: Path) -> None:
    """Keep the predictions that were captured and not sealed yet: closed files by a link, open ones as they are now."""
    target.mkdir(parents=True)
    for pattern in ("*.seg", "*.done"):  # in this order: an open file may be closed, and never opened again
        for file in sorted(source.glob(pattern)):
            if (target / file.name).with_suffix(".seg").exists():
                continue
            try:
                if pattern == "*.done":
                    os.link(file, target / file.name)
                else:
                    shutil.copyfile(file, target / file.name)
            except FileNotFoundError:
                # Closed meanwhile, so it comes under its other name; or sealed, so the ledger's copy knows it.
                (target / file.name).unlink(missing_ok=True)


def _staged(staging: Path) -> Iterator[Entry]:
    for file in sorted(path for path in staging.rglob("*") if path.is_file()):
        name = file.relative_to(staging).as_posix()
        yield Entry(path=name, size=file.stat().st_size, digest=digest_file(file))


def _stored(objects: ObjectStore) -> Iterator[Entry]:
    for digest in objects.digests():
        path = objects.path(digest).relative_to(objects.root).as_posix()
        yield Entry(path=path, size=objects.size(digest), digest=digest)


def _audit_head(copy: Path) -> tuple[int, str]:
    engine = sa.create_engine(f"sqlite:///{copy}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        head = connection.execute(sa.select(audit_head.c.seq, audit_head.c.digest)).one()
    return head.seq, head.digest
