"""An addition or a checkout of files that is killed, or finds the disk full, leaves nothing half-visible."""

import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import OutOfSpace
from tidemill.data.service import DataService
from tidemill.data.service.folders import FolderService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

SYNCS = "fsync,fdatasync"
RENAMES = "rename,renameat,renameat2"
MOST = 60

CHILD = """
import sys
from pathlib import Path
from tidemill.core.access import OWNER
from tidemill.data.service import DataService
from tidemill.data.service.folders import FolderService
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

home, verb = Path(sys.argv[1]), sys.argv[2]
ledger = Ledger.open(home / "ledger.sqlite")
data = DataService(ledger, ObjectStore(home), root=home.parent)
if verb == "add":
    print(data.ingest(OWNER, "photos", "photos").digest, flush=True)
else:
    print(FolderService(data.place).checkout(OWNER, "photos@1", target=str(home.parent / "out")).written, flush=True)
"""


def opened(home: Path) -> tuple[Ledger, DataService]:
    ledger = Ledger.open(home / "ledger.sqlite")
    return ledger, DataService(ledger, ObjectStore(home), root=home.parent)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one version of a folder, and the folder as it is by now."""
    folder = tmp_path_factory.mktemp("prepared")
    photos = folder / "photos"
    photos.mkdir()
    rng = random.Random(1)
    (photos / "big").write_bytes(rng.randbytes(20 << 20))
    (photos / "small").write_bytes(b"one")
    home = folder / "home"
    home.mkdir()
    ledger, data = opened(home)
    data.ingest(OWNER, "photos", "photos")
    ledger.close()
    content = (photos / "big").read_bytes()
    (photos / "big").write_bytes(content[:5000] + b"inserted" + content[5000:])
    (photos / "other").write_bytes(rng.randbytes(17 << 20))
    return folder


def run(home: Path, verb: str, *before: str) -> str:
    done = subprocess.run(
        [*before, sys.executable, "-c", CHILD, str(home), verb],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.strip()


def killed(home: Path, verb: str, calls: str, number: int) -> bool:
    """Run a verb that is killed at some call, and return whether there was that call."""
    strace = shutil.which("strace")
    assert strace, "This test needs strace: install it, for example with `apt-get install strace`."
    inject = f"inject={calls}:signal=SIGKILL:when={number}"
    return not run(home, verb, strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject)


@pytest.mark.timeout(300)
def test_an_addition_killed_at_any_sync_is_whole_or_absent_and_can_be_done_again(
    prepared: Path, tmp_path: Path
) -> None:
    def kill_at(number: int) -> bool:
        home = shutil.copytree(prepared, tmp_path / f"kill-{number}", copy_function=shutil.copyfile) / "home"
        was_killed = killed(home, "add", SYNCS, number)
        objects = ObjectStore(home)
        objects.clear_incoming()
        assert list(objects.fsck()) == []
        ledger, data = opened(home)
        assert [version.number for version in data.versions(OWNER, "photos")] in ([1], [2, 1])
        ledger.close()
        ledger, data = opened(home)
        data.ingest(OWNER, "photos", "photos")
        version = data.get(OWNER, "photos@2")
        assert FolderService(data.place).verify(OWNER, "photos@1").is_sound
        assert FolderService(data.place).verify(OWNER, "photos@2").is_sound
        assert data.get(OWNER, "photos").id == version.id
        with data.place.files(version) as files:
            assert files.read("big") == (prepared / "photos" / "big").read_bytes()
        ledger.close()
        shutil.rmtree(home.parent)
        return was_killed

    hits, found = 0, [True]
    with ThreadPoolExecutor(2) as pool:
        for start in range(1, MOST, 4):
            found = list(pool.map(kill_at, range(start, start + 4)))
            hits += sum(found)
            if not any(found):
                break
    assert hits >= 3
    assert not any(found), "there are more syncs than were tried"


@pytest.mark.timeout(300)
def test_a_checkout_killed_at_any_rename_shows_a_whole_folder_or_none(prepared: Path, tmp_path: Path) -> None:
    home = shutil.copytree(prepared, tmp_path / "copy") / "home"
    out = home.parent / "out"
    hits = 0
    for number in range(1, MOST):
        if not killed(home, "checkout", RENAMES, number):
            break
        hits += 1
        if out.exists():
            assert sorted(path.name for path in out.iterdir()) == ["big", "small"]
            assert (out / "big").stat().st_size == 20 << 20
            shutil.rmtree(out)
    assert hits >= 1
    assert sorted(path.name for path in out.iterdir()) == ["big", "small"]


def test_a_full_disk_refuses_the_version_and_keeps_nothing_of_it(small_disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "big").write_bytes(random.Random(2).randbytes(9 << 20))
    (tmp_path / "home").mkdir()
    ledger = Ledger.open(tmp_path / "home" / "ledger.sqlite")
    objects = ObjectStore(small_disk / "home")
    data = DataService(ledger, objects, root=tmp_path)

    with pytest.raises(OutOfSpace):
        data.ingest(OWNER, "photos", "photos")

    assert list(objects.digests()) == []
    assert data.list(OWNER) == []
    assert list((objects.root / "incoming").iterdir()) == []
    (folder / "big").write_bytes(b"small now")
    assert data.ingest(OWNER, "photos", "photos").number == 1
    ledger.close()
