"""A push or a pull that is killed has shown nothing half done; the same again moves only the rest."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tidemill.app import Workspace
from tidemill.core.access import OWNER
from tidemill.core.errors import OutOfSpace
from tidemill.core.settings import Settings
from tidemill.data.rules import DatasetRef
from tidemill.data.sharing.pull import Pull
from tidemill.data.sharing.push import Push
from tidemill.data.sharing.shelf import Shelf
from tidemill.data.store import list_datasets
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore
from tidemill.objects.packs.folder import StoredFiles
from tidemill.objects.remote import RemoteStore, connect, parse_address
from tidemill.objects.remote.pieces import PIECE
from tidemill.objects.remote.store import PULLING, Stored

pytestmark = pytest.mark.slow
SIZE = 5 * PIECE + 12_345
KILLED = -9


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    content = random.Random(1).randbytes(SIZE)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "large").write_bytes(content)
    (tmp_path / "pictures" / "small").write_bytes(b"small")
    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        workspace.data.ingest(OWNER, "pictures", "pictures")
    return tmp_path / "home"


def command(home: Path, *words: str, dead_after_s: float = 180) -> subprocess.Popen[str]:
    # One transfer at a time, so that it is known how far one is when it is held.
    child = "from tidemill.objects.remote import store, filling; store._AT_ONCE = 1; filling._AHEAD = 1\n"
    child += "from datetime import timedelta; from tidemill.data.sharing import presence\n"
    child += f"presence.DEAD_AFTER = timedelta(seconds={dead_after_s})\n"
    child += "from tidemill.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", child, *words, "--home", str(home)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ},
    )


def finish(home: Path, *words: str, **options: float) -> str:
    process = command(home, *words, **options)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    return out


def kill_when_held(process: subprocess.Popen[str], proxy, wait_for) -> None:
    wait_for(lambda: proxy.is_waiting.is_set() or process.poll() is not None, within_s=60)
    assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == KILLED
    proxy.faults.clear()
    proxy.gate.set()


def after(count: int, method: str):
    """Return what lets so many requests for pieces pass, and fits the next one."""
    seen = 0

    def fits(asked) -> bool:
        nonlocal seen
        is_object = "/objects/" in asked.path or (method == "POST" and b"/objects/" in asked.body)
        if asked.method == method and is_object and (method != "PUT" or len(asked.body) >= PIECE):
            seen += 1
            return seen > count
        return False

    return fits


def pieces_sent(proxy) -> int:
    return sum(1 for asked in proxy.requests if asked.method == "PUT" and len(asked.body) >= PIECE)


def test_a_push_that_was_killed_goes_on_where_it_was(home, s3_proxy, s3, wait_for):
    from tests.faults.store_proxy import Fault

    finish(home, "data", "remote", "add", "team", f"s3://{s3}/data")
    s3_proxy.faults.append(Fault("gate", after(3, "PUT")))
    kill_when_held(command(home, "data", "push", "pictures"), s3_proxy, wait_for)

    assert not any("/datasets/" in asked.path and asked.method == "PUT" for asked in s3_proxy.requests)
    s3_proxy.requests.clear()
    finish(home, "data", "push", "pictures")

    # The held one may have arrived after the kill.
    assert pieces_sent(s3_proxy) <= 2
    assert sum(1 for asked in s3_proxy.requests if asked.method == "PUT" and "/datasets/" in asked.path) == 1


def test_a_pull_that_was_killed_goes_on_where_it_was(home, s3_proxy, s3, wait_for, tmp_path):
    from tests.faults.store_proxy import Fault

    other = tmp_path / "other"
    for place in (home, other):
        finish(place, "data", "remote", "add", "team", f"s3://{s3}/data")
    finish(home, "data", "push", "pictures")
    s3_proxy.faults.append(Fault("gate", after(5, "GET")))
    kill_when_held(command(other, "data", "pull", "pictures"), s3_proxy, wait_for)
    assert any((other / PULLING).iterdir())

    with Workspace(Settings(home=other)) as workspace:
        assert workspace.data.list(OWNER) == []
    s3_proxy.requests.clear()
    finish(other, "data", "pull", "pictures")

    fetched = [asked.path for asked in s3_proxy.requests if asked.method == "GET" and "/objects/" in asked.path]
    assert len(fetched) <= 5
    assert list((other / PULLING).iterdir()) == []
    with Workspace(Settings(home=other)) as workspace:
        with workspace.data.place.files(workspace.data.get(OWNER, "pictures")) as stored:
            assert stored.read("large") == (tmp_path / "pictures" / "large").read_bytes()
        assert workspace.maintenance.fsck(OWNER).findings == []


@pytest.mark.parametrize("passed", [0, 1])
def test_a_removal_that_was_killed_keeps_pushes_out_and_is_ended_by_the_same_again(
    home, s3_proxy, s3, wait_for, tmp_path, passed
):
    from tests.faults.store_proxy import Fault

    (tmp_path / "pictures" / "small").write_bytes(b"another")
    finish(home, "data", "add", "pictures", "pictures")
    finish(home, "data", "remote", "add", "team", f"s3://{s3}/data")
    for ref in ("pictures@1", "pictures@2"):
        finish(home, "data", "push", ref)
    removal = ("data", "remote", "remove-version", "team", "pictures@1", "--yes")
    s3_proxy.faults.append(Fault("gate", after(passed, "POST")))
    kill_when_held(command(home, *removal), s3_proxy, wait_for)

    refused = command(home, "data", "push", "pictures@2")
    assert "remote_busy" in refused.communicate(timeout=60)[1]
    finish(home, *removal, dead_after_s=0)
    finish(home, "data", "push", "pictures@2")
    with Workspace(Settings(home=tmp_path / "other")) as there:
        there.stores.add(OWNER, name="team", uri=f"s3://{s3}/data")
    finish(tmp_path / "other", "data", "pull", "pictures@2")
    with RemoteStore(connect(parse_address(f"s3://{s3}/data"))) as remote:
        shared = Shelf(remote.bucket).find(DatasetRef("pictures"))
        needed = remote.keys_of(Stored(each.digest, each.size) for each in shared.objects)
        assert {each.key for each in [*remote.bucket.list("objects"), *remote.bucket.list("pieces")]} == needed.keys()
        assert [each.key for each in remote.bucket.list("working/now")] == []
        assert Shelf(remote.bucket).list()[0].numbers == (2,)


def needed_at(remote: RemoteStore, name: str) -> set[str]:
    """Read every object of the latest version of a dataset, and return their names."""
    shared = Shelf(remote.bucket).find(DatasetRef(name))
    for each in shared.objects:
        remote.read_all(Stored(each.digest, each.size))
    return set(remote.keys_of(Stored(each.digest, each.size) for each in shared.objects))


@pytest.mark.parametrize("passed", [0, 1, 2, 3])
def test_a_sweep_that_was_killed_takes_nothing_that_is_needed_and_the_next_ends_it(
    home, s3_proxy, s3, wait_for, tmp_path, passed
):
    from tests.faults.store_proxy import Fault

    finish(home, "data", "remote", "add", "team", f"s3://{s3}/data")
    finish(home, "data", "push", "pictures")
    (tmp_path / "pictures" / "large").write_bytes(random.Random(2).randbytes(SIZE))
    finish(home, "data", "add", "others", "pictures")
    s3_proxy.faults.append(Fault("gate", after(4, "PUT")))
    kill_when_held(command(home, "data", "push", "others"), s3_proxy, wait_for)
    s3_proxy.is_waiting.clear()
    s3_proxy.gate.clear()
    sweep = ("data", "remote", "sweep", "team", "--older-than", "0s")
    assert "remote_busy" in command(home, *sweep).communicate(timeout=60)[1]
    s3_proxy.faults.append(Fault("gate", after(passed, "POST")))
    kill_when_held(command(home, *sweep, dead_after_s=0), s3_proxy, wait_for)

    assert "remote_busy" in command(home, "data", "push", "others").communicate(timeout=60)[1]
    finish(home, *sweep, dead_after_s=0)
    with RemoteStore(connect(parse_address(f"s3://{s3}/data"))) as remote:
        assert {each.key for folder in ("objects", "pieces") for each in remote.bucket.list(folder)} == needed_at(
            remote, "pictures"
        )
        finish(home, "data", "push", "others")
        needed_at(remote, "others")
        needed_at(remote, "pictures")


@pytest.mark.parametrize("passed", [0, 2, 4])
def test_a_push_that_sleeps_while_it_is_swept_loses_nothing(home, s3_proxy, s3, wait_for, passed):
    from tests.faults.store_proxy import Fault

    finish(home, "data", "remote", "add", "team", f"s3://{s3}/data")
    s3_proxy.faults.append(Fault("gate", after(passed, "PUT")))
    slow = command(home, "data", "push", "pictures")
    wait_for(s3_proxy.is_waiting.is_set, within_s=60)
    # Of a workspace of its own, for the folder of the first one is taken.
    other = home.parent / "other"
    finish(other, "data", "remote", "add", "team", f"s3://{s3}/data")
    sweep = ("data", "remote", "sweep", "team", "--older-than", "0s")
    assert "remote_busy" in command(other, *sweep).communicate(timeout=60)[1]
    finish(other, *sweep, dead_after_s=0)
    s3_proxy.gate.set()

    out, err = slow.communicate(timeout=100)
    assert slow.returncode == 0, out + err
    with RemoteStore(connect(parse_address(f"s3://{s3}/data"))) as remote:
        needed_at(remote, "pictures")
    finish(other, "data", "pull", "pictures")


class Quiet:
    """A watcher that wants to know nothing."""

    def begin(self, doing: str, total: int = 0) -> None:
        pass

    def step(self, count: int = 1) -> None:
        pass


@pytest.mark.parametrize("full", ["here", "there"])
def test_a_full_disk_is_said_and_the_same_again_goes_on(tmp_path, small_disk, fill, monkeypatch, full):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    content = random.Random(2).randbytes(3 << 20)
    (tmp_path / "pictures" / "a").write_bytes(content)
    place = f"file://{small_disk}/share" if full == "there" else f"file://{tmp_path}/share"
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    objects = ObjectStore(small_disk / "home" if full == "here" else tmp_path / "other")

    def pushed(workspace):
        with RemoteStore(connect(parse_address(place))) as remote:
            version = workspace.data.get(OWNER, "pictures")
            return Push(workspace.ledger, workspace.objects, remote, Quiet(), atomic=True).run(OWNER, version)

    def pulled():
        with RemoteStore(connect(parse_address(place))) as remote:
            return Pull(ledger, objects, remote, Quiet()).run(OWNER, DatasetRef("pictures"))

    with Workspace(Settings(home=tmp_path / "home")) as workspace:
        workspace.data.ingest(OWNER, "pictures", "pictures")
        if full == "there":
            fill(small_disk / "ballast")
            with pytest.raises(OutOfSpace):
                pushed(workspace)
            with RemoteStore(connect(parse_address(place))) as remote:
                assert Shelf(remote.bucket).list() == []
            (small_disk / "ballast").unlink()
        assert pushed(workspace).is_new
    if full == "here":
        fill(small_disk / "ballast")
        with pytest.raises(OutOfSpace):
            pulled()
        with ledger.read() as connection:
            assert list_datasets(connection) == []
        (small_disk / "ballast").unlink()
    version = pulled().version
    with StoredFiles(objects, version.digest, version.layout_digest) as stored:
        assert stored.read("a") == content
    ledger.close()
