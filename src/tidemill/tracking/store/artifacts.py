"""Files of runs and of logged models."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from tidemill.core.digests import Digest
from tidemill.core.refs import Ref
from tidemill.ledger import Transaction
from tidemill.ledger.dialect import is_sqlite, rows_in, rows_of, write_one
from tidemill.tracking.records import Artifact, ArtifactEntry
from tidemill.tracking.store.tables import logged_model_artifacts, run_artifacts


class _Shelf(NamedTuple):
    table: sa.Table
    owner: str
    owners: str


_SHELVES = {
    "run": _Shelf(run_artifacts, "run_id", "runs"),
    "logged_model": _Shelf(logged_model_artifacts, "model_id", "logged_models"),
}
_WITHIN_ON_SQLITE = "SELECT asked.value FROM {texts} AS asked WHERE EXISTS (SELECT 1 {own})"
_WITHIN = "SELECT asked.value FROM unnest{texts} AS asked (value) WHERE EXISTS (SELECT 1 {own})"
_RANGE = "path > asked.value || '/' AND path < asked.value || '0'"
"""SQLite compares bytes, so that this is a walk of the key; `0` is the character after `/`."""
_START = "substr(path, 1, length(asked.value) + 1) = asked.value || '/'"
_BETWEEN = "path > ? AND path < ?"
_BEGINS = "substr(path, 1, ?) = ?"
_HOLD = "SELECT 1 FROM {owners} WHERE {owner} = ? FOR NO KEY UPDATE"
_CLASHES = (
    "SELECT (SELECT path FROM {table} WHERE path = ANY {texts} AND {owner} = ? LIMIT 1),"
    " EXISTS (SELECT 1 FROM {table} WHERE {owner} = ? AND {below})"
)
_FIND = "SELECT digest, size FROM {table} WHERE {owner} = ? AND path = ?"
_PUT = (
    "INSERT INTO {table} ({owner}, path, digest, size) VALUES (?, ?, ?, ?)"
    " ON CONFLICT ({owner}, path) DO UPDATE SET digest = excluded.digest, size = excluded.size"
)
ROOTS = frozenset(_SHELVES)
"""The kinds of things that have artifacts."""


def list_artifacts(connection: sa.Connection, root: Ref, below: str = "") -> list[Artifact]:
    """Return the artifacts of a run or a logged model at or below a path, by path."""
    shelf = _SHELVES[root.kind]
    table = shelf.table.c
    query = sa.select(table.path, table.digest, table.size).where(table[shelf.owner] == root.id)
    if below:
        query = query.where(sa.or_(table.path == below, _inside(table.path, below)))
    rows = sorted(tuple(row) for row in connection.execute(query))
    return [Artifact(path=path, digest=digest, size=size) for path, digest, size in rows]


def list_folder(connection: sa.Connection, root: Ref, folder: str = "") -> list[ArtifactEntry]:
    """Return the files and folders directly below a path, by path; nothing when the path is a file."""
    shelf = _SHELVES[root.kind]
    table = shelf.table.c
    query = sa.select(table.path, table.size).where(table[shelf.owner] == root.id)
    start = f"{folder}/" if folder else ""
    if folder:
        query = query.where(_inside(table.path, folder))
    entries: dict[str, ArtifactEntry] = {}
    for path, size in connection.execute(query):
        name, slash, _ = path[len(start) :].partition("/")
        entries[name] = ArtifactEntry(path=start + name, is_dir=bool(slash), size=0 if slash else size)
    return [entries[name] for name in sorted(entries)]


def hold_root(connection: sa.Connection, root: Ref) -> None:
    """Let nobody else give files to a run or a logged model until the end; on SQLite nobody else writes."""
    if not is_sqlite(connection):
        shelf = _SHELVES[root.kind]
        hold = _HOLD.format(owners=shelf.owners, owner=shelf.owner)
        rows_of(connection, hold, root.id)


def find_artifact(connection: sa.Connection, root: Ref, path: str) -> Artifact | None:
    """Return one file."""
    shelf = _SHELVES[root.kind]
    rows = rows_of(connection, _FIND.format(table=shelf.table.name, owner=shelf.owner), root.id, path)
    return Artifact(path=path, digest=rows[0][0], size=rows[0][1]) if rows else None


def put_artifact(tx: Transaction, root: Ref, path: str, digest: Digest, size: int) -> None:
    """Name an object as a file; a path that is there gets the new content."""
    shelf = _SHELVES[root.kind]
    write_one(tx.connection, _PUT.format(table=shelf.table.name, owner=shelf.owner), root.id, path, digest, size)


def put_artifacts(tx: Transaction, root: Ref, files: Sequence[Artifact], aside: str) -> None:
    """Name objects as files; one whose path is a folder, or goes through a file, is put below the folder `aside`."""
    if not files:
        return
    shelf = _SHELVES[root.kind]
    hold_root(tx.connection, root)
    taken, folders = _in_the_way(tx.connection, root, [file.path for file in files])
    rows = {}
    for file in files:
        clashes = file.path in folders or not taken.isdisjoint(_above(file.path))
        path = f"{aside}/{file.path}" if clashes else file.path
        rows[path] = {shelf.owner: root.id, "path": path, "digest": file.digest, "size": file.size}
        taken.add(path)
        folders.update(_above(path))
    tx.upsert(shelf.table, list(rows.values()))


def delete_artifacts(tx: Transaction, root: Ref, path: str) -> int:
    """Forget the file at a path, or all below it, and return how many there were."""
    shelf = _SHELVES[root.kind]
    table = shelf.table.c
    gone = sa.delete(shelf.table).where(table[shelf.owner] == root.id)
    if path:
        gone = gone.where(sa.or_(table.path == path, _inside(table.path, path)))
    return tx.execute(gone).rowcount


def clashes(connection: sa.Connection, root: Ref, path: str) -> str:
    """Return the file that a path would have to be a folder of, or the path when it is a folder; else nothing."""
    shelf = _SHELVES[root.kind]
    walks = is_sqlite(connection)
    statement = _CLASHES.replace("{below}", _BETWEEN if walks else _BEGINS)
    statement = statement.replace("{table}", shelf.table.name).replace("{owner}", shelf.owner)
    below: tuple[object, object] = (f"{path}/", f"{path}0") if walks else (len(path) + 1, f"{path}/")
    taken, is_folder = rows_in(connection, statement, _above(path), root.id, root.id, *below)[0]
    return taken or (path if is_folder else "")


def _in_the_way(connection: sa.Connection, root: Ref, paths: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the files among what is above some paths, and the folders among the paths themselves."""
    shelf = _SHELVES[root.kind]
    above = sorted({folder for each in paths for folder in _above(each)})
    own = f"FROM {shelf.table.name} WHERE {{mine}} AND {shelf.owner} = ?"  # two names of ours
    taken = "SELECT path " + own.format(mine="path = ANY {texts}")
    files = {path for (path,) in rows_in(connection, taken, above, root.id)} if above else set()
    within = _WITHIN_ON_SQLITE if is_sqlite(connection) else _WITHIN
    folders = within.replace("{own}", own.format(mine=_RANGE if is_sqlite(connection) else _START))
    return files, {path for (path,) in rows_in(connection, folders, paths, root.id)}


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:at]) for at in range(1, len(parts))]


def _inside(path: sa.ColumnElement[str], folder: str) -> sa.ColumnElement[bool]:
    # Neither LIKE, which folds case on SQLite, nor a range, which follows the collation on PostgreSQL.
    start = f"{folder}/"
    return sa.func.substr(path, 1, len(start)) == start
