"""Dataset versions leave the ledger for good; what they were stays known."""

from collections import Counter
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from tidemill.app.choices import Choice, counted
from tidemill.app.records import Kept
from tidemill.app.references import lives
from tidemill.app.standing import standing_on
from tidemill.core.moments import Moment
from tidemill.core.refs import Ref
from tidemill.data import trash
from tidemill.data.store import dataset_tags, dataset_versions, datasets
from tidemill.ledger import Transaction
from tidemill.ledger.removal import forget, remove_rows


def choose_datasets(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    """Return which datasets may go: those of which every version may."""
    going, kept = [], []
    for name in trash.old_datasets(connection, before, among):
        versions = trash.versions_in(connection, name)
        old = trash.old_versions(connection, before, versions)
        if len(old) == len(versions) and not any(standing_on(connection, each, gone) for each in old):
            going.append(Ref("dataset", name))
        else:
            kept.append(Kept(subject=f"dataset:{name}", reason="it has versions that stay"))
    return Choice(going, kept)


def choose_versions(
    connection: sa.Connection, before: Moment, among: Sequence[str] | None, gone: Collection[str]
) -> Choice:
    """Return which versions may go: those on which nothing stands."""
    going, kept = [], []
    for each in trash.old_versions(connection, before, among):
        if each.id in gone:
            continue
        if reason := standing_on(connection, each, gone):
            kept.append(Kept(subject=f"dataset_version:{each.id}", reason=reason))
        else:
            going.append(Ref("dataset_version", each.id))
    return Choice(going, kept)


def remove_datasets(tx: Transaction, names: list[str]) -> Counter[str]:
    """Remove datasets with all their versions."""
    ids = [each for name in names for each in trash.versions_in(tx.connection, name)]
    trash.keep_known(tx, ids)
    remove_rows(tx, datasets, datasets.c.name.in_(names))
    refs = [*(Ref("dataset_version", each) for each in ids), *(Ref("dataset", name) for name in names)]
    forget(tx, refs, lives)
    return counted(refs)


def remove_versions(tx: Transaction, ids: list[str]) -> Counter[str]:
    """Remove versions; what they were stays known."""
    table = dataset_versions.c
    trash.keep_known(tx, ids)
    tagged = sa.select(table.number).where(table.id.in_(ids), table.dataset == dataset_tags.c.dataset)
    tx.execute(sa.delete(dataset_tags).where(dataset_tags.c.number.in_(tagged)))
    remove_rows(tx, dataset_versions, table.id.in_(ids))
    refs = [Ref("dataset_version", each) for each in ids]
    forget(tx, refs, lives)
    return counted(refs)
