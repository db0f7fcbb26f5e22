"""What holds in a bucket of one cloud holds in one of each: S3, Google Cloud Storage, Azure Blob Storage."""

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import AzureStore, GCSStore, S3Store
from tests.faults.azure_server import ACCOUNT, KEY

from tidemill.app import Workspace
from tidemill.app.trackers.records import Transfer, TransferStatus
from tidemill.core.access import OWNER
from tidemill.core.digests import Digest
from tidemill.core.settings import Settings
from tidemill.data import errors
from tidemill.data.service import DataService
from tidemill.data.sharing.opening import open_shared
from tidemill.data.sharing.scanning import scan_shared
from tidemill.integrations.sources.buckets import source
from tidemill.ledger import Ledger
from tidemill.objects import ObjectStore

CONTENT = random.Random(11).randbytes(9 << 20)
CSV = b"id,delay\n" + b"".join(b"%d,%d\n" % (number, number % 60) for number in range(40_000))
PLAIN = {"allow_http": True}


@dataclass
class Cloud:
    """A bucket, the way to it, and what else differs from cloud to cloud."""

    scheme: str
    name: str
    proxy: Any
    store: Any

    @property
    def uri(self) -> str:
        return f"{self.scheme}://{self.name}"


@pytest.fixture(params=["s3", "gcs", "azure"])
def cloud(request) -> Cloud:
    proxy = request.getfixturevalue(f"{request.param}_proxy")
    name = request.getfixturevalue(request.param)
    made: dict[str, Any] = {"s3": ("s3", S3Store), "gcs": ("gs", GCSStore), "azure": ("az", AzureStore)}
    scheme, kind = made[request.param]
    return Cloud(scheme, name, proxy, kind(name, client_options=PLAIN))


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flights.csv").write_bytes(CSV)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a").write_bytes(CONTENT)
    (tmp_path / "pictures" / "b").write_bytes(b"small")
    return tmp_path


@pytest.fixture
def here(home, cloud):
    with Workspace(Settings(home=home / "here")) as opened:
        opened.data.ingest(OWNER, "flights", "flights.csv", key=["id"])
        opened.data.ingest(OWNER, "pictures", "pictures")
        opened.stores.add(OWNER, name="team", uri=f"{cloud.uri}/data")
        yield opened


@pytest.fixture
def there(home, cloud):
    with Workspace(Settings(home=home / "there")) as opened:
        opened.stores.add(OWNER, name="team", uri=f"{cloud.uri}/data")
        yield opened


@pytest.fixture
def end(wait_for):
    """Give a function that waits until a transfer is over and was good, and returns what it counted."""

    def ended(place: Workspace, begun: Transfer) -> dict[str, int]:
        def over() -> Transfer | None:
            found = place.stores.transfer(OWNER, id=begun.id)
            return found if found.status is not TransferStatus.RUNNING else None

        found = wait_for(over, within_s=60)
        assert (found.status, found.report.error) == (TransferStatus.DONE, "")
        counts: dict[str, int] = found.report.counts
        return counts

    return ended


def keys(cloud: Cloud) -> set[str]:
    return {meta["path"] for meta in obstore.list(cloud.store).collect()}


def test_conditions_are_found_to_be_honoured(there):
    (remote,) = there.stores.list(OWNER)

    assert (remote.creates_once, remote.compares) == (True, True)


def test_only_what_is_lacking_is_moved_there_and_back(here, there, end, home):
    for ref in ("flights", "pictures"):
        end(here, here.stores.push(OWNER, ref=ref))
        end(there, there.stores.pull(OWNER, ref=ref))
    changed = CONTENT[: 1 << 20] + b"some bytes more" + CONTENT[1 << 20 :]
    (home / "pictures" / "a").write_bytes(changed)
    here.data.ingest(OWNER, "pictures", "pictures")

    assert end(here, here.stores.push(OWNER, ref="pictures"))["bytes moved"] < 600_000
    assert end(there, there.stores.pull(OWNER, ref="pictures"))["bytes moved"] < 600_000
    assert there.data.read(OWNER, "flights").equals(here.data.read(OWNER, "flights"))
    for ref, content in (("pictures@1", CONTENT), ("pictures@2", changed)):
        with there.data.place.files(there.data.get(OWNER, ref)) as files:
            assert files.read("a") == content
        assert there.folders.verify(OWNER, ref).is_sound


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_transfer_that_broke_off_goes_on(cloud, here, there, end, wait_for, method):
    place, verb = (here, here.stores.push) if method == "PUT" else (there, there.stores.pull)
    if method == "GET":
        end(here, here.stores.push(OWNER, ref="pictures"))
    cloud.proxy.requests.clear()
    cloud.proxy.fail("gate", method=method, path="objects")
    begun = verb(OWNER, ref="pictures")
    wait_for(cloud.proxy.is_waiting.is_set, within_s=30)
    place.stores._transfers._running[begun.id][1].cancel()
    cloud.proxy.gate.set()
    wait_for(lambda: place.stores.transfer(OWNER, id=begun.id).status is not TransferStatus.RUNNING, within_s=30)
    assert place.stores.transfer(OWNER, id=begun.id).report.code == "transfer_cancelled"

    counts = end(place, verb(OWNER, ref="pictures"))

    assert counts["bytes moved"] < counts["bytes"]
    with place.data.place.files(place.data.get(OWNER, "pictures")) as files:
        assert files.read("a") == CONTENT


def test_a_version_is_removed_and_what_others_need_stays(cloud, here, there, end, home):
    (home / "pictures" / "b").write_bytes(b"another")
    here.data.ingest(OWNER, "pictures", "pictures")
    for ref in ("pictures@1", "pictures@2"):
        end(here, here.stores.push(OWNER, ref=ref))
    before = keys(cloud)

    assert end(here, here.stores.remove_version(OWNER, name="team", ref="pictures@1"))["objects"] > 0
    assert keys(cloud) < before
    end(there, there.stores.pull(OWNER, ref="pictures@2"))
    with there.data.place.files(there.data.get(OWNER, "pictures@2")) as files:
        assert (files.read("a"), files.read("b")) == (CONTENT, b"another")
    end(here, here.stores.remove_version(OWNER, name="team", ref="pictures@2"))
    assert keys(cloud) == set()


def test_what_unfinished_pushes_left_is_swept(cloud, here, there, end):
    end(here, here.stores.push(OWNER, ref="flights"))
    before = keys(cloud)
    left = {f"data/objects/ab/{'c' * 62}", f"data/pieces/ab/{'d' * 62}"}
    for key in left:
        put(cloud, key, b"12345")

    assert end(here, here.stores.sweep(OWNER, name="team")).get("objects", 0) == 0
    assert keys(cloud) == before | left
    assert end(here, here.stores.sweep(OWNER, name="team", older_than="0s"))["objects"] == 2
    assert keys(cloud) == before
    end(there, there.stores.pull(OWNER, ref="flights"))


def test_what_is_damaged_here_comes_back_from_there(here, end):
    end(here, here.stores.push(OWNER, ref="flights"))
    digest = here.data.get(OWNER, "flights").parts[0].segments[0].digest
    path = here.objects.path(Digest(digest))
    path.chmod(0o644)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    assert not here.folders.verify(OWNER, "flights").is_sound

    assert end(here, here.stores.pull(OWNER, ref="flights", repair=True))["objects repaired"] == 1
    assert here.folders.verify(OWNER, "flights").is_sound


def test_what_is_there_is_read_without_a_copy(cloud, here, end):
    for ref in ("flights", "pictures"):
        end(here, here.stores.push(OWNER, ref=ref))

    assert scan_shared(f"{cloud.uri}/data", "flights@1").filter(id=7).collect()["delay"].to_list() == [7]
    with open_shared(f"{cloud.uri}/data", "pictures@1") as files:
        opened = files.open("a")
        opened.seek(5 << 20)
        assert opened.read(1000) == CONTENT[5 << 20 :][:1000]


def test_of_two_that_push_one_number_one_is_told(cloud, here, there, end, wait_for, home):
    (home / "other.csv").write_text("id,delay\n9,9\n")
    there.data.ingest(OWNER, "flights", "other.csv", key=["id"])
    cloud.proxy.fail("gate", method="PUT", path="flights")
    slow = here.stores.push(OWNER, ref="flights")
    wait_for(cloud.proxy.is_waiting.is_set, within_s=30)
    end(there, there.stores.push(OWNER, ref="flights"))
    cloud.proxy.gate.set()

    wait_for(lambda: here.stores.transfer(OWNER, id=slow.id).status is not TransferStatus.RUNNING, within_s=30)
    assert here.stores.transfer(OWNER, id=slow.id).report.code == "dataset_diverged"


@pytest.fixture
def data(home):
    ledger = Ledger.open(home / "ledger.sqlite")
    yield DataService(ledger, ObjectStore(home / "objects"), root=home)
    ledger.close()


def put(cloud: Cloud, key: str, content: bytes = CSV) -> Any:
    return obstore.put(cloud.store, key, content, use_multipart=False)


def test_a_key_is_a_source_with_its_own_version(cloud, data):
    written = put(cloud, "2013/01.csv")
    made = data.ingest(OWNER, "t", f"{cloud.uri}/2013/01.csv")

    (part,) = made.parts
    assert (made.rows, part.source.name) == (40_000, f"{cloud.uri}/2013/01.csv")
    assert part.source.version["etag"].strip('"') == written["e_tag"].strip('"')
    if cloud.scheme == "gs":  # its generation
        assert part.source.version["version_id"] == written["version"]


def test_of_a_pattern_only_what_changed_is_fetched(cloud, data):
    for month in ("01", "02", "03"):
        put(cloud, f"2013/{month}.csv", CSV + b"1%s,9\n" % month.encode())
    put(cloud, "2013/readme.txt", b"no table")
    assert data.ingest(OWNER, "t", f"{cloud.uri}/2013/*.csv").rows == 120_003
    cloud.proxy.requests.clear()
    put(cloud, "2013/02.csv")

    assert data.ingest(OWNER, "t", f"{cloud.uri}/2013/*.csv").rows == 120_002
    fetched = {asked.path.partition("?")[0][-8:] for asked in cloud.proxy.requests if asked.method == "GET"}
    assert {path for path in fetched if "csv" in path} in ({"02%2Ecsv"}, {"3/02.csv"}), fetched


@pytest.mark.parametrize("kind", ["cut", "503"])
def test_a_source_that_breaks_off_goes_on(cloud, data, kind):
    put(cloud, "a.csv")
    cloud.proxy.fail(kind, method="GET", path="csv", times=2)

    assert data.ingest(OWNER, "t", f"{cloud.uri}/a.csv").rows == 40_000


def test_a_source_that_changes_while_it_is_read_is_refused(cloud, data, monkeypatch):
    put(cloud, "a.csv")
    stream = source._stream

    def changing(*given):
        put(cloud, "a.csv", b"a\n1\n")
        return stream(*given)

    monkeypatch.setattr(source, "_stream", changing)
    with pytest.raises(errors.SourceChanged):
        data.ingest(OWNER, "t", f"{cloud.uri}/a.csv")
    assert data.list(OWNER) == []


def test_what_is_not_there_is_said(cloud, data):
    for address in (f"{cloud.uri}/b.csv", f"{cloud.uri}/*.csv", f"{cloud.scheme}://nowhere-at-all/a.csv"):
        with pytest.raises((errors.SourceNotFound, errors.SourceFailed)):
            data.ingest(OWNER, "t", address)


def test_credentials_are_named_and_said_nowhere(cloud, data, monkeypatch, gcs_server, home):
    put(cloud, "a.csv")
    secret = {"s3": "hidden-word-of-tests", "gs": gcs_server.credentials.read_text(), "az": KEY}[cloud.scheme]
    options = {
        "s3": "access_key_id=env:OUR_ID&secret_access_key=env:OUR_KEY",
        "gs": "service_account_key=env:OUR_KEY",
        "az": f"account={ACCOUNT}&account_key=env:OUR_KEY",
    }[cloud.scheme]
    endpoint = f"{cloud.proxy.url}/{ACCOUNT}" if cloud.scheme == "az" else cloud.proxy.url
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUR_ID", "key-of-tests")
    monkeypatch.setenv("OUR_KEY", secret)
    made = data.ingest(OWNER, "t", f"{cloud.uri}/a.csv#endpoint={endpoint}&{options}")

    assert made.rows == 40_000
    assert "env:OUR_KEY" in made.source.uri
    with pytest.raises((errors.SourceNotFound, errors.SourceFailed)) as told:
        data.ingest(OWNER, "t", f"{cloud.uri}/b.csv#endpoint={endpoint}&{options}")
    for hidden in (secret, "hidden-word-of-tests", KEY):
        assert hidden not in repr(told.value.__dict__)
        for path in home.rglob("*"):
            assert not path.is_file() or hidden.encode() not in path.read_bytes(), path
