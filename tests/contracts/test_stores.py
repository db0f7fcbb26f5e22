"""A dataset goes to every kind of place, from every kind of ledger, and comes back the same."""

import random

import pytest

from tidemill.app import Workspace
from tidemill.app.trackers.records import TransferStatus
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings


@pytest.fixture(params=["folder", "s3"])
def uri(request, tmp_path) -> str:
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('s3')}/data"
    return f"file://{tmp_path}/share"


def ended(workspace: Workspace, begun, wait_for):
    def over():
        found = workspace.stores.transfer(OWNER, id=begun.id)
        return found if found.status is not TransferStatus.RUNNING else None

    return wait_for(over, within_s=60)


def test_a_table_and_a_folder_go_there_and_come_back(place, uri, tmp_path, monkeypatch, wait_for):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    content = random.Random(2).randbytes(2 << 20)
    (tmp_path / "pictures" / "a").write_bytes(content)
    (tmp_path / "a.csv").write_text("id,delay\n1,5\n2,7\n")
    database = "" if place.startswith("sqlite") else place
    with Workspace(Settings(home=tmp_path / "here", database=database)) as here:
        here.data.ingest(OWNER, "flights", "a.csv", key=["id"])
        here.data.ingest(OWNER, "pictures", "pictures")
        here.stores.add(OWNER, name="team", uri=uri)
        for ref in ("flights", "pictures"):
            pushed = ended(here, here.stores.push(OWNER, ref=ref), wait_for)
            assert (pushed.status, pushed.report.error) == (TransferStatus.DONE, "")
    with Workspace(Settings(home=tmp_path / "there")) as there:
        there.stores.add(OWNER, name="team", uri=uri)
        for ref in ("flights", "pictures"):
            pulled = ended(there, there.stores.pull(OWNER, ref=ref), wait_for)
            assert (pulled.status, pulled.report.error) == (TransferStatus.DONE, "")
        assert there.data.read(OWNER, "flights").rows() == [(1, 5), (2, 7)]
        with there.data.place.files(there.data.get(OWNER, "pictures")) as stored:
            assert stored.read("a") == content


def test_a_pull_enters_every_kind_of_ledger(place, uri, tmp_path, monkeypatch, wait_for):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id,delay\n1,5\n2,7\n")
    with Workspace(Settings(home=tmp_path / "here")) as here:
        here.data.ingest(OWNER, "flights", "a.csv")
        here.data.tag(OWNER, "flights", "gold")
        here.stores.add(OWNER, name="team", uri=uri)
        ended(here, here.stores.push(OWNER, ref="flights"), wait_for)
    database = "" if place.startswith("sqlite") else place
    with Workspace(Settings(home=tmp_path / "there", database=database)) as there:
        added = there.stores.add(OWNER, name="team", uri=uri)
        assert there.stores.list(OWNER) == [added]
        for name in ("", "copy"):
            pulled = ended(there, there.stores.pull(OWNER, ref="flights@gold", name=name), wait_for)
            assert (pulled.status, pulled.report.error) == (TransferStatus.DONE, "")
        assert there.data.get(OWNER, "flights@gold").number == 1
        assert there.data.read(OWNER, "copy").rows() == [(1, 5), (2, 7)]
        assert there.data.ingest(OWNER, "copy", "a.csv").created is False
