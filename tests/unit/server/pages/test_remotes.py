"""The page of remotes and transfers, as a browser without scripts gets it."""

import shutil

import pytest

from tidemill.app.trackers.records import TransferStatus
from tidemill.core.access import OWNER

BROWSER = {"accept": "text/html,application/xhtml+xml", "origin": "http://localhost"}


def test_the_page_says_how_to_begin(serve):
    text = serve().get("/remotes", headers=BROWSER).text

    assert "tidemill data remote add team" in text


def test_remotes_and_what_was_moved_are_shown(serve, workspace, tmp_path, wait_for):
    (tmp_path / "a.csv").write_text("id\n1\n")
    workspace.data.ingest(OWNER, "flights", str(tmp_path / "a.csv"))
    workspace.stores.add(OWNER, name="share", uri=f"file://{tmp_path}/share%3Cb%3E")
    begun = workspace.stores.push(OWNER, ref="flights")
    wait_for(lambda: workspace.stores.transfer(OWNER, id=begun.id).status is not TransferStatus.RUNNING)
    missing = workspace.stores.pull(OWNER, ref="other")
    wait_for(lambda: workspace.stores.transfer(OWNER, id=missing.id).status is not TransferStatus.RUNNING)

    text = serve().get("/remotes", headers=BROWSER).text

    assert "share&lt;b&gt;" in text
    assert "<b>" not in text
    assert "pushed flights@1" in text
    assert "has no dataset" in text
    assert 'href="/remotes"' in serve().get("/datasets", headers=BROWSER).text


@pytest.fixture
def over(workspace, wait_for):
    """Give what waits until nothing runs, and returns what became of the last one."""

    def waited():
        def last():
            newest = workspace.stores.transfers(OWNER)[0]
            return newest if newest.status is not TransferStatus.RUNNING else None

        return wait_for(last)

    return waited


@pytest.fixture
def pushed(workspace, tmp_path, over):
    """Two versions at a remote."""
    workspace.stores.add(OWNER, name="share", uri=f"file://{tmp_path}/share")
    for rows in ("1", "1\n2"):
        (tmp_path / "a.csv").write_text(f"id\n{rows}\n")
        found = workspace.data.ingest(OWNER, "flights", str(tmp_path / "a.csv"))
        workspace.stores.push(OWNER, ref=found.ref)
        assert over().status is TransferStatus.DONE
    return tmp_path / "share"


def test_a_version_is_removed_there_from_the_page_of_the_remote(serve, workspace, pushed, over):
    page = serve()
    text = page.get("/remotes/share", headers=BROWSER).text
    assert 'href="/remotes/share"' in page.get("/remotes", headers=BROWSER).text
    assert '<option value="flights@2">flights@2</option>' in text
    assert "Remove it there" in text

    asked = {"ref": "flights@1"}
    answer = page.post("/remotes/share/remove-version", data=asked, headers=BROWSER, follow_redirects=False)

    assert (answer.status_code, over().report.notes) == (303, ["removed flights@1"])
    assert answer.headers["location"] == "/remotes/share?said=Removing+flights%401."
    assert workspace.stores.datasets(OWNER, name="share")[0].numbers == (2,)
    text = page.get("/remotes/share", headers=BROWSER).text
    assert '<option value="flights@1">' not in text
    assert "removed flights@1" in text
    assert page.post("/remotes/share/remove-version", data={"ref": ""}, headers=BROWSER).status_code == 400


def test_a_remote_is_swept_from_its_page(serve, pushed, over):
    left = pushed / "objects" / "ab" / ("c" * 62)
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"12345")
    page = serve()

    page.post("/remotes/share/sweep", data={"older_than": "0s", "dry_run": "1"}, headers=BROWSER)
    assert over().report.notes == ["would remove 1 object of unfinished pushes"]
    assert left.exists()
    page.post("/remotes/share/sweep", data={"older_than": "0s"}, headers=BROWSER)
    assert over().report.notes == ["removed 1 object of unfinished pushes"]
    assert not left.exists()


def test_a_remote_that_cannot_be_read_or_is_not_known_is_said(serve, pushed):
    page = serve()
    (pushed / "datasets" / "flights" / "tags").mkdir()
    (pushed / "datasets" / "flights" / "tags" / "gold").write_text("no number")

    answer = page.get("/remotes/share", headers=BROWSER)

    assert (answer.status_code, "is not a tag" in answer.text) == (200, True)
    shutil.rmtree(pushed)
    assert "Nothing was pushed there yet" in page.get("/remotes/share", headers=BROWSER).text
    assert page.get("/remotes/nothing", headers=BROWSER).status_code == 404
