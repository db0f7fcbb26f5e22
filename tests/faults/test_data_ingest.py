"""An ingestion that is killed, finds the disk full or the folder read-only leaves nothing half-visible."""

import os
import resource
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.data import store
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

ROWS = 30_000
SYNCS = "fsync,fdatasync"
MOST_SYNCS = 60
NOBODY = 65534

CHILD = """
import os, resource, sys
from pathlib import Path
import numpy, polars, tidemill.data.service.ingest  # before the user changes, who may not read what they are made of
from tidemill.core.access import OWNER
from tidemill.core.errors import TidemillError
from tidemill.data import segments
from tidemill.data.service import DataService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

segments._MEAN_BYTES = 1 << 18  # so that the table is several objects
home, limit, user = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
ledger = Ledger.open(home / "ledger.sqlite")
data = DataService(ledger, ObjectStore(home), root=home.parent)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if user:
    polars.select(polars.lit(1)).lazy().collect(engine="streaming")
    os.setuid(user)
try:
    version = data.ingest(OWNER, "flights", "flights.csv", key=["id"], on_bad_rows="quarantine")
    print("done", version.digest, flush=True)
except TidemillError as error:
    print("error", error.code, error.hint, flush=True)
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a source and a workspace that holds nothing yet."""
    folder = tmp_path_factory.mktemp("prepared")
    lines = [f"{i % (ROWS - 5)},{i * 7919 % 1000 / 7:.4f},carrier {i * 31 % 97}" for i in range(ROWS)]
    (folder / "flights.csv").write_text("id,delay,carrier\n" + "\n".join(lines) + "\n")
    Ledger.open(make_home(folder) / "ledger.sqlite").close()
    return folder


def make_home(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir()
    ObjectStore(home)
    return home


def copy_of(prepared: Path, target: Path) -> Path:
    shutil.copytree(prepared, target)
    return target / "home"


def run(home: Path, *, limit: int = 0, before: tuple[str, ...] = (), user: int = 0) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-c", CHILD, str(home), str(limit), str(user)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "POLARS_MAX_THREADS": "1"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.strip()


def look(home: Path) -> tuple[list[str], set[str]]:
    """Return the versions that are visible and the objects that they need; all of them are whole."""
    objects = ObjectStore(home)
    objects.clear_incoming()
    assert list(objects.fsck()) == []
    ledger = Ledger.open(home / "ledger.sqlite")
    try:
        assert list(ledger.damage()) == []
        data = DataService(ledger, objects)
        with ledger.read() as connection:
            needed = {digest for digest, _ in store.referenced_digests(connection)}
        versions = [version.digest for dataset in data.list(OWNER) for version in data.versions(OWNER, dataset.name)]
        for dataset in data.list(OWNER):
            assert data.read(OWNER, dataset.name).height == ROWS - 5
        return list(versions), set(needed)
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def digest(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    home = copy_of(prepared, tmp_path_factory.mktemp("whole") / "copy")
    assert run(home).startswith("done")
    return look(home)[0][0]


def test_killed_at_any_sync_it_is_whole_or_absent_and_can_be_done_again(
    prepared: Path, digest: str, tmp_path: Path
) -> None:
    strace = shutil.which("strace")
    assert strace, "This test needs strace: install it, for example with `apt-get install strace`."

    def kill_at(number: int) -> bool:
        home = copy_of(prepared, tmp_path / f"kill-{number}")
        inject = f"inject={SYNCS}:signal=SIGKILL:when={number}"
        said = run(home, before=(strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={SYNCS}", "-e", inject))
        versions, _ = look(home)
        assert versions in ([], [digest]), number
        if said.startswith("done"):
            assert versions == [digest]
        else:
            assert run(home).split() == ["done", digest]
            assert look(home)[0] == [digest]
        shutil.rmtree(home.parent)
        return said.startswith("done")

    finished, start = [False], 0
    with ThreadPoolExecutor(2) as pool:
        for start in range(1, MOST_SYNCS, 6):
            finished = list(pool.map(kill_at, range(start, start + 6)))
            if all(finished):
                break
    assert all(finished), f"more than {MOST_SYNCS} syncs: raise the bound"
    assert start > 6, "the kills did not reach the ingestion"


@pytest.mark.parametrize("limit", [1, 5_000, 20_000, 40_000, 60_000])
def test_a_full_disk_is_told_and_leaves_nothing(prepared: Path, digest: str, tmp_path: Path, limit: int) -> None:
    home = copy_of(prepared, tmp_path / "full")
    said = run(home, limit=limit)
    assert said.startswith(("error out_of_space", "error ledger_io")), said  # SQLite tells its log's from no other
    assert list((home / "incoming").iterdir()) == []
    assert look(home)[0] == []
    assert run(home).split() == ["done", digest]


def test_a_read_only_folder_is_told(prepared: Path, tmp_path: Path) -> None:
    home = copy_of(prepared, tmp_path / "locked")
    for folder in (home / "incoming", home / "objects"):
        folder.chmod(0o555)
    as_root = os.geteuid() == 0
    if as_root:
        for path in (home.parent, tmp_path, *tmp_path.parents):
            if path.stat().st_mode & 0o777 == 0o700:  # pytest's own folders, closed to others
                path.chmod(0o755)
        for path in (home, *home.glob("ledger*")):
            shutil.chown(path, NOBODY)
    said = run(home, user=NOBODY if as_root else 0)
    assert said.startswith("error store_read_only"), said
    assert look(home)[0] == []


def test_the_limit_of_this_process_is_untouched() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
