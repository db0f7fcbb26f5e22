"""Two workspaces that share datasets through a bucket, by the verbs as the API calls them."""

import os
import random

import pytest

from tidemill.app import Workspace
from tidemill.app.trackers.records import TransferStatus
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.data.sharing.errors import RemoteExists, RemoteNotFound
from tidemill.objects.remote.errors import RemoteUnsafe

CSV = "id,delay\n1,5\n2,7\n3,9\n"


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_sources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def other(tmp_path):
    with Workspace(Settings(home=tmp_path / "other")) as opened:
        yield opened


@pytest.fixture
def here(workspace):
    return workspace


@pytest.fixture
def end(wait_for):
    """Give a function that waits until a transfer is over."""

    def ended(place, begun):
        def over():
            found = place.stores.transfer(OWNER, id=begun.id)
            return found if found.status is not TransferStatus.RUNNING else None

        return wait_for(over, within_s=30)

    return ended


@pytest.fixture
def both(here, other, s3, end):
    """Give functions that push from one workspace and pull into the other, and return what was done."""
    for place in (here, other):
        place.stores.add(OWNER, name="team", uri=f"s3://{s3}/data")

    def push(ref: str):
        return end(here, here.stores.push(OWNER, ref=ref))

    def pull(ref: str, **options: str):
        return end(other, other.stores.pull(OWNER, ref=ref, **options))

    return push, pull


def folder_of(tmp_path, **files: bytes) -> str:
    folder = tmp_path / "pictures"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return "pictures"


def test_a_table_goes_there_and_comes_back_as_it_was(here, other, both, tmp_path):
    push, pull = both
    (tmp_path / "a.csv").write_text(CSV)
    version = here.data.ingest(OWNER, "flights", "a.csv", key=["id"], description="Flights of a day")
    here.data.tag(OWNER, "flights@1", "gold")

    pushed, pulled = push("flights"), pull("flights@gold")

    assert (pushed.status, pushed.report.error) == (TransferStatus.DONE, "")
    assert (pulled.status, pulled.report.error) == (TransferStatus.DONE, "")
    assert pushed.report.counts["bytes moved"] == pushed.report.counts["bytes"] > 0
    found = other.data.get(OWNER, "flights@gold")
    assert (found.id, found.digest, found.parts) == (version.id, version.digest, version.parts)
    assert (found.created_at, found.created_by) == (version.created_at, version.created_by)
    assert other.data.read(OWNER, "flights").equals(here.data.read(OWNER, "flights"))
    assert other.data.list(OWNER)[0].description == "Flights of a day"
    assert other.data.profile(OWNER, "flights") == here.data.profile(OWNER, "flights")
    assert other.data.report(OWNER, "flights") == here.data.report(OWNER, "flights")
    assert other.maintenance.fsck(OWNER).findings == []


def test_what_is_there_already_is_not_moved_again(here, both, tmp_path):
    push, pull = both
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("id,delay\n4,5\n")
    here.data.ingest(OWNER, "flights", "a.csv", key=["id"])
    push("flights"), pull("flights")

    for again in (push("flights"), pull("flights")):
        assert again.status is TransferStatus.DONE
        assert "bytes moved" not in again.report.counts
        assert again.report.notes == ["flights@1 was there already"]

    here.data.ingest(OWNER, "flights", "b.csv", key=["id"], append=True)
    second = push("flights").report.counts
    assert 0 < second["bytes moved"] < second["bytes"]
    again = pull("flights").report.counts
    assert again["bytes moved"] == second["bytes moved"]


def test_a_folder_goes_there_and_comes_back_byte_for_byte(here, other, both, tmp_path):
    push, pull = both
    content = random.Random(3).randbytes(3 << 20)
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content, b=b"small"))
    assert push("pictures").status is TransferStatus.DONE

    changed = content[: 1 << 20] + b"a row more" + content[1 << 20 :]
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=changed, c=b"new"))
    second = push("pictures")
    assert second.status is TransferStatus.DONE
    assert second.report.counts["bytes moved"] < 600_000

    assert pull("pictures@1").status is TransferStatus.DONE
    assert pull("pictures@2").report.counts["bytes moved"] < 600_000
    for number, files in ((1, {"a": content, "b": b"small"}), (2, {"a": changed, "b": b"small", "c": b"new"})):
        with other.data.place.files(other.data.get(OWNER, f"pictures@{number}")) as stored:
            assert {entry.path: stored.read(entry.path) for entry in stored.entries} == files
    assert other.maintenance.fsck(OWNER).findings == []


def test_of_a_pack_of_which_little_is_needed_only_that_is_moved(here, other, both, tmp_path):
    """What a large version brought is not carried along by a small one that kept a little of it."""
    push, pull = both
    content = random.Random(4).randbytes(6 << 20)
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content))
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content[: 2 << 20]))

    pushed, pulled = push("pictures@2"), pull("pictures")

    for done in (pushed, pulled):
        assert done.status is TransferStatus.DONE, done.report
        assert (2 << 20) < done.report.counts["bytes moved"] < (3 << 20)
    with other.data.place.files(other.data.get(OWNER, "pictures")) as stored:
        assert stored.read("a") == content[: 2 << 20]
    assert push("pictures@1").report.counts["bytes moved"] > (4 << 20)
    assert pull("pictures@1").status is TransferStatus.DONE
    with other.data.place.files(other.data.get(OWNER, "pictures@1")) as stored:
        assert stored.read("a") == content


def test_a_pull_of_little_takes_ranges_of_what_is_whole_there(here, other, both, tmp_path):
    push, pull = both
    content = random.Random(5).randbytes(6 << 20)
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content))
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content[-(2 << 20) :]))
    push("pictures@1"), push("pictures@2")

    pulled = pull("pictures@2")

    assert pulled.status is TransferStatus.DONE, pulled.report
    assert pulled.report.counts["bytes moved"] < (5 << 19)
    with other.data.place.files(other.data.get(OWNER, "pictures@2")) as stored:
        assert stored.read("a") == content[-(2 << 20) :]
    assert other.maintenance.fsck(OWNER).findings == []


def test_two_that_made_the_same_number_do_not_harm_one_another(here, other, both, end, tmp_path):
    push, pull = both
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("id,delay\n9,9\n")
    here.data.ingest(OWNER, "flights", "a.csv")
    other.data.ingest(OWNER, "flights", "b.csv")
    push("flights")

    lost = end(other, other.stores.push(OWNER, ref="flights"))
    refused = pull("flights")
    taken = pull("flights@1", name="their-flights")

    assert (lost.status, lost.report.code) == (TransferStatus.FAILED, "dataset_diverged")
    assert (refused.status, refused.report.code) == (TransferStatus.FAILED, "dataset_diverged")
    assert taken.status is TransferStatus.DONE
    assert other.data.read(OWNER, "their-flights").height == 3
    assert other.data.read(OWNER, "flights").height == 1
    assert here.stores.datasets(OWNER, name="team")[0].numbers == (1,)


def test_a_version_is_found_there_by_number_tag_and_day(here, both, tmp_path):
    push, pull = both
    for number, rows in enumerate((CSV, CSV + "4,1\n"), 1):
        (tmp_path / "a.csv").write_text(rows)
        here.data.ingest(OWNER, "flights", "a.csv")
        push(f"flights@{number}")
    day = here.data.get(OWNER, "flights").created_at.date().isoformat()

    assert pull("flights").report.notes == ["pulled flights@2"]
    assert pull(f"flights@{day}").report.notes == ["flights@2 was there already"]
    assert pull("flights@2000-01-01").report.code == "dataset_version_not_found"
    assert pull("flights@9").report.code == "dataset_version_not_found"
    assert pull("flight").report.code == "dataset_not_found"
    assert "flights" in pull("flight").report.hint


def test_what_a_place_lost_is_brought_again_by_a_push(here, both, tmp_path, s3):
    push, pull = both
    (tmp_path / "a.csv").write_text(CSV)
    version = here.data.ingest(OWNER, "flights", "a.csv")
    push("flights")
    from tidemill.objects.remote import connect, parse_address

    bucket = connect(parse_address(f"s3://{s3}/data"))
    digest = version.parts[0].segments[0].digest
    bucket.delete(f"objects/{digest[:2]}/{digest[2:]}")

    assert pull("flights").report.code == "remote_object_missing"
    assert push("flights").report.counts["bytes moved"] == version.parts[0].segments[0].size_bytes
    assert pull("flights").status is TransferStatus.DONE


def test_rows_are_read_from_there_without_a_copy(here, other, both, tmp_path, s3):
    import polars as pl

    from tidemill.data.sharing.scanning import scan_shared

    push, _ = both
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("id,delay\n4,\n")
    here.data.ingest(OWNER, "flights", "a.csv", key=["id"])
    here.data.ingest(OWNER, "flights", "b.csv", key=["id"], append=True)
    push("flights")

    for rows in (other.stores.scan(OWNER, ref="flights@2"), scan_shared(f"s3://{s3}/data", "flights")):
        assert rows.collect().equals(here.data.read(OWNER, "flights"))
        assert rows.select("delay").filter(pl.col("delay") > 6).collect().rows() == [(7,), (9,)]
        assert rows.head(2).collect()["id"].to_list() == [1, 2]
    assert list(other.objects.digests()) == []


def test_a_place_is_remembered_and_forgotten(here, s3, tmp_path):
    added = here.stores.add(OWNER, name="team", uri=f"s3://{s3}/data/")

    assert (added.uri, added.creates_once, added.compares) == (f"s3://{s3}/data", True, True)
    with pytest.raises(RemoteExists):
        here.stores.add(OWNER, name="team", uri=f"file://{tmp_path}/share")
    here.stores.add(OWNER, name="share", uri=f"file://{tmp_path}/share")
    assert [remote.name for remote in here.stores.list(OWNER)] == ["share", "team"]
    with pytest.raises(RemoteNotFound, match="not said"):
        here.stores.pull(OWNER, ref="flights")
    here.stores.remove(OWNER, name="team")
    with pytest.raises(RemoteNotFound):
        here.stores.datasets(OWNER, name="team")


def test_a_place_that_ignores_conditions_is_refused_unless_one_writes_alone(here, s3_proxy, s3, end, tmp_path):
    s3_proxy.dropped_headers = {"if-none-match", "if-match"}
    with pytest.raises(RemoteUnsafe):
        here.stores.add(OWNER, name="team", uri=f"s3://{s3}/data")
    assert here.stores.list(OWNER) == []

    added = here.stores.add(OWNER, name="team", uri=f"s3://{s3}/data", single_writer=True)
    assert (added.creates_once, added.single_writer) == (False, True)
    (tmp_path / "a.csv").write_text(CSV)
    here.data.ingest(OWNER, "flights", "a.csv")
    assert end(here, here.stores.push(OWNER, ref="flights")).status is TransferStatus.DONE
    assert here.stores.datasets(OWNER, name="team")[0].numbers == (1,)


def test_no_credential_is_kept_or_told(here, s3, both, tmp_path):
    push, _ = both
    (tmp_path / "a.csv").write_text(CSV)
    here.data.ingest(OWNER, "flights", "a.csv")
    push("flights")
    os.environ["AWS_SECRET_ACCESS_KEY"] = "hidden-word-of-tests"

    for path in here.settings.home.rglob("*"):
        if path.is_file():
            assert b"hidden-word-of-tests" not in path.read_bytes(), path


@pytest.fixture
def two(here, other, s3_proxy, s3):
    """Give both workspaces with the same remote behind a proxy, and a table of its own in each."""
    for place in (here, other):
        place.stores.add(OWNER, name="team", uri=f"s3://{s3}/data")
    return here, other


def hold_the_first_record(proxy) -> None:
    proxy.fail("gate", method="PUT", path="/datasets/flights/1.json")


def test_of_two_that_push_one_number_at_the_same_moment_one_is_told(two, s3_proxy, end, wait_for, tmp_path):
    here, other = two
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("id,delay\n9,9\n")
    here.data.ingest(OWNER, "flights", "a.csv")
    other.data.ingest(OWNER, "flights", "b.csv")
    hold_the_first_record(s3_proxy)

    slow = here.stores.push(OWNER, ref="flights")
    wait_for(s3_proxy.is_waiting.is_set)
    fast = end(other, other.stores.push(OWNER, ref="flights"))
    s3_proxy.gate.set()

    assert fast.status is TransferStatus.DONE
    assert end(here, slow).report.code == "dataset_diverged"
    assert end(other, other.stores.pull(OWNER, ref="flights")).report.notes == ["flights@1 was there already"]


def test_of_two_that_push_the_same_version_at_the_same_moment_both_succeed(two, s3_proxy, end, wait_for, tmp_path):
    here, other = two
    (tmp_path / "a.csv").write_text(CSV)
    for place in two:
        place.data.ingest(OWNER, "flights", "a.csv")
    hold_the_first_record(s3_proxy)

    slow = here.stores.push(OWNER, ref="flights")
    wait_for(s3_proxy.is_waiting.is_set)
    fast = end(other, other.stores.push(OWNER, ref="flights"))
    s3_proxy.gate.set()

    assert (fast.status, end(here, slow).status) == (TransferStatus.DONE, TransferStatus.DONE)


@pytest.mark.parametrize("fault", ["503", "refuse", "lost", "cut", "flip"])
def test_faults_on_the_way_lose_nothing(two, s3_proxy, end, tmp_path, fault, monkeypatch):
    monkeypatch.setattr("tidemill.objects.remote.bucket.time.sleep", lambda _: None)
    here, other = two
    content = random.Random(6).randbytes(2 << 20)
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content, b=b"small"))
    if fault not in {"cut", "flip"}:
        s3_proxy.fail(fault, method="PUT", path="/data/", times=2)
    assert end(here, here.stores.push(OWNER, ref="pictures")).status is TransferStatus.DONE
    s3_proxy.fail(fault, method="GET", path="/objects/", times=2)

    pulled = end(other, other.stores.pull(OWNER, ref="pictures"))

    assert pulled.status is TransferStatus.DONE, pulled.report
    with other.data.place.files(other.data.get(OWNER, "pictures")) as stored:
        assert stored.read("a") == content


def test_a_chunk_that_is_damaged_there_is_refused(two, end, s3, tmp_path):
    from tidemill.objects.remote import connect, parse_address

    here, other = two
    content = random.Random(7).randbytes(6 << 20)
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content))
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content[: 2 << 20]))
    for number in (1, 2):
        end(here, here.stores.push(OWNER, ref=f"pictures@{number}"))
    bucket = connect(parse_address(f"s3://{s3}/data"))
    (pack,) = (found for found in bucket.list("objects") if found.size > (5 << 20))
    bucket.put(pack.key, b"\0" * 100 + bucket.read(pack.key)[100:])

    for number in (1, 2):
        assert end(other, other.stores.pull(OWNER, ref=f"pictures@{number}")).report.code == "remote_damaged"
    assert other.data.list(OWNER) == []


def test_a_transfer_that_is_cancelled_goes_on_when_asked_for_again(two, s3_proxy, end, wait_for, tmp_path):
    here, _ = two
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=random.Random(8).randbytes(20 << 20)))
    s3_proxy.fail("gate", method="PUT", path="/objects/")

    begun = here.stores.push(OWNER, ref="pictures")
    wait_for(s3_proxy.is_waiting.is_set)
    here.stores._transfers._running[begun.id][1].cancel()
    s3_proxy.gate.set()

    assert end(here, begun).report.code == "transfer_cancelled"
    assert here.stores.datasets(OWNER, name="team") == []
    assert end(here, here.stores.push(OWNER, ref="pictures")).status is TransferStatus.DONE


def test_files_are_read_from_there_in_part_without_a_copy(two, s3_proxy, end, s3, tmp_path):
    from tidemill.data.sharing.opening import open_shared
    from tidemill.objects.remote.errors import RemoteDamaged

    here, _ = two
    content = random.Random(9).randbytes(20 << 20)
    here.data.ingest(OWNER, "pictures", folder_of(tmp_path, a=content, b=b"small"))
    end(here, here.stores.push(OWNER, ref="pictures"))
    s3_proxy.requests.clear()

    with open_shared(f"s3://{s3}/data", "pictures@1") as files:
        assert [entry.path for entry in files.entries] == ["a", "b"]
        assert files.read("b") == b"small"
        opened = files.open("a")
        opened.seek(9 << 20)
        assert opened.read(1000) == content[9 << 20 :][:1000]
        assert s3_proxy.counted()["GET"] < 25
        opened.seek(0)
        assert opened.read() == content
        assert s3_proxy.counted()["GET"] < 50
        s3_proxy.fail("flip", method="GET", path="/objects/", times=3)
        with pytest.raises(RemoteDamaged):
            files.read("b")


@pytest.mark.parametrize("change", ["rows", "parts", "garbage", "other", "pieces"])
def test_a_record_that_lies_is_refused(here, other, both, s3, tmp_path, change):
    import json

    from tidemill.objects.remote import connect, parse_address

    push, pull = both
    (tmp_path / "a.csv").write_text(CSV)
    here.data.ingest(OWNER, "flights", "a.csv")
    push("flights")
    bucket = connect(parse_address(f"s3://{s3}/data"))
    record = json.loads(bucket.read("datasets/flights/1.json"))
    if change == "rows":
        record["version"]["rows"] = 4
    elif change == "parts":
        record["version"]["parts"] = []
    elif change == "other":
        record["version"]["dataset"] = "../flights"
    elif change == "pieces":
        record["objects"] = record["objects"][:1]
    content = b"no record" if change == "garbage" else json.dumps(record).encode()
    bucket.put("datasets/flights/1.json", content)

    assert pull("flights").report.code == "damaged_record"
    assert other.data.list(OWNER) == []


def test_a_version_is_removed_there_and_others_are_whole(here, other, both, end, tmp_path):
    push, pull = both
    content = random.Random(5).randbytes(9 << 20)
    for number in range(2):
        here.data.ingest(OWNER, "pictures", folder_of(tmp_path, **{"a": content, f"b{number}": bytes([number]) * 3000}))
        push(f"pictures@{number + 1}")
    here.data.tag(OWNER, "pictures@1", "first")
    push("pictures@1")
    done = end(here, here.stores.remove_version(OWNER, name="team", ref="pictures@first"))

    assert (done.status, done.report.notes) == (TransferStatus.DONE, ["removed pictures@1, with the tags first"])
    assert 0 < done.report.counts["bytes"] < 1 << 20
    assert pull("pictures@1").report.code == "dataset_version_not_found"
    assert pull("pictures@2").status is TransferStatus.DONE
    with other.data.place.files(other.data.get(OWNER, "pictures")) as files:
        assert files.read("a") == content
    assert here.data.get(OWNER, "pictures@1").number == 1
    assert push("pictures@1").status is TransferStatus.DONE
