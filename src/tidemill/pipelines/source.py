"""The project's code, kept as it was: a snapshot in the object store, and a read-only copy to run from."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tidemill.core.digests import Digest
from tidemill.core.names import shown
from tidemill.objects import ObjectStore
from tidemill.objects.digest import digest_bytes
from tidemill.objects.trees import TreeEntry, check_relative, encode_manifest
from tidemill.pipelines.errors import SourceMissing, SourceTooLarge
from tidemill.pipelines.records import GitState, SourceSnapshot

MOST_FILES = 5_000
MOST_BYTES = 32 << 20
LARGEST_BESIDE = 256 << 10
BESIDE = frozenset({".cfg", ".ini", ".jinja", ".json", ".lock", ".sql", ".toml", ".txt", ".yaml", ".yml"})
IGNORED = frozenset(
    {"__pycache__", "node_modules", "venv", "env", "build", "dist", "site", "mlruns", "wandb", "site-packages"}
)


def take_snapshot(folder: Path, objects: ObjectStore) -> SourceSnapshot:
    """Store a project's Python files, and the small texts beside them, and return what they are.

    Hidden files and folders are left out, as are those of `IGNORED`, and texts over 256 KiB.

    Raises:
        SourceMissing: If there is no such folder.
        SourceTooLarge: If the files are too many or too large for code.
    """
    if not folder.is_dir():
        raise SourceMissing(
            f"There is no folder {shown(folder.name)}", where=str(folder), hint="Give the folder of tidemill.yaml."
        )
    root = folder.resolve()
    entries: list[TreeEntry] = []
    size = 0
    for path, name in sorted(_files(root, root), key=lambda pair: pair[1]):
        content = path.read_bytes()
        size += len(content)
        if size > MOST_BYTES or len(entries) >= MOST_FILES:
            raise SourceTooLarge(
                f"The code below {root.name} is over {MOST_FILES} files or {MOST_BYTES >> 20} MiB",
                where=name,
                hint="Move data out of the project's folder, or into a folder whose name begins with a dot.",
            )
        entries.append(TreeEntry(check_relative(name), len(content), objects.put_bytes(content)))
    digest = objects.put_bytes(encode_manifest(entries))
    return SourceSnapshot(digest=digest, name=root.name, files=len(entries), size=size, git=git_state(root))


def export_source(digest: Digest, objects: ObjectStore, work: Path) -> Path:
    """Return the read-only folder that holds a snapshot, writing it where it is missing or was changed.

    Args:
        digest: The snapshot.
        objects: Where it is stored.
        work: The folder for such copies.
    """
    folder = work / digest
    if folder.exists() and not _is_intact(folder, objects.list_tree(digest)):
        _let_write(folder)
        shutil.rmtree(folder)
    if not folder.exists():
        objects.export_tree(digest, folder)
        for place, _, files in os.walk(folder, topdown=False):
            for name in files:
                Path(place, name).chmod(0o444)
            Path(place).chmod(0o555)
    return folder


def git_state(folder: Path) -> GitState | None:
    """Return the commit and branch of a folder, and whether it differs from them; None where Git does not know it."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    command = ["git", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch", "--", "."]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        answer = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    commit, branch, dirty = "", "", False
    for line in answer.stdout.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.split()[-1]
        elif line.startswith("# branch.head "):
            branch = line.split(maxsplit=2)[-1]
        elif not line.startswith("#"):
            dirty = True
    return None if commit in {"", "(initial)"} else GitState(commit=commit, branch=branch, dirty=dirty)


def _files(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    with os.scandir(folder) as listing:
        for entry in listing:
            if entry.name.startswith(".") or entry.name in IGNORED:
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if not (path / "pyvenv.cfg").exists():
                    yield from _files(path, root)
            elif entry.is_file() and _belongs(entry, path, root):
                yield path, path.relative_to(root).as_posix()


def _belongs(entry: "os.DirEntry[str]", path: Path, root: Path) -> bool:
    if entry.is_symlink() and not path.resolve().is_relative_to(root):
        return False
    return path.suffix == ".py" or (path.suffix in BESIDE and entry.stat().st_size <= LARGEST_BESIDE)


def _is_intact(folder: Path, entries: list[TreeEntry]) -> bool:
    python = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    if not python <= {entry.path for entry in entries}:
        return False
    try:
        return all(digest_bytes((folder / entry.path).read_bytes()) == entry.digest for entry in entries)
    except OSError:
        return False


def _let_write(folder: Path) -> None:
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o755)
