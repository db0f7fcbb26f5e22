"""What callers over the network may have the server read."""

import httpx
import pytest

from tidemill.app import Workspace
from tidemill.client.embedded import EmbeddedTransport
from tidemill.core.access import OWNER
from tidemill.core.settings import Settings
from tidemill.server.app import build


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in a folder with a table, beside a secret."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "table.csv").write_text("a\n1\n")
    monkeypatch.chdir(folder)
    return folder


def ask(settings, source, role="", *, is_embedded=False):
    """Ingest over HTTP, with a token of a role or without one; return status and code."""
    with Workspace(settings) as workspace:
        made = workspace.governance.create_token(OWNER, name="bob", role=role) if role else None
        headers = {"Authorization": f"Bearer {made.secret}"} if made else {}
        transport = EmbeddedTransport(build(workspace, is_embedded=is_embedded))
        with httpx.Client(transport=transport, base_url="http://localhost", headers=headers) as http:
            answer = http.post("/api/v1/datasets/table/versions", json={"source": str(source)})
    return answer.status_code, answer.json().get("error", {}).get("code", "")


@pytest.mark.parametrize("role", ["editor", "admin"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_reads_the_project_and_nothing_else(here, role, host):
    settings = Settings(home=here / ".tidemill", host=host)
    (here / "link.csv").symlink_to("/etc/passwd")

    assert ask(settings, here / "table.csv", role) == (201, "")
    for at, source in enumerate(["/etc/passwd", "../secret.csv", here.parent / "secret.csv", "link.csv", here]):
        other = Settings(home=here / f".other-{at}", host=host)
        assert ask(other, source, role) == (403, "source_refused"), source


def test_named_folders_take_the_place_of_the_project(here):
    settings = Settings(home=here / ".tidemill", data_roots=str(here.parent))

    assert ask(settings, here.parent / "secret.csv", "editor") == (201, "")
    closed = Settings(home=here / ".closed", data_roots=str(here / "data"))
    assert ask(closed, here / "table.csv", "editor") == (403, "source_refused")


@pytest.mark.parametrize("is_embedded", [True, False])
def test_the_owner_on_this_machine_reads_anything(here, is_embedded):
    settings = Settings(home=here / ".tidemill")

    assert ask(settings, here.parent / "secret.csv", is_embedded=is_embedded) == (201, "")
