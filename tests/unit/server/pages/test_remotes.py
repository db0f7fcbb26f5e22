"""The page of remotes and transfers, as a browser without scripts gets it."""

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
